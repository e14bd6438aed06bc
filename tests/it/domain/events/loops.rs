//! Tools that subscriptions call: on whose behalf, once, and in no circle.

use serde_json::{Value, json};

use super::receiver::{letters, listed, publish, started, subscribe, until};
use crate::support::app::TestApp;
use crate::support::scene;

async fn audited(app: &TestApp, action: &str) -> Vec<Value> {
    let page = app.call(&app.admin, "audit_query", json!({ "action": action, "limit": 200 })).await.unwrap();
    page["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_tool_is_called_on_behalf_of_who_subscribed_and_once() {
    let app = started().await;
    let target = json!({ "type": "tool", "tool": "role_assign", "input": { "role": "reviewer" }, "fields": { "userId": "/data/userId" } });
    let made = subscribe(&app, &app.admin, &["access.requested"], target, json!({})).await;
    let ask = json!({ "topic": "access.requested", "event": { "userId": scene::BO } });
    app.call(&app.member, "event_publish", ask).await.unwrap();
    let entries = until("the role is given", async || {
        let entries = audited(&app, "role_assign").await;
        (!entries.is_empty()).then_some(entries)
    });
    let entries = entries.await;
    assert_eq!((&entries[0]["actor"], &entries[0]["door"]), (&json!(app.admin.user), &json!("inside")));
    until("it is delivered", async || (listed(&app, &made).await["lag"]["delivered"] == 1).then_some(())).await;
    // What the tool does is an event of its own, one hop further.
    let told = app.call(&app.admin, "event_replay", json!({ "topic": "role.assigned" })).await.unwrap();
    assert_eq!(told["items"][0]["event"]["hops"], 1);
    assert_eq!(audited(&app, "role_assign").await.len(), 1);
}

#[tokio::test]
async fn a_tool_does_no_more_than_who_subscribed_may() {
    let app = started().await;
    let call = |person| {
        let target = json!({ "type": "tool", "tool": "user_create", "fields": { "email": "/data/email" } });
        (person, json!({ "topics": ["order.*"], "target": target }))
    };
    let (person, input) = call(&app.member);
    let fault = app.call(person, "event_subscribe", input).await.unwrap_err();
    assert_eq!(fault.code().name, "unknown_tool", "a member makes no accounts");
    let (person, input) = call(&app.admin);
    let made = app.call(person, "event_subscribe", input).await.unwrap();
    // What does not fit the tool's input is a dead letter at once: it would never fit.
    app.call(&app.member, "event_publish", json!({ "topic": "order.created", "event": { "email": 5 } })).await.unwrap();
    let dead = until("a dead letter", async || letters(&app, &made).await.first().cloned()).await;
    assert_eq!((&dead["code"], &dead["attempts"]), (&json!("bad_input"), &json!(1)));
    assert!(dead["reason"].as_str().unwrap().contains("/email"), "{dead}");
}

/// Two subscriptions that set each other off.
#[tokio::test]
async fn a_circle_ends_by_its_hops() {
    let app = started().await;
    let target = |topic: &str| {
        let fields = json!({ "event": "/data", "subject": "/subject" });
        json!({ "type": "tool", "tool": "event_publish", "input": { "topic": topic }, "fields": fields })
    };
    let ping = subscribe(&app, &app.member, &["ping.sent"], target("pong.sent"), json!({})).await;
    let pong = subscribe(&app, &app.member, &["pong.sent"], target("ping.sent"), json!({})).await;
    publish(&app, "ping.sent", "ball", 0).await;
    let dead = until("the circle ends", async || {
        let mut dead = letters(&app, &ping).await;
        dead.extend(letters(&app, &pong).await);
        dead.pop()
    });
    let dead = dead.await;
    assert_eq!((&dead["code"], &dead["event"]["hops"]), (&json!("too_many_hops"), &json!(8)));
    let told = app.call(&app.member, "event_replay", json!({ "limit": 200 })).await.unwrap();
    let hops: Vec<u64> =
        told["items"].as_array().unwrap().iter().map(|one| one["event"]["hops"].as_u64().unwrap_or(0)).collect();
    assert_eq!(hops, (0..=8).collect::<Vec<_>>());
}

/// A subscription to failures that fails itself does not go on for ever.
#[tokio::test]
async fn failures_of_telling_of_failures_end() {
    let app = started().await;
    let target = json!({ "type": "tool", "tool": "user_create", "fields": { "email": "/data/letterId" } });
    let made = subscribe(
        &app,
        &app.admin,
        &["event.dead_lettered", "order.*"],
        target,
        json!({ "attempts": 1, "order": "all" }),
    )
    .await;
    publish(&app, "order.created", "a", 0).await;
    until("the last failure is kept", async || (letters(&app, &made).await.len() == 9).then_some(())).await;
    let told = app.call(&app.admin, "event_replay", json!({ "topic": "event.dead_lettered" })).await.unwrap();
    assert_eq!(told["items"].as_array().unwrap().len(), 8);
}
