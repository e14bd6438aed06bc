//! `event_pull`: taking, acknowledging, visibility, order, dead letters.

use std::time::Duration;

use convoke::domain::events::faults::NOT_PULLED;
use serde_json::{Value, json};

use super::receiver::{letters, listed, publish, subscribe};
use crate::support::app::TestApp;

async fn queue(more: Value) -> (TestApp, Value) {
    let app = TestApp::start().await;
    let made = subscribe(&app, &app.member, &["order.*"], json!({ "type": "pull" }), more).await;
    (app, made)
}

async fn pull(app: &TestApp, queue: &Value, more: Value) -> Value {
    let mut input = json!({ "id": queue["id"] });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.call(&app.member, "event_pull", input).await.unwrap()
}

fn numbers(pulled: &Value) -> Vec<u64> {
    let events = pulled["events"].as_array().unwrap();
    events.iter().map(|one| one["event"]["data"]["number"].as_u64().unwrap()).collect()
}

fn receipts(pulled: &Value) -> Vec<Value> {
    pulled["events"].as_array().unwrap().iter().map(|one| one["receipt"].clone()).collect()
}

#[tokio::test]
async fn what_is_acknowledged_goes_and_what_is_not_comes_back() {
    let (app, queue) = queue(json!({})).await;
    for number in 0..5 {
        publish(&app, "order.created", &format!("order-{number}"), number).await;
    }
    let first = pull(&app, &queue, json!({ "limit": 3, "visibilitySeconds": 60 })).await;
    assert_eq!(numbers(&first), [0, 1, 2]);
    let second = pull(&app, &queue, json!({ "acknowledge": [receipts(&first)[0], receipts(&first)[2]] })).await;
    assert_eq!((numbers(&second), &second["acknowledged"]), (vec![3, 4], &json!(2)));
    assert_eq!(listed(&app, &queue).await["lag"]["taken"], 3);
    app.clock.advance(Duration::from_secs(61));
    let third = pull(&app, &queue, json!({ "acknowledge": receipts(&first) })).await;
    assert_eq!((numbers(&third), third["stale"].as_array().unwrap().len()), (vec![1, 3, 4], 3));
    assert_eq!(third["events"][0]["attempt"], 2);
    let last = pull(&app, &queue, json!({ "acknowledge": receipts(&third) })).await;
    assert!(numbers(&last).is_empty());
    let lag = listed(&app, &queue).await["lag"].clone();
    assert_eq!((&lag["waiting"], &lag["taken"], &lag["delivered"]), (&json!(0), &json!(0), &json!(5)));
}

#[tokio::test]
async fn those_of_one_key_wait_for_each_other() {
    let (app, queue) = queue(json!({})).await;
    for (number, subject) in ["a", "b", "a", "b"].into_iter().enumerate() {
        publish(&app, "order.created", subject, number as u64).await;
    }
    let first = pull(&app, &queue, json!({ "limit": 1 })).await;
    assert_eq!(numbers(&first), [0]);
    assert_eq!(numbers(&pull(&app, &queue, json!({})).await), [1, 3], "2 waits for 0");
    assert!(numbers(&pull(&app, &queue, json!({})).await).is_empty());
    // Given back, it comes first again.
    assert_eq!(numbers(&pull(&app, &queue, json!({ "release": receipts(&first) })).await), [0, 2]);
}

#[tokio::test]
async fn what_is_never_acknowledged_becomes_a_dead_letter_and_can_be_tried_again() {
    let (app, queue) = queue(json!({ "attempts": 2, "order": "all" })).await;
    for number in 0..2 {
        publish(&app, "order.created", "a", number).await;
    }
    for attempt in 1..=2 {
        let pulled = pull(&app, &queue, json!({ "limit": 1 })).await;
        assert_eq!((numbers(&pulled), &pulled["events"][0]["attempt"]), (vec![0], &json!(attempt)));
        app.clock.advance(Duration::from_secs(31));
    }
    let pulled = pull(&app, &queue, json!({})).await;
    assert_eq!(numbers(&pulled), [1]);
    let dead = letters(&app, &queue).await;
    assert_eq!((&dead[0]["code"], &dead[0]["attempts"]), (&json!("not_acknowledged"), &json!(2)));
    assert_eq!(dead[0]["event"]["data"]["number"], 0);
    let redriven = app.call(&app.member, "event_redrive", json!({ "ids": [dead[0]["id"]] })).await.unwrap();
    assert_eq!(redriven["redriven"], 1);
    let again = pull(&app, &queue, json!({ "acknowledge": receipts(&pulled) })).await;
    assert_eq!(numbers(&again), [0]);
    pull(&app, &queue, json!({ "acknowledge": receipts(&again) })).await;
    assert!(letters(&app, &queue).await.is_empty());
    assert!(numbers(&pull(&app, &queue, json!({})).await).is_empty());
}

#[tokio::test]
async fn two_who_take_at_once_never_get_the_same() {
    let (app, queue) = queue(json!({})).await;
    for number in 0..40 {
        publish(&app, "order.created", &format!("order-{number}"), number).await;
    }
    let all = futures::future::join_all((0..4).map(|_| pull(&app, &queue, json!({ "limit": 10 })))).await;
    let mut taken: Vec<u64> = all.iter().flat_map(numbers).collect();
    taken.sort_unstable();
    assert_eq!(taken, (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_taken_and_acknowledged_is_known_after_a_restart() {
    let (app, queue) = queue(json!({})).await;
    for number in 0..3 {
        publish(&app, "order.created", &format!("order-{number}"), number).await;
    }
    let first = pull(&app, &queue, json!({ "limit": 2 })).await;
    pull(&app, &queue, json!({ "limit": 0, "acknowledge": [receipts(&first)[1]] })).await;
    let app = app.restart().await;
    assert_eq!(numbers(&pull(&app, &queue, json!({})).await), [2]);
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(numbers(&pull(&app, &queue, json!({})).await), [0, 2]);
}

#[tokio::test]
async fn what_is_delivered_is_not_taken() {
    let app = TestApp::start().await;
    let target = json!({ "type": "webhook", "url": "https://8.8.8.8/" });
    let made = subscribe(&app, &app.member, &["order.*"], target, json!({})).await;
    let fault = app.call(&app.member, "event_pull", json!({ "id": made["id"] })).await.unwrap_err();
    assert!(fault.is(&NOT_PULLED), "{fault}");
}
