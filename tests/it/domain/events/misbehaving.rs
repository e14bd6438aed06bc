//! Receivers that hang, answer 500, answer after their time, flood, redirect, or are not there: each is bounded, and holds up
//! nobody else.

use std::time::Duration;

use serde_json::{Value, json};

use super::receiver::{Answers, Receiver, letters, listed, publish, started, subscribe, until};
use crate::support::app::TestApp;

/// A subscription to a receiver that misbehaves, and one to another that does not.
async fn beside_each_other(app: &TestApp, bad: &Receiver, good: &Receiver, timeout: u64) -> Value {
    let target = |url: String| json!({ "type": "webhook", "url": url, "timeoutSeconds": timeout });
    let made = subscribe(app, &app.member, &["order.*"], target(bad.url()), json!({ "attempts": 1 })).await;
    subscribe(app, &app.member, &["order.*"], target(good.url()), json!({})).await;
    made
}

async fn code_of(answer: Answers) -> (String, String) {
    let app = started().await;
    let (bad, mut good) = (Receiver::start().await, Receiver::start().await);
    bad.answer_always(answer);
    let made = beside_each_other(&app, &bad, &good, 1).await;
    for number in 0..5 {
        publish(&app, "order.created", "a", number).await;
    }
    for number in 0..5 {
        assert_eq!(good.next().await.json()["data"]["number"], number);
    }
    let dead = until("a dead letter", async || letters(&app, &made).await.first().cloned()).await;
    assert_eq!(dead["event"]["data"]["number"], 0);
    (dead["code"].as_str().unwrap().to_owned(), dead["reason"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn one_that_hangs() {
    assert_eq!(code_of(Answers::Never).await.0, "timed_out");
}

#[tokio::test]
async fn one_that_answers_after_its_time() {
    assert_eq!(code_of(Answers::After(Duration::from_secs(3))).await.0, "timed_out");
}

#[tokio::test]
async fn one_that_answers_500() {
    assert_eq!(code_of(Answers::Status(500)).await.0, "http_500");
}

#[tokio::test]
async fn one_that_floods() {
    let (code, reason) = code_of(Answers::Flood).await;
    assert_eq!(code, "http_500");
    assert!(reason.len() < 400, "only the beginning is kept");
}

#[tokio::test]
async fn one_that_floods_with_headers() {
    assert_eq!(code_of(Answers::Headers).await.0, "no_answer");
}

#[tokio::test]
async fn one_that_redirects_is_not_followed() {
    let inside = Receiver::start().await;
    let (code, _) = code_of(Answers::With(307, "location", inside.url())).await;
    assert_eq!(code, "http_307");
    let mut inside = inside;
    assert!(inside.already().is_none());
}

#[tokio::test]
async fn one_that_is_not_there() {
    let app = started().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let made =
        subscribe(&app, &app.member, &["order.*"], json!({ "type": "webhook", "url": url }), json!({ "attempts": 1 }))
            .await;
    publish(&app, "order.created", "a", 0).await;
    let dead = until("a dead letter", async || letters(&app, &made).await.first().cloned()).await;
    assert_eq!(dead["code"], "no_answer");
}

/// An address that was allowed when it was subscribed to and is not any more: nothing is sent there.
#[tokio::test]
async fn one_that_may_not_be_called_any_more() {
    let app = started().await;
    let mut receiver = Receiver::start().await;
    let target = json!({ "type": "webhook", "url": receiver.url() });
    let made = subscribe(&app, &app.member, &["order.*"], target, json!({})).await;
    app.app.close(Duration::from_secs(5)).await;
    let app = app.open_again_with(|_| {}).await;
    app.app.start().await.unwrap();
    publish(&app, "order.created", "a", 0).await;
    let dead = until("a dead letter", async || letters(&app, &made).await.first().cloned()).await;
    assert_eq!((&dead["code"], &dead["attempts"]), (&json!("forbidden_address"), &json!(1)));
    assert!(receiver.already().is_none());
}

#[tokio::test]
async fn one_that_asks_to_wait_is_waited_for() {
    let app = started().await;
    let mut receiver = Receiver::start().await;
    receiver.answer([Answers::With(429, "retry-after", "120".to_owned())]);
    let made =
        subscribe(&app, &app.member, &["order.*"], json!({ "type": "webhook", "url": receiver.url() }), json!({}))
            .await;
    publish(&app, "order.created", "a", 0).await;
    receiver.next().await;
    until("it is tried again later", async || (listed(&app, &made).await["lag"]["retrying"] == 1).then_some(())).await;
    app.clock.advance(Duration::from_secs(60));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert!(receiver.already().is_none());
    app.clock.advance(Duration::from_secs(61));
    receiver.next().await;
}

/// What nobody takes is not piled up as dead letters without an end.
#[tokio::test]
async fn one_to_which_nothing_can_be_delivered_is_suspended() {
    let app = started().await;
    let receiver = Receiver::start().await;
    receiver.answer_always(Answers::Status(500));
    let target = json!({ "type": "webhook", "url": receiver.url() });
    let made = subscribe(&app, &app.member, &["order.*"], target, json!({ "attempts": 1 })).await;
    for number in 0..40 {
        publish(&app, "order.created", "a", number).await;
    }
    let one = until("it is suspended", async || {
        let one = listed(&app, &made).await;
        (one["state"] == "suspended").then_some(one)
    });
    assert!(one.await["reason"].as_str().unwrap().starts_with("20 events in a row"));
    assert_eq!(letters(&app, &made).await.len(), 20);
}
