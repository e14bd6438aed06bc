//! Delivering: signed, in order, tried again, dead when it is hopeless, and going on after an end.

use std::time::Duration;

use convoke::domain::events::model::progress::Progress;
use convoke::port::records::{Document as _, Scope};
use serde_json::{Value, json};

use super::receiver::{Answers, Receiver, letters, listed, publish, started, subscribe, to_this_machine, until};
use crate::support::app::TestApp;

async fn hooked(more: Value) -> (TestApp, Receiver, Value) {
    let app = started().await;
    let receiver = Receiver::start().await;
    let target = json!({ "type": "webhook", "url": receiver.url() });
    let made = subscribe(&app, &app.member, &["order.*"], target, more).await;
    (app, receiver, made)
}

#[tokio::test]
async fn a_webhook_gets_what_happens_signed_and_in_order() {
    let (app, mut receiver, made) = hooked(json!({ "filter": [{ "field": "/data/number", "isNot": 1 }] })).await;
    for number in 0..20 {
        publish(&app, "order.created", "order-1", number).await;
    }
    publish(&app, "bill.sent", "order-1", 99).await;
    for number in (0..20).filter(|number| *number != 1) {
        let received = receiver.next().await;
        let body = received.json();
        assert_eq!((&body["type"], &body["data"]["number"]), (&json!("order.created"), &json!(number)));
        assert_eq!((&body["subject"], &body["tenantId"]), (&json!("order-1"), &json!(app.admin.tenant)));
        assert_eq!(received.header("content-type"), "application/json");
        assert_eq!(received.header("webhook-timestamp"), "1795176000");
        assert!(received.header("webhook-id").starts_with("msg_"));
        assert!(received.is_signed_by(made["secret"].as_str().unwrap()));
        assert!(!received.is_signed_by("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    }
    let lag = until("the lag is gone", async || {
        let lag = listed(&app, &made).await["lag"].clone();
        (lag["waiting"] == 0).then_some(lag)
    });
    let lag = lag.await;
    assert_eq!((&lag["delivered"], &lag["failed"]), (&json!(19), &json!(0)));
    assert!(receiver.already().is_none());
}

#[tokio::test]
async fn what_fails_is_tried_again_and_what_has_the_same_key_waits() {
    let (app, mut receiver, made) = hooked(json!({})).await;
    receiver.answer([Answers::Status(500), Answers::Status(204)]);
    publish(&app, "order.created", "a", 0).await;
    let failed = receiver.next().await;
    publish(&app, "order.created", "a", 1).await;
    publish(&app, "order.created", "b", 2).await;
    assert_eq!(receiver.next().await.json()["data"]["number"], 2, "another key does not wait");
    assert!(listed(&app, &made).await["lag"]["retrying"].is_u64());
    app.clock.advance(Duration::from_secs(2));
    let again = receiver.next().await;
    assert_eq!(
        (again.json()["data"]["number"].as_u64(), again.header("webhook-id")),
        (Some(0), failed.header("webhook-id"))
    );
    assert_eq!(receiver.next().await.json()["data"]["number"], 1);
    assert!(letters(&app, &made).await.is_empty());
}

#[tokio::test]
async fn what_fails_too_often_is_a_dead_letter_that_can_be_redriven() {
    let (app, mut receiver, made) = hooked(json!({ "attempts": 2 })).await;
    receiver.answer([Answers::Status(503), Answers::Status(500)]);
    publish(&app, "order.created", "a", 0).await;
    receiver.next().await;
    publish(&app, "order.created", "a", 1).await;
    app.clock.advance(Duration::from_secs(2));
    receiver.next().await;
    assert_eq!(receiver.next().await.json()["data"]["number"], 1, "what waited goes on");
    let dead = until("a dead letter", async || letters(&app, &made).await.first().cloned()).await;
    assert_eq!((&dead["code"], &dead["attempts"], &dead["state"]), (&json!("http_500"), &json!(2), &json!("dead")));
    assert_eq!(dead["reason"], "the receiver answered 500: as told");
    let told = app.call(&app.admin, "event_replay", json!({ "topic": "event.dead_lettered" })).await.unwrap();
    assert_eq!(told["items"][0]["event"]["data"]["letterId"], dead["id"]);
    let redriven = app.call(&app.member, "event_redrive", json!({ "subscriptionId": made["id"] })).await.unwrap();
    assert_eq!((&redriven["redriven"], &redriven["more"]), (&json!(1), &json!(false)));
    assert_eq!(receiver.next().await.json()["data"]["number"], 0);
    until("no dead letter", async || letters(&app, &made).await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_is_left_alone_until_it_is_redriven() {
    let (app, mut receiver, made) = hooked(json!({})).await;
    receiver.answer([Answers::Status(410)]);
    publish(&app, "order.created", "a", 0).await;
    receiver.next().await;
    let suspended = until("it is suspended", async || {
        let one = listed(&app, &made).await;
        (one["state"] == "suspended").then_some(one)
    });
    assert!(suspended.await["reason"].as_str().unwrap().contains("410"));
    publish(&app, "order.created", "a", 1).await;
    let resumed = app.call(&app.member, "event_redrive", json!({ "subscriptionId": made["id"] })).await.unwrap();
    assert_eq!(resumed["resumed"], true);
    for number in 0..2 {
        assert_eq!(receiver.next().await.json()["data"]["number"], number, "nothing was lost meanwhile");
    }
}

#[tokio::test]
async fn a_subscription_ends_with_the_key_that_it_was_made_with() {
    let (app, mut receiver, _) = hooked(json!({})).await;
    let key = app.call(&app.member, "api_key_create", json!({ "name": "for a hook" })).await.unwrap();
    let target = json!({ "type": "webhook", "url": receiver.url() });
    let input = json!({ "topics": ["bill.*"], "target": target });
    let made = app.call_by_key(key["key"].as_str().unwrap(), "event_subscribe", input).await.unwrap();
    publish(&app, "bill.sent", "a", 0).await;
    receiver.next().await;
    app.call(&app.member, "api_key_revoke", json!({ "id": key["id"] })).await.unwrap();
    publish(&app, "bill.sent", "a", 1).await;
    until("it is suspended", async || (listed(&app, &made).await["state"] == "suspended").then_some(())).await;
    assert!(receiver.already().is_none());
}

#[tokio::test]
async fn nothing_goes_to_who_unsubscribed() {
    let (app, mut receiver, made) = hooked(json!({})).await;
    publish(&app, "order.created", "a", 0).await;
    receiver.next().await;
    app.call(&app.member, "event_unsubscribe", json!({ "id": made["id"] })).await.unwrap();
    publish(&app, "order.created", "a", 1).await;
    let other =
        subscribe(&app, &app.member, &["order.*"], json!({ "type": "webhook", "url": receiver.url() }), json!({}));
    other.await;
    publish(&app, "order.created", "a", 2).await;
    assert_eq!(receiver.next().await.json()["data"]["number"], 2);
}

#[tokio::test]
async fn who_was_down_catches_up_in_order() {
    let app = TestApp::start_with(to_this_machine).await;
    let mut receiver = Receiver::start().await;
    let target = json!({ "type": "webhook", "url": receiver.url() });
    let made = subscribe(&app, &app.member, &["order.*"], target, json!({})).await;
    let more = |from: u64| -> Vec<Value> {
        let event = |number: u64| json!({ "topic": "order.created", "subject": (number % 7).to_string(), "event": { "number": number } });
        (from..from + 500).map(event).collect()
    };
    for batch in 0..4_u64 {
        let mut all = more(batch * 500);
        let mut input = all.remove(0);
        input["more"] = all.into();
        app.call(&app.member, "event_publish", input).await.unwrap();
    }
    assert_eq!(listed(&app, &made).await["lag"]["moreWaiting"], true);
    app.app.start().await.unwrap();
    let mut last = [None; 7];
    for _ in 0..2000 {
        let number = receiver.next().await.json()["data"]["number"].as_u64().unwrap();
        let of_key = &mut last[usize::try_from(number % 7).unwrap()];
        assert_eq!(
            number,
            of_key.map_or(number % 7, |before: u64| before + 7),
            "nothing is left out or comes out of order"
        );
        *of_key = Some(number);
    }
    let progress = until("the place is written", async || {
        let id = made["id"].as_str().unwrap().parse().unwrap();
        let store = &app.app.platform().store;
        let record = store.get(Scope::Tenant(app.admin.tenant), Progress::KIND, id).await.unwrap().unwrap();
        let progress: Progress = serde_json::from_value(record.body).unwrap();
        (progress.delivered == 2000).then_some((progress, record.revision))
    });
    let (progress, revision) = progress.await;
    assert!(progress.done.is_empty() && progress.again.is_empty());
    assert!(revision < 200, "the place of 2000 deliveries is written a few times, not {revision} times");
}

#[tokio::test]
async fn after_a_restart_it_goes_on_where_it_was() {
    let (app, mut receiver, made) = hooked(json!({})).await;
    for number in 0..5 {
        publish(&app, "order.created", "a", number).await;
        receiver.next().await;
    }
    until("all is delivered", async || (listed(&app, &made).await["lag"]["delivered"] == 5).then_some(())).await;
    app.app.close(Duration::from_secs(5)).await;
    let app = app.open_again_with(to_this_machine).await;
    publish(&app, "order.created", "a", 5).await;
    app.app.start().await.unwrap();
    assert_eq!(receiver.next().await.json()["data"]["number"], 5, "nothing of what was delivered comes again");
}
