//! The real program, killed while it delivers: every event that was acknowledged arrives, in order for each key, and what was
//! delivered long before does not come again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::domain::events::receiver::{Answers, Receiver};
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

/// A receiver that does everything wrong, again and again and in the middle of it well, beside one that is well. What it was told
/// of without an error of its own it was told of in order, and in the end it has everything.
#[test]
fn a_receiver_that_misbehaves_is_told_everything_in_order() {
    let place = Place::new();
    let runtime = Runtime::new().unwrap();
    let (mut bad, mut good) = runtime.block_on(async { (Receiver::start().await, Receiver::start().await) });
    let server = place.serve_with(&SETTINGS);
    let key = server.key.clone().unwrap();
    let client = client();
    let post = |path: &str, body: &Value| {
        let request = client.post(format!("{}/api/v1{path}", server.url)).bearer_auth(&key).json(body);
        runtime.block_on(async { request.send().await?.error_for_status()?.json::<Value>().await }).unwrap()
    };
    // Each of these is one attempt; between them it takes what it gets.
    let wrong = [
        Answers::Status(500),
        Answers::Never,
        Answers::Status(204),
        Answers::Flood,
        Answers::After(Duration::from_secs(3)),
        Answers::Status(204),
        Answers::Headers,
        Answers::Status(503),
        Answers::Status(204),
        Answers::With(429, "retry-after", "1".to_owned()),
    ];
    bad.answer(wrong.iter().cycle().take(3 * wrong.len()).cloned());
    for (url, more) in [(bad.url(), json!({ "attempts": 50, "longestRetrySeconds": 1 })), (good.url(), json!({}))] {
        let target = json!({ "type": "webhook", "url": url, "timeoutSeconds": 1 });
        let mut input = json!({ "topics": ["order.*"], "target": target });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post("/subscriptions", &input);
    }
    for number in 0..PUBLISHED {
        let event = json!({ "number": number });
        post("/events", &json!({ "topic": "order.created", "subject": (number % KEYS).to_string(), "event": event }));
    }
    // One that is well is not held up, and hears each once.
    let mut heard: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for _ in 0..PUBLISHED {
        let number = runtime.block_on(good.next()).json()["data"]["number"].as_u64().unwrap();
        heard.entry(number % KEYS).or_default().push(number);
    }
    let expected: BTreeMap<u64, Vec<u64>> =
        (0..KEYS).map(|key| (key, (key..PUBLISHED).step_by(usize::try_from(KEYS).unwrap()).collect())).collect();
    assert_eq!(heard, expected);
    // The other is told of each until it takes it, and of the next of its key not before.
    let (mut seen, mut attempts) = (BTreeMap::<u64, u64>::new(), 0);
    while seen.len() < usize::try_from(KEYS).unwrap() || seen.values().any(|last| last + KEYS < PUBLISHED) {
        let number = runtime.block_on(bad.next()).json()["data"]["number"].as_u64().unwrap();
        attempts += 1;
        let before = seen.insert(number % KEYS, number);
        let is_next = before.map_or(number < KEYS, |before| number == before || number == before + KEYS);
        assert!(is_next, "{number} after {before:?}");
    }
    assert!(attempts > PUBLISHED, "it was told of some more than once");
    let page = runtime.block_on(async {
        let request = client.get(format!("{}/api/v1/events/dead-letters", server.url)).bearer_auth(&key);
        request.send().await.unwrap().json::<Value>().await.unwrap()
    });
    assert_eq!(page["items"], json!([]), "nothing was given up");
    assert_eq!(server.stop(), 0);
}
