//! The real program, killed while it delivers: every event that was acknowledged arrives, in order for each key, and what was
//! delivered long before does not come again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::domain::events::receiver::Receiver;
use crate::doors::served::client;
use crate::support::program::Place;

const KILLS: u64 = 6;
const PUBLISHED: u64 = 60;
const KEYS: u64 = 4;
const SETTINGS: [&str; 4] =
    ["--set", "limits.writes_per_minute=1000000", "--set", "outside.private_networks=127.0.0.0/8"];

#[test]
fn kills_lose_no_event_and_keep_the_order() {
    let place = Place::new();
    let runtime = Runtime::new().unwrap();
    let mut receiver = runtime.block_on(Receiver::start());
    let mut server = place.serve_with(&SETTINGS);
    let key = server.key.clone().unwrap();
    let client = client();
    let post = |url: &str, path: &str, body: &Value| {
        let request = client.post(format!("{url}/api/v1{path}")).bearer_auth(&key).json(body);
        runtime.block_on(async { request.send().await?.error_for_status()?.json::<Value>().await })
    };
    let target = json!({ "type": "webhook", "url": receiver.url() });
    post(&server.url, "/subscriptions", &json!({ "topics": ["order.*"], "target": target })).unwrap();
    let mut acknowledged = BTreeSet::new();
    let mut next = 0;
    for round in 0..=KILLS {
        for _ in 0..PUBLISHED {
            let event = json!({ "number": next });
            let input = json!({ "topic": "order.created", "subject": (next % KEYS).to_string(), "event": event });
            if post(&server.url, "/events", &input).is_ok() {
                acknowledged.insert(next);
            }
            next += 1;
        }
        if round < KILLS {
            server.kill();
            server = place.serve_with(&SETTINGS);
        }
    }
    let (mut seen, mut last): (BTreeSet<u64>, BTreeMap<u64, u64>) = Default::default();
    while !acknowledged.is_subset(&seen) {
        let received = runtime.block_on(receiver.next());
        let number = received.json()["data"]["number"].as_u64().unwrap();
        if !seen.insert(number) {
            continue;
        }
        // What comes for the first time comes in order.
        let before = last.insert(number % KEYS, number);
        assert!(before.is_none_or(|before| before < number), "{number} after {before:?}");
    }
    assert_eq!(acknowledged.len() as u64, next, "each was answered before the kill");
    // What was delivered before a stop does not come again after it.
    assert_eq!(server.stop(), 0);
    while receiver.already().is_some() {}
    let server = place.serve_with(&SETTINGS);
    let input = json!({ "topic": "order.created", "subject": "0", "event": { "number": next } });
    post(&server.url, "/events", &input).unwrap();
    assert_eq!(runtime.block_on(receiver.next()).json()["data"]["number"], next);
    assert_eq!(server.stop(), 0);
}
