//! Events over NATS: what is true of this bus alone. Two instances on one log, a server that is killed, paused, or loses all it
//! has, a stream that keeps little, one that is somebody else's.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use convoke::adapter::nats::{Address, Login, NatsBus, Settings, check};
use convoke::kernel::id::{TenantId, new_uuid};
use convoke::kernel::secret::Secret;
use convoke::kernel::time::Timestamp;
use convoke::port::bus::{Arrival, Bus as _};
use convoke::port::logs::{Keep, Log, LogQuery};
use convoke::port::records::{Field, FieldType, Filter, Scalar, Scope};
use convoke::port::store::{Batch, Step, Store};
use nkeys::KeyPair;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::conformance::place::{Declared, NOW, Place as _, SqlitePlace};
use crate::domain::events::receiver::until;
use crate::support::nats::{OwnNats, Working, settings};

static TOLD: Log = Log {
    name: "events",
    fields: &[Field { name: "subject", of: FieldType::Text }],
    text: &[],
    keep: Keep { age: Duration::from_hours(1), entries: 1_000_000 },
    followed: false,
};

const HERE: TenantId = TenantId::from_uuid(Uuid::from_u128(1));
const THERE: TenantId = TenantId::from_uuid(Uuid::from_u128(2));

/// A log of events, and buses over it.
struct Told {
    store: Arc<dyn Store>,
    _place: SqlitePlace,
}

impl Told {
    async fn new() -> Self {
        let place = SqlitePlace::new();
        let store = place.open(Declared { kinds: Vec::new(), logs: vec![&TOLD], unowned: Vec::new() }).await.unwrap();
        Self { store, _place: place }
    }

    /// Another instance on the log.
    fn instance(&self, settings: &Settings) -> Working {
        let instance = new_uuid(Timestamp::from_millis(0));
        Working::of(NatsBus::new(Settings { instance, ..settings.clone() }, self.store.clone(), &TOLD).unwrap())
    }

    /// Appends events with these numbers in one commit.
    async fn tell(&self, tenant: TenantId, numbers: std::ops::Range<u64>) {
        let step = |number: u64| {
            let body = json!({ "subject": (number % 4).to_string(), "number": number });
            Step::Append { log: &TOLD, stream: format!("order.of_{}", number % 3), body }
        };
        let steps = numbers.map(step).collect();
        self.store.commit(vec![Batch { tenant, at: NOW, steps }]).await.unwrap();
    }

    /// Everything after a place, by one that follows.
    async fn followed(working: &Working, tenant: TenantId, after: i64) -> (Vec<u64>, i64) {
        let (mut numbers, mut after) = (Vec::new(), after);
        loop {
            let heard = working.bus.follow(tenant, &Filter::All, after, 100).await.unwrap();
            numbers.extend(heard.events.iter().map(|event| event.body["number"].as_u64().unwrap()));
            after = heard.scanned;
            if !heard.more {
                return (numbers, after);
            }
        }
    }

    /// Waits until all that is committed is in the stream, as an instance sees it.
    async fn carried(&self, working: &Working) {
        let newest = self.store.last(&TOLD).await.unwrap();
        until("it is carried", async || (working.bus.reached()? >= newest).then_some(())).await;
    }
}

