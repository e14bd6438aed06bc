//! `event_subscribe`, `event_subscriptions`, `event_unsubscribe`: what is taken, what is refused and why, who sees what.

use convoke::domain::events::faults::{FORBIDDEN_ADDRESS, FROM_THE_FUTURE, SUBSCRIPTION_LOOP, TOO_MANY};
use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use super::receiver::{publish, subscribe};
use crate::support::app::{Person, TestApp};
use crate::support::scene;

async fn refused(app: &TestApp, person: &Person, change: impl FnOnce(&mut Value)) -> Fault {
    let mut input = json!({ "topics": ["order.*"], "target": { "type": "pull" } });
    change(&mut input);
    app.call(person, "event_subscribe", input).await.unwrap_err()
}

#[tokio::test]
async fn nonsense_is_refused_by_its_place() {
    let app = TestApp::start().await;
    let tool = |tool: &str, input: Value, fields: Value| json!({ "target": { "type": "tool", "tool": tool, "input": input, "fields": fields } });
    for (change, place) in [
        (json!({ "topics": [] }), "/topics"),
        (json!({ "topics": ["a..b"] }), "/topics/0"),
        (json!({ "topics": ["order.*", "order.*"] }), "/topics/1"),
        (json!({ "topics": ["a b"] }), "/topics/0"),
        (json!({ "filter": [{ "field": "/data/x" }] }), "/filter/0"),
        (json!({ "filter": [{ "field": "x", "is": 1 }] }), "/filter/0/field"),
        (json!({ "filter": [{ "field": "/data/x", "greater": 1 }] }), "/filter/0/greater"),
        (json!({ "filter": [{ "field": "/data/x", "atLeast": 2, "atMost": 1 }] }), "/filter/0/atMost"),
        (json!({ "target": { "type": "mail" } }), "/target/type"),
        (json!({ "target": { "type": "webhook" } }), "/target/url"),
        (json!({ "target": { "type": "pull", "url": "https://example.org" } }), "/target/url"),
        (json!({ "target": { "type": "channel", "channel": "ops" } }), "/target/channel"),
        (tool("user_me", json!({}), json!({})), "/target/tool"),
        (tool("tool_call", json!({}), json!({})), "/target/tool"),
        (tool("api_key_create", json!({ "name": "x" }), json!({})), "/target/tool"),
        (tool("user_create", json!({}), json!({})), "/target/input"),
        (tool("user_create", json!({ "mail": "x" }), json!({ "email": "/data/mail" })), "/target/input/mail"),
        (tool("user_create", json!({}), json!({ "email": "/mail" })), "/target/fields/email"),
        (json!({ "firstRetrySeconds": 9, "longestRetrySeconds": 8 }), "/longestRetrySeconds"),
        (json!({ "from": "2026-11-20T00:00:00Z", "fromPosition": 1 }), "/fromPosition"),
    ] {
        let alter = |input: &mut Value| {
            input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        };
        let fault = refused(&app, &app.admin, alter).await;
        assert!(fault.is(&codes::BAD_INPUT), "{place}: {fault}");
        assert_eq!(fault.places()[0].pointer, place, "{:?}", fault.places());
    }
    let unknown =
        refused(&app, &app.admin, |input| input["target"] = json!({ "type": "tool", "tool": "no_tool" })).await;
    assert!(unknown.is(&codes::UNKNOWN_TOOL));
}

