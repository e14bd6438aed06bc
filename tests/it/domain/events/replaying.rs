//! `event_replay`, and setting a subscription back with `event_redrive`.

use std::time::Duration;

use convoke::domain::events::faults::FROM_THE_FUTURE;
use convoke::kernel::codes;
use serde_json::{Value, json};

use super::receiver::{Receiver, publish, started, subscribe};
use crate::support::app::TestApp;

fn numbers(page: &Value) -> Vec<u64> {
    page["items"].as_array().unwrap().iter().map(|one| one["event"]["data"]["number"].as_u64().unwrap()).collect()
}

/// Five events, a minute apart, of one topic.
async fn with_events() -> TestApp {
    let app = TestApp::start().await;
    for number in 0..5 {
        publish(&app, "order.created", "a", number).await;
        app.clock.advance(Duration::from_secs(60));
    }
    app
}

#[tokio::test]
async fn events_are_replayed_from_a_time_a_position_and_page_by_page() {
    let app = with_events().await;
    let replay = async |input: Value| app.call(&app.member, "event_replay", input).await.unwrap();
    assert_eq!(numbers(&replay(json!({})).await), [0, 1, 2, 3, 4]);
    let since = replay(json!({ "from": "2026-11-20T12:03:00Z" })).await;
    assert_eq!(numbers(&since), [3, 4]);
    let position = &since["items"][0]["position"];
    assert_eq!(numbers(&replay(json!({ "fromPosition": position })).await), [3, 4]);
    let between = json!({ "from": "2026-11-20T12:01:00Z", "to": "2026-11-20T12:03:00Z" });
    assert_eq!(numbers(&replay(between).await), [1, 2]);
    assert!(numbers(&replay(json!({ "topic": "bill.*" })).await).is_empty());
    let first = replay(json!({ "limit": 2 })).await;
    let second = replay(json!({ "limit": 2, "pageToken": first["nextPageToken"] })).await;
    assert_eq!((numbers(&first), numbers(&second)), (vec![0, 1], vec![2, 3]));
}

#[tokio::test]
async fn the_future_cannot_be_replayed() {
    let app = with_events().await;
    for input in [json!({ "from": "2026-11-21T00:00:00Z" }), json!({ "fromPosition": 1_000_000 })] {
        let fault = app.call(&app.member, "event_replay", input.clone()).await.unwrap_err();
        assert!(fault.is(&FROM_THE_FUTURE), "{fault}");
        let mut input = input;
        input["subscriptionId"] = json!(crate::support::scene::ORDERS);
        let fault = app.call(&app.member, "event_redrive", input).await.unwrap_err();
        assert!(fault.is(&FROM_THE_FUTURE), "{fault}");
    }
    let nonsense = json!({ "from": "2026-11-20T12:01:00Z", "to": "2026-11-20T12:00:00Z" });
    assert!(app.call(&app.member, "event_replay", nonsense).await.unwrap_err().is(&codes::BAD_INPUT));
}

#[tokio::test]
async fn what_one_may_not_hear_is_not_replayed() {
    let app = with_events().await;
    app.call(&app.admin, "user_create", json!({ "email": "new@example.org" })).await.unwrap();
    let seen = app.call(&app.member, "event_replay", json!({ "topic": "user.*" })).await.unwrap();
    assert_eq!(seen["items"], json!([]));
    let seen = app.call(&app.stranger, "event_replay", json!({})).await.unwrap();
    assert_eq!(seen["items"], json!([]));
    let seen = app.call(&app.admin, "event_replay", json!({ "topic": "user.*" })).await.unwrap();
    assert_eq!(seen["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_subscription_is_set_back_and_gets_everything_once_more() {
    let app = started().await;
    let mut receiver = Receiver::start().await;
    let target = json!({ "type": "webhook", "url": receiver.url() });
    let made = subscribe(&app, &app.member, &["order.*"], target, json!({})).await;
    for number in 0..3 {
        publish(&app, "order.created", "a", number).await;
    }
    let mut first = Vec::new();
    for number in 0..3 {
        let received = receiver.next().await;
        assert_eq!(received.json()["data"]["number"], number);
        first.push(received.header("webhook-id").to_owned());
    }
    let position = made["position"].as_i64().unwrap();
    let back = json!({ "subscriptionId": made["id"], "fromPosition": position + 1 });
    let told = app.call(&app.member, "event_redrive", back).await.unwrap();
    assert_eq!(told["position"], position);
    for (number, id) in first.iter().enumerate() {
        let received = receiver.next().await;
        assert_eq!(received.json()["data"]["number"], number);
        assert_ne!(received.header("webhook-id"), id, "sent once more on purpose, it is another message");
    }
}