/// What one reader hears who follows for as long as it takes to hear so many: what the worker of a subscription does.
async fn hears(working: &Working, tenant: TenantId, count: usize) -> Vec<u64> {
    let mut arrivals = working.bus.arrivals().unwrap();
    let (mut all, mut after) = (Vec::new(), 0);
    let hearing = async {
        loop {
            let (numbers, scanned) = Told::followed(working, tenant, after).await;
            all.extend(numbers);
            after = scanned;
            if all.len() >= count {
                return;
            }
            // A worker looks now and then without a sign, too.
            let _ = tokio::time::timeout(Duration::from_millis(500), arrivals.recv()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), hearing)
        .await
        .unwrap_or_else(|_| panic!("not all {count} are heard"));
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_instances_copies_and_the_other_takes_over() {
    let Some(server) = OwnNats::start() else { return };
    let (told, settings) = (Told::new().await, settings(&server.url()));
    let (mut one, mut other) = (told.instance(&settings), told.instance(&settings));
    let lead = async |one: &Working, other: &Working| {
        until("one leads", async || (one.bus.leads() != other.bus.leads()).then_some(())).await;
    };
    told.tell(HERE, 0..100).await;
    lead(&one, &other).await;
    told.carried(&one).await;
    told.carried(&other).await;
    // Three times the one who copies is gone: without a word, and once with one.
    let mut next = 100;
    for round in 0..3 {
        if other.bus.leads() {
            std::mem::swap(&mut one, &mut other);
        }
        if round == 1 {
            one.stop().await;
        } else {
            drop(one);
        }
        told.tell(HERE, next..next + 700).await;
        next += 700;
        told.carried(&other).await;
        one = told.instance(&settings);
        told.tell(HERE, next..next + 10).await;
        next += 10;
        told.carried(&one).await;
        lead(&one, &other).await;
    }
    // Nothing was left out, came twice or changed its place, wherever it is read from.
    for working in [&one, &other] {
        let (numbers, _) = Told::followed(working, HERE, 0).await;
        assert_eq!(numbers, (0..next).collect::<Vec<_>>());
    }
    let fresh = told.instance(&Settings { tail_events: 0, ..settings });
    told.carried(&fresh).await;
    // The stream begins with what came after it was made. Where it does not answer in time the log is read, which is right and proves nothing here.
    until("the stream is read", async || {
        let before = fresh.bus.counted();
        assert_eq!(Told::followed(&fresh, HERE, 0).await.0, (0..next).collect::<Vec<_>>());
        let counted = fresh.bus.counted();
        (counted.stream - before.stream >= next - 100 && counted.log - before.log <= 100).then_some(())
    })
    .await;
}

/// Two who both copy, because neither hears the other: the stream lets only what follows in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_copy_at_once_get_in_each_others_way_and_nothing_else() {
    let Some(server) = OwnNats::start() else { return };
    let (told, settings) = (Told::new().await, settings(&server.url()));
    // They hear only words of their own: their stream is the same, and what they say of it is not.
    let deaf = |number: u32| Settings { voice: format!("deaf{number}"), ..settings.clone() };
    let (one, other) = (told.instance(&deaf(1)), told.instance(&deaf(2)));
    until("both lead", async || (one.bus.leads() && other.bus.leads()).then_some(())).await;
    for round in 0..40 {
        told.tell(HERE, round * 50..round * 50 + 50).await;
        one.bus.committed();
        other.bus.committed();
    }
    told.carried(&one).await;
    told.carried(&other).await;
    let fresh = told.instance(&Settings { tail_events: 0, ..settings });
    told.carried(&fresh).await;
    for working in [&one, &other, &fresh] {
        assert_eq!(Told::followed(working, HERE, 0).await.0, (0..2000).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_paused_or_robbed_under_load_costs_no_event() {
    const ROUNDS: u64 = 60;
    const EACH: u64 = 50;
    let Some(server) = OwnNats::start() else { return };
    let (told, settings) = (Told::new().await, settings(&server.url()));
    let (one, other) = (told.instance(&settings), told.instance(&settings));
    until("it works", async || (one.bus.reached().is_some() && other.bus.reached().is_some()).then_some(())).await;
    let telling = async {
        for round in 0..ROUNDS {
            told.tell(HERE, round * EACH..(round + 1) * EACH).await;
            one.bus.committed();
            if round % 7 == 0 {
                told.tell(THERE, 900_000..900_001).await;
            }
            match round {
                10 => server.kill(),
                16 => server.up(),
                25 => server.pause(true),
                35 => server.pause(false),
                45 => server.lose(),
                _ => {}
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let count = usize::try_from(ROUNDS * EACH).unwrap();
    let ((), heard, heard_elsewhere) = tokio::join!(telling, hears(&one, HERE, count), hears(&other, HERE, count));
    assert_eq!(heard, (0..ROUNDS * EACH).collect::<Vec<_>>());
    assert_eq!(heard_elsewhere, heard);
    // It is well again by itself, and what is committed now goes over it.
    until("it is well", async || one.bus.health().unwrap().fault.is_none().then_some(())).await;
    told.tell(HERE, 5000..5010).await;
    one.bus.committed();
    told.carried(&one).await;
    told.carried(&other).await;
    let (numbers, _) = Told::followed(&other, HERE, 0).await;
    assert_eq!(numbers.len(), count + 10);
}

/// Nobody waits for NATS: what is committed while it is away is heard while it is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_events_come_by_the_log() {
    let Some(server) = OwnNats::start() else { return };
    let (told, settings) = (Told::new().await, settings(&server.url()));
    let working = told.instance(&settings);
    until("it works", async || working.bus.reached()).await;
    let mut next = 0;
    for paused in [true, false] {
        told.tell(HERE, next..next + 10).await;
        told.carried(&working).await;
        let reached = working.bus.reached();
        if paused {
            server.pause(true);
        } else {
            server.kill();
        }
        told.tell(HERE, next + 10..next + 20).await;
        next += 20;
        assert_eq!(hears(&working, HERE, usize::try_from(next).unwrap()).await, (0..next).collect::<Vec<_>>());
        assert_eq!(working.bus.reached(), reached, "NATS has carried nothing of it");
        until("it is told", async || working.bus.health().unwrap().fault).await;
        if paused {
            server.pause(false);
        } else {
            server.up();
        }
        told.carried(&working).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_short_stream_keeps_no_more_is_read_from_the_log() {
    let Some(server) = OwnNats::start() else { return };
    let settings = Settings { tail_events: 10, most_bytes: Some(200_000), ..settings(&server.url()) };
    let (told, settings) = (Told::new().await, settings);
    let working = told.instance(&settings);
    until("it works", async || working.bus.reached()).await;
    for round in 0..20 {
        told.tell(HERE, round * 200..round * 200 + 200).await;
    }
    told.carried(&working).await;
    let (numbers, end) = Told::followed(&working, HERE, 0).await;
    assert_eq!(numbers, (0..4000).collect::<Vec<_>>());
    let counted = working.bus.counted();
    assert!(counted.log > 0 && counted.stream > 0, "a part is gone and a part is there: {counted:?}");
    assert_eq!(end, working.bus.newest(HERE).await.unwrap());
    // A topic is found in the stream by its subject.
    let of_one = Filter::is("stream", Scalar::Text("order.of_1".to_owned()));
    let first = working.bus.before(HERE, NOW).await.unwrap();
    let mut found = Vec::new();
    let mut after = first;
    loop {
        let heard = working.bus.read(HERE, &of_one, after, 77).await.unwrap();
        found.extend(heard.events.iter().map(|event| event.body["number"].as_u64().unwrap()));
        after = heard.scanned;
        if !heard.more {
            break;
        }
    }
    assert_eq!(found, (0..4000).filter(|number| number % 3 == 1).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_larger_than_a_message_may_be_goes_by_the_log() {
    let Some(server) = OwnNats::start_with(|_| "max_payload: 8192".to_owned()) else { return };
    let (told, settings) = (Told::new().await, settings(&server.url()));
    let working = told.instance(&settings);
    until("it works", async || working.bus.reached()).await;
    told.tell(HERE, 0..1).await;
    let body = json!({ "subject": "s", "number": 1, "much": "x".repeat(20_000) });
    let steps = vec![Step::Append { log: &TOLD, stream: "order.large".to_owned(), body: body.clone() }];
    told.store.commit(vec![Batch { tenant: HERE, at: NOW, steps }]).await.unwrap();
    told.tell(HERE, 2..3).await;
    told.carried(&working).await;
    let heard = working.bus.read(HERE, &Filter::All, 0, 10).await.unwrap();
    assert_eq!(heard.events.iter().map(|event| event.body["number"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(heard.events[1].body, body);
    let query = LogQuery { filter: Filter::All, beyond: Some(0), descending: false, limit: 10 };
    assert_eq!(told.store.entries(Scope::Tenant(HERE), &TOLD, query).await.unwrap(), heard.events);
}

/// A store that was put back to an earlier state gives out the same places once more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_another_past_is_made_anew() {
    let Some(server) = OwnNats::start() else { return };
    let settings = settings(&server.url());
    let (past, now) = (Told::new().await, Told::new().await);
    let working = past.instance(&settings);
    until("it works", async || working.bus.reached()).await;
    past.tell(HERE, 0..50).await;
    past.carried(&working).await;
    working.stop().await;
    now.tell(THERE, 100..130).await;
    now.tell(HERE, 200..230).await;
    let working = now.instance(&settings);
    now.carried(&working).await;
    now.tell(HERE, 230..240).await;
    now.carried(&working).await;
    until("it is told", async || (Told::followed(&working, HERE, 0).await.0.len() == 40).then_some(())).await;
    assert_eq!(Told::followed(&working, HERE, 0).await.0, (200..240).collect::<Vec<_>>());
    assert_eq!(Told::followed(&working, THERE, 0).await.0, (100..130).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_somebody_else_is_left_alone_and_told() {
    let Some(server) = OwnNats::start() else { return };
    let settings = settings(&server.url());
    let told = Told::new().await;
    let working = told.instance(&settings);
    until("it works", async || working.bus.reached()).await;
    let other = Told::new().await;
    let foreign = other.instance(&Settings { installation: "ffffff".to_owned(), ..settings });
    other.tell(HERE, 0..10).await;
    let told_of = |fault: &String| fault.contains("belongs to another installation: name another with nats.stream");
    until("it is told", async || foreign.bus.health().unwrap().fault.filter(told_of)).await;
    assert_eq!(Told::followed(&foreign, HERE, 0).await.0, (0..10).collect::<Vec<_>>(), "the log has them");
    told.tell(HERE, 0..10).await;
    told.carried(&working).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_told_and_waited_for() {
    let Some(server) = OwnNats::start() else { return };
    server.kill();
    let (told, settings) = (Told::new().await, settings(&server.url()));
    let working = told.instance(&settings);
    told.tell(HERE, 0..10).await;
    assert_eq!(hears(&working, HERE, 10).await, (0..10).collect::<Vec<_>>());
    assert!(working.bus.health().unwrap().fault.is_some());
    server.up();
    until("it works", async || working.bus.reached()).await;
    until("it is well", async || working.bus.health().unwrap().fault.is_none().then_some(())).await;
    let product = working.bus.health().unwrap().product.unwrap();
    assert!(product.starts_with("NATS ") && product.contains("stream 'test-"), "{product}");
    let mut arrivals = working.bus.arrivals().unwrap();
    told.tell(HERE, 10..11).await;
    working.bus.committed();
    let arrived = async { while arrivals.recv().await.unwrap() == Arrival::Anything {} };
    tokio::time::timeout(Duration::from_secs(30), arrived).await.unwrap();
}

fn secret(text: &str) -> convoke::adapter::nats::ReadSecret {
    let text = text.to_owned();
    Arc::new(move || Ok(Secret::new(text.clone())))
}

/// Whether a program with this login is let in by a server with this configuration; what it says where it is not. `None` where the
/// test is to be left out.
async fn logs_in(config: &str, login: Login) -> Option<Result<(), String>> {
    let server = OwnNats::start_with(|_| config.to_owned())?;
    let told = Told::new().await;
    let address = Address { login, ..settings(&server.url()).address };
    let working = told.instance(&Settings { address, ..settings(&server.url()) });
    let ended = until("it is let in or refused", async || {
        let refused = |fault: &String| fault.contains("authorization");
        let refused = working.bus.health().unwrap().fault.filter(refused);
        working.bus.reached().map(|_| Ok(())).or_else(|| refused.map(Err))
    });
    Some(ended.await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_logs_in_by_password_token_and_key() {
    let password = "authorization { user: convoke, password: \"open sesame\" }";
    let user = "convoke".to_owned();
    let Some(done) = logs_in(password, Login::Password(user.clone(), secret("open sesame"))).await else { return };
    done.unwrap();
    let refused = logs_in(password, Login::Password(user, secret("closed sesame"))).await.unwrap();
    assert!(!refused.unwrap_err().contains("sesame"));
    logs_in("authorization { token: \"s3cret\" }", Login::Token(secret("s3cret"))).await.unwrap().unwrap();
    logs_in("authorization { token: \"s3cret\" }", Login::Nobody).await.unwrap().unwrap_err();
    let (own, other) = (KeyPair::new_user(), KeyPair::new_user());
    let users = format!("authorization {{ users: [ {{ nkey: {} }} ] }}", own.public_key());
    let by = |pair: &KeyPair| Login::Nkey(secret(&pair.seed().unwrap()));
    logs_in(&users, by(&own)).await.unwrap().unwrap();
    logs_in(&users, by(&other)).await.unwrap().unwrap_err();
}

/// A JWT as tools of NATS write them.
fn jwt(issuer: &KeyPair, subject: &KeyPair, about: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "jti": "of-a-test", "iat": 1_700_000_000, "iss": issuer.public_key(), "name": "test",
        "sub": subject.public_key(), "nats": about,
    });
    let text = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "ed25519-nkey" })), part(&claims));
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_logs_in_by_a_file_of_credentials() {
    let (operator, account, user) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_user());
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
    });
    let about = json!({ "type": "account", "version": 2, "limits": limits });
    let system = KeyPair::new_account();
    let plain = json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1 });
    let of_system = json!({ "type": "account", "version": 2, "limits": plain });
    let of_operator = json!({ "type": "operator", "version": 2, "system_account": system.public_key() });
    let config = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {}: {} }}",
        jwt(&operator, &operator, &of_operator),
        system.public_key(),
        account.public_key(),
        jwt(&operator, &account, &about),
        system.public_key(),
        jwt(&operator, &system, &of_system),
    );
    let of_user = json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 });
    let file = |pair: &KeyPair| {
        format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\nIMPORTANT\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            jwt(&account, &user, &of_user),
            pair.seed().unwrap()
        )
    };
    let Some(done) = logs_in(&config, Login::Credentials(secret(&file(&user)))).await else { return };
    done.unwrap();
    // The JWT with another's key is nobody's.
    logs_in(&config, Login::Credentials(secret(&file(&KeyPair::new_user())))).await.unwrap().unwrap_err();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_speaks_tls_to_a_server_whose_certificate_it_trusts() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let server = OwnNats::start_with(|folder| {
        std::fs::write(folder.join("own.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("own.key"), made.signing_key.serialize_pem()).unwrap();
        std::fs::write(folder.join("other.pem"), other.cert.pem()).unwrap();
        let file = |name: &str| folder.join(name).display().to_string();
        format!("tls {{ cert_file: \"{}\", key_file: \"{}\" }}", file("own.pem"), file("own.key"))
    });
    let Some(server) = server else { return };
    let told = Told::new().await;
    let with = |name: &str| {
        let settings = settings(&server.url().replace("nats://", "tls://"));
        let authority = Some(server.folder().join(name));
        Settings { address: Address { authority, ..settings.address }, ..settings }
    };
    let trusting = told.instance(&with("own.pem"));
    until("it works", async || trusting.bus.reached()).await;
    let wary = told.instance(&with("other.pem"));
    let fault = until("it is refused", async || {
        let fault = wary.bus.health().unwrap().fault;
        fault.filter(|fault| fault != "no server has answered yet")
    });
    let fault = fault.await;
    assert!(wary.bus.reached().is_none() && !fault.is_empty(), "{fault}");
}

#[test]
fn what_cannot_be_used_is_told_before_anything_is_connected() {
    let address = |login| Address { urls: vec!["nats://localhost:1".to_owned()], authority: None, login };
    check(&address(Login::Token(secret("any")))).unwrap();
    let fault = check(&address(Login::Nkey(secret("hunter2")))).unwrap_err();
    assert!(fault.contains("the seed cannot be used") && !fault.contains("hunter2"), "{fault}");
    let fault = check(&address(Login::Credentials(secret("SUAB")))).unwrap_err();
    assert!(fault.contains("it holds no user JWT"), "{fault}");
    let missing: convoke::adapter::nats::ReadSecret = Arc::new(|| Err("the variable X is not set".to_owned()));
    assert_eq!(check(&address(Login::Token(missing))).unwrap_err(), "the variable X is not set");
    let authority = Some("/nowhere.pem".into());
    let fault = check(&Address { authority, ..address(Login::Nobody) }).unwrap_err();
    assert!(fault.contains("/nowhere.pem"), "{fault}");
}
