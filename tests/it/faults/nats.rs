//! What becomes of events while NATS is killed, paused, robbed of all it has and cut off: every event that was acknowledged arrives, in
//! order for each key.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::domain::events::receiver::Receiver;
use crate::doors::served::client;
use crate::support::nats::OwnNats;
use crate::support::program::{Place, Served};
use crate::support::servers::Database;

const ROUNDS: u64 = 6;
const PUBLISHED: u64 = 60;
const KEYS: u64 = 4;

/// Two real programs on one PostgreSQL and one NATS, killed in turns.
#[test]
fn killing_programs_and_nats_loses_no_event_and_keeps_the_order() {
    let (Some(database), Some(nats)) = (Database::find(), OwnNats::start()) else { return };
    let runtime = Runtime::new().unwrap();
    let database_url = format!("store.url={}", runtime.block_on(database.url()));
    let nats_url = format!("nats.urls={}", nats.url());
    let settings = [
        "limits.writes_per_minute=1000000",
        "outside.private_networks=127.0.0.0/8",
        "store.backend=postgres",
        &database_url,
        "events.bus=nats",
        &nats_url,
    ];
    let settings: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let places = [Place::new(), Place::new()];
    let serve = |at: usize| places[at].serve_with(&settings);
    let mut servers: [Option<Served>; 2] = [Some(serve(0)), None];
    let key = servers[0].as_ref().unwrap().key.clone().unwrap();
    servers[1] = Some(serve(1));
    let mut receiver = runtime.block_on(Receiver::start());
    let client = client();
    let post = |url: &str, path: &str, body: &Value| {
        let request = client.post(format!("{url}/api/v1{path}")).bearer_auth(&key).json(body);
        runtime.block_on(async { request.send().await?.error_for_status()?.json::<Value>().await })
    };
    let url = |servers: &[Option<Served>; 2], at: usize| servers[at].as_ref().unwrap().url.clone();
    let target = json!({ "type": "webhook", "url": receiver.url() });
    post(&url(&servers, 0), "/subscriptions", &json!({ "topics": ["order.*"], "target": target })).unwrap();
    let mut acknowledged = BTreeSet::new();
    let mut next = 0;
    for round in 0..=ROUNDS {
        for _ in 0..PUBLISHED {
            let event = json!({ "number": next });
            let input = json!({ "topic": "order.created", "subject": (next % KEYS).to_string(), "event": event });
            // Each after the one before it was answered, at one of both.
            let at = usize::try_from(next % 2).unwrap();
            if post(&url(&servers, at), "/events", &input).is_ok() {
                acknowledged.insert(next);
            }
            next += 1;
        }
        match round {
            1 => nats.kill(),
            2 => nats.up(),
            3 => nats.pause(true),
            4 => nats.pause(false),
            5 => nats.lose(),
            _ => {}
        }
        if round < ROUNDS {
            let victim = usize::try_from(round % 2).unwrap();
            servers[victim].take().unwrap().kill();
            servers[victim] = Some(serve(victim));
        }
    }
    assert_eq!(acknowledged.len() as u64, next, "each was answered before the kill, whatever NATS does");
    runtime.block_on(all_arrive(&mut receiver, &acknowledged));
    // It is well again by itself.
    runtime.block_on(stands(&url(&servers, 0), &key, "ok"));
    for server in servers.into_iter().flatten() {
        assert_eq!(server.stop(), 0);
    }
}

/// The wire to the server is cut while events are published: for a moment, in which what was sent is sent again by itself, and for
/// longer than the program waits for an answer.
#[cfg(target_os = "linux")]
#[test]
fn a_network_to_nats_that_is_cut_under_load_loses_no_event_and_keeps_the_order() {
    let Some(wire) = crate::support::wire::Wire::lay() else { return };
    let Some(nats) = OwnNats::start_behind(wire) else { return };
    let urls = format!("nats.urls={}", nats.url());
    let settings = [
        "limits.writes_per_minute=1000000",
        "outside.private_networks=127.0.0.0/8",
        "events.bus=nats",
        "nats.insecure=true",
        &urls,
    ];
    let settings: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let place = Place::new();
    let server = place.serve_with(&settings);
    let key = server.key.clone().unwrap();
    let runtime = Runtime::new().unwrap();
    let client = client();
    let post = async |path: &str, body: &Value| {
        let request = client.post(format!("{}/api/v1{path}", server.url)).bearer_auth(&key).json(body);
        request.send().await.unwrap().error_for_status().unwrap();
    };
    runtime.block_on(async {
        let mut receiver = Receiver::start().await;
        let target = json!({ "type": "webhook", "url": receiver.url() });
        post("/subscriptions", &json!({ "topics": ["order.*"], "target": target })).await;
        let mut acknowledged = BTreeSet::new();
        let mut publish = async |span: Duration| {
            let began = Instant::now();
            while began.elapsed() < span {
                let next = acknowledged.len() as u64;
                let event = json!({ "number": next });
                // Whatever becomes of NATS, publishing goes on.
                let input = json!({ "topic": "order.created", "subject": (next % KEYS).to_string(), "event": event });
                post("/events", &input).await;
                acknowledged.insert(next);
            }
        };
        publish(Duration::from_millis(300)).await;
        for cut in [Duration::from_millis(500), Duration::from_secs(3)] {
            nats.cut(true);
            publish(cut).await;
            if cut > Duration::from_secs(1) {
                stands(&server.url, &key, "degraded").await;
            }
            nats.cut(false);
            publish(Duration::from_millis(300)).await;
        }
        all_arrive(&mut receiver, &acknowledged).await;
        stands(&server.url, &key, "ok").await;
    });
    assert_eq!(server.stop(), 0);
}

/// Waits until every event that was acknowledged has arrived, in order for each key.
async fn all_arrive(receiver: &mut Receiver, acknowledged: &BTreeSet<u64>) {
    let (mut seen, mut last): (BTreeSet<u64>, BTreeMap<u64, u64>) = Default::default();
    while !acknowledged.is_subset(&seen) {
        let received = receiver.next().await;
        let number = received.json()["data"]["number"].as_u64().unwrap();
        if !seen.insert(number) {
            continue;
        }
        // What comes for the first time comes in order.
        let before = last.insert(number % KEYS, number);
        assert!(before.is_none_or(|before| before < number), "{number} after {before:?}");
    }
}

/// Waits until health says of the bus that it is so.
async fn stands(url: &str, key: &str, wanted: &str) {
    let client = client();
    let began = Instant::now();
    loop {
        let request = client.get(format!("{url}/api/v1/health")).bearer_auth(key);
        let health: Value = request.send().await.unwrap().json().await.unwrap();
        let backends = health["details"]["backends"].as_array().unwrap();
        let bus = backends.iter().find(|backend| backend["name"] == "events").unwrap();
        if bus["status"] == wanted {
            return;
        }
        assert!(began.elapsed().as_secs() < 30, "{bus}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