#[tokio::test]
async fn webhooks_to_what_only_this_machine_reaches_are_refused() {
    let app = TestApp::start().await;
    for url in [
        "http://127.0.0.1:7437/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.5/",
        "https://[::1]/",
        "https://[::ffff:192.168.0.1]/",
        "https://0x7f000001/",
        "https://user:pw@example.org/",
        "ftp://example.org/",
        "http://8.8.8.8/",
        "nonsense",
    ] {
        let fault = refused(&app, &app.admin, |input| input["target"] = json!({ "type": "webhook", "url": url })).await;
        assert!(fault.is(&FORBIDDEN_ADDRESS), "{url}: {fault}");
        assert_eq!(fault.detail().unwrap()["pointer"], "/target/url");
    }
    let open =
        TestApp::start_with(|settings| settings.config.outside.private_networks = vec!["10.0.0.0/8".to_owned()]).await;
    let made =
        subscribe(&open, &open.admin, &["order.*"], json!({ "type": "webhook", "url": "http://10.0.0.5/" }), json!({}))
            .await;
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_nowhere() {
    let app = TestApp::start().await;
    let target = json!({ "type": "webhook", "url": "https://8.8.8.8/hook" });
    let made = subscribe(&app, &app.admin, &["*"], target, json!({})).await;
    let secret = made["secret"].as_str().unwrap();
    let listed = app.call(&app.admin, "event_subscriptions", json!({})).await.unwrap().to_string();
    let replayed = app.call(&app.admin, "event_replay", json!({})).await.unwrap().to_string();
    let audited = app.call(&app.admin, "audit_query", json!({})).await.unwrap().to_string();
    for text in [listed, replayed, audited] {
        assert!(text.contains(made["id"].as_str().unwrap()) && !text.contains(secret));
    }
}

#[tokio::test]
async fn only_who_may_hear_the_events_subscribes_to_them() {
    let app = TestApp::start().await;
    for topic in ["user.created", "user.*", "api_key.created", "role.*", "event.dead_lettered"] {
        let fault = refused(&app, &app.member, |input| input["topics"] = json!([topic])).await;
        assert!(fault.is(&codes::FORBIDDEN), "{topic}: {fault}");
        subscribe(&app, &app.admin, &[topic], json!({ "type": "pull" }), json!({})).await;
    }
    // A wide pattern hears what its owner may: of another's, of accounts and of another tenant nothing.
    let wide = subscribe(&app, &app.member, &["*"], json!({ "type": "pull" }), json!({})).await;
    app.call(&app.admin, "user_create", json!({ "email": "new@example.org" })).await.unwrap();
    app.call(&app.stranger, "event_publish", json!({ "topic": "order.created", "event": {} })).await.unwrap();
    publish(&app, "order.created", "mine", 1).await;
    let pulled = app.call(&app.member, "event_pull", json!({ "id": wide["id"] })).await.unwrap();
    let topics: Vec<&Value> = pulled["events"].as_array().unwrap().iter().map(|one| &one["event"]["subject"]).collect();
    assert_eq!(topics, ["mine"]);
}

#[tokio::test]
async fn circles_futures_and_too_many_are_refused() {
    let app = TestApp::start_with(|settings| settings.config.events.subscriptions = 2).await;
    let circle = json!({ "type": "tool", "tool": "event_publish", "input": { "topic": "order.again" }, "fields": { "event": "/data" } });
    let fault = refused(&app, &app.admin, |input| input["target"] = circle).await;
    assert!(fault.is(&SUBSCRIPTION_LOOP), "{fault}");
    let fault = refused(&app, &app.admin, |input| input["from"] = json!("2026-11-20T12:00:01Z")).await;
    assert!(fault.is(&FROM_THE_FUTURE), "{fault}");
    let fault = refused(&app, &app.admin, |input| input["fromPosition"] = json!(1000)).await;
    assert!(fault.is(&FROM_THE_FUTURE), "{fault}");
    let first = subscribe(&app, &app.admin, &["order.*"], json!({ "type": "pull" }), json!({})).await;
    subscribe(&app, &app.admin, &["order.*"], json!({ "type": "pull" }), json!({})).await;
    assert!(refused(&app, &app.admin, |_| {}).await.is(&TOO_MANY));
    app.call(&app.admin, "event_unsubscribe", json!({ "id": first["id"] })).await.unwrap();
    subscribe(&app, &app.admin, &["order.*"], json!({ "type": "pull" }), json!({})).await;
}

#[tokio::test]
async fn subscriptions_are_their_owners_and_their_managers() {
    let app = TestApp::start().await;
    let made = subscribe(&app, &app.admin, &["order.*"], json!({ "type": "pull" }), json!({ "name": "mine" })).await;
    let names = async |person: &Person| {
        let page = app.call(person, "event_subscriptions", json!({})).await.unwrap();
        page["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&app.admin).await, ["mine", "orders"]);
    assert_eq!(names(&app.member).await, ["orders"]);
    assert!(names(&app.stranger).await.is_empty());
    for person in [&app.member, &app.stranger] {
        for tool in ["event_unsubscribe", "event_pull"] {
            let fault = app.call(person, tool, json!({ "id": made["id"] })).await.unwrap_err();
            assert!(fault.is(&codes::NOT_FOUND), "{tool}: {fault}");
        }
        let redrive = json!({ "subscriptionId": made["id"] });
        assert!(app.call(person, "event_redrive", redrive).await.unwrap_err().is(&codes::NOT_FOUND));
    }
    let gone = app.call(&app.admin, "event_unsubscribe", json!({ "id": scene::ORDERS })).await.unwrap();
    assert_eq!(gone["deadLetters"], 1);
    let letters = app.call(&app.admin, "event_dead_letters", json!({})).await.unwrap();
    assert_eq!(letters["items"], json!([]));
}

#[tokio::test]
async fn lag_says_how_many_wait_and_since_when() {
    let app = TestApp::start().await;
    let filter = json!({ "filter": [{ "field": "/data/number", "atLeast": 2 }] });
    let made = subscribe(&app, &app.admin, &["order.*"], json!({ "type": "pull" }), filter).await;
    for number in 0..5 {
        publish(&app, "order.created", "a", number).await;
        app.clock.advance(std::time::Duration::from_secs(60));
    }
    let listed = super::receiver::listed(&app, &made).await;
    assert_eq!((&listed["lag"]["waiting"], &listed["lag"]["moreWaiting"]), (&json!(3), &json!(false)));
    assert_eq!(listed["lag"]["oldestAt"], "2026-11-20T12:02:00.000Z");
    assert!(listed["lag"]["newest"].as_i64() > listed["lag"]["position"].as_i64());
}
