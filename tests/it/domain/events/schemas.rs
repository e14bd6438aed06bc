//! `event_schema_set`: what is published fits, and what is published later still does.

use convoke::domain::events::faults::BREAKING_SCHEMA;
use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use crate::support::app::TestApp;

async fn set(app: &TestApp, schema: Value) -> Result<Value, Fault> {
    app.call(&app.member, "event_schema_set", json!({ "topic": "bill.sent", "schema": schema })).await
}

async fn publish(app: &TestApp, event: Value) -> Result<Value, Fault> {
    app.call(&app.member, "event_publish", json!({ "topic": "bill.sent", "event": event })).await
}

fn bill() -> Value {
    json!({
        "type": "object", "required": ["no"],
        "properties": { "no": { "type": "string", "pattern": "^B-" }, "sum": { "type": "integer" } },
    })
}

#[tokio::test]
async fn events_are_held_against_the_schema() {
    let app = TestApp::start().await;
    publish(&app, json!({ "anything": true })).await.unwrap();
    let told = set(&app, bill()).await.unwrap();
    assert_eq!((&told["version"], &told["changed"]), (&json!(1), &json!(true)));
    publish(&app, json!({ "no": "B-1", "sum": 5 })).await.unwrap();
    let refused = publish(&app, json!({ "no": "7", "sum": "five" })).await.unwrap_err();
    assert!(refused.is(&codes::BAD_INPUT));
    let places: Vec<&str> = refused.places().iter().map(|one| one.pointer.as_str()).collect();
    assert_eq!(places, ["/event/no", "/event/sum"]);
    let input = json!({ "topic": "x.y", "event": {}, "more": [{ "topic": "bill.sent", "event": {} }] });
    let refused = app.call(&app.member, "event_publish", input).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/more/0/event");
    let page = app.call(&app.admin, "event_replay", json!({ "topic": "x.y" })).await.unwrap();
    assert_eq!(page["items"], json!([]), "all or none");
}

#[tokio::test]
async fn a_schema_grows_and_never_breaks() {
    let app = TestApp::start().await;
    set(&app, bill()).await.unwrap();
    let same = set(&app, bill()).await.unwrap();
    assert_eq!((&same["version"], &same["changed"]), (&json!(1), &json!(false)));
    let mut larger = bill();
    larger["properties"]["note"] = json!({ "type": "string" });
    assert_eq!(set(&app, larger.clone()).await.unwrap()["version"], 2);
    // Without the note it would be as it was before, which breaks who reads it now.
    let refused = set(&app, bill()).await.unwrap_err();
    assert!(refused.is(&BREAKING_SCHEMA), "{refused}");
    let detail = refused.detail().unwrap();
    assert_eq!(detail["breaks"][0]["pointer"], "/properties/note");
    let mut other = larger;
    other["required"] = json!(["no", "sum"]);
    other["properties"]["sum"]["type"] = json!("string");
    let refused = set(&app, other).await.unwrap_err();
    let places: Vec<&Value> =
        refused.detail().unwrap()["breaks"].as_array().unwrap().iter().map(|one| &one["pointer"]).collect();
    assert_eq!(places, ["/properties/sum/type", "/required"]);
    let listed = app.call(&app.member, "event_topics", json!({ "prefix": "bill." })).await.unwrap();
    assert_eq!((&listed["items"][0]["version"], listed["items"].as_array().unwrap().len()), (&json!(2), 1));
}

#[tokio::test]
async fn what_is_no_schema_is_refused() {
    let app = TestApp::start().await;
    let mut deep = json!({});
    for _ in 0..40 {
        deep = json!({ "properties": { "a": deep } });
    }
    for (schema, place) in [
        (json!({ "type": "nothing" }), "/schema/type"),
        (json!({ "type": "string" }), "/schema/type"),
        (json!({ "properties": { "a": { "type": 5 } } }), "/schema"),
        (json!({ "properties": { "a": { "pattern": "(" } } }), "/schema"),
        (json!({ "$ref": "https://example.org/schema" }), "/schema"),
        (json!({ "description": "x".repeat(70_000) }), "/schema"),
        (deep, "/schema"),
    ] {
        let refused = set(&app, schema).await.unwrap_err();
        assert!(refused.is(&codes::BAD_INPUT), "{refused}");
        assert_eq!(refused.places()[0].pointer, place, "{:?}", refused.places());
    }
}

#[tokio::test]
async fn the_schema_of_somebody_elses_topic_is_theirs() {
    let app = TestApp::start().await;
    app.call(&app.admin, "event_schema_set", json!({ "topic": "bill.sent", "schema": bill() })).await.unwrap();
    assert!(set(&app, bill()).await.unwrap_err().is(&codes::FORBIDDEN));
    // The same name is another topic in another tenant.
    let elsewhere = json!({ "topic": "bill.sent", "schema": { "type": "object" } });
    assert_eq!(app.call(&app.stranger, "event_schema_set", elsewhere).await.unwrap()["version"], 1);
}
