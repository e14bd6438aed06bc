//! What differs between versions and branches.

use serde_json::{Value, json};

use super::ada;
use crate::support::app::TestApp;

async fn update(app: &TestApp, edits: Value) {
    ada(app, "process_update", json!({ "id": "travel-request", "edits": edits })).await.unwrap();
}

#[tokio::test]
async fn words_are_told_apart_from_what_is_done() {
    let app = TestApp::start().await;
    // Back to what is published, but for a name.
    update(
        &app,
        json!([
            { "do": "changeNode", "id": "ask", "set": { "name": "Ask", "config": {
                "assignee": "= manager", "form": { "type": "object", "properties": { "fine": { "type": "boolean" } } } } } },
        ]),
    )
    .await;
    let told = ada(&app, "process_diff", json!({ "id": "travel-request" })).await.unwrap();
    assert_eq!((&told["from"]["version"], &told["to"]["version"]), (&json!("1.0.0"), &json!("1.0.1-draft.4")));
    assert_eq!((&told["same"], &told["wordsOnly"], &told["step"]), (&json!(false), &json!(true), &json!("patch")));
    let field = json!([{ "at": "/name", "after": "Ask", "words": true }]);
    assert_eq!(told["nodes"], json!({ "changed": [{ "id": "ask", "wordsOnly": true, "fields": field }] }));
    for absent in ["edges", "variables", "lanes", "rewired"] {
        assert!(told.get(absent).is_none(), "{absent}: {told}");
    }
}

#[tokio::test]
async fn what_callers_must_give_is_a_major_step_and_edges_variables_and_lanes_are_told() {
    let app = TestApp::start().await;
    update(
        &app,
        json!([
            { "do": "setVariable", "name": "reason", "variable": { "schema": { "type": "string" }, "required": true } },
            { "do": "removeNode", "id": "ask", "bridge": true },
            { "do": "setLane", "lane": { "id": "desk", "name": "Travel desk" } },
            { "do": "changeNode", "id": "book", "set": { "lane": "desk" } },
        ]),
    )
    .await;
    let told =
        ada(&app, "process_diff", json!({ "id": "travel-request", "from": "latest", "to": "draft" })).await.unwrap();
    assert_eq!((&told["step"], &told["wordsOnly"]), (&json!("major"), &json!(false)));
    assert_eq!(told["nodes"]["removed"][0]["id"], "ask");
    assert_eq!(
        told["nodes"]["changed"][0],
        json!({ "id": "book", "wordsOnly": true, "fields": [{ "at": "/lane", "after": "desk", "words": true }] })
    );
    assert_eq!(told["variables"]["added"][0]["id"], "reason");
    assert_eq!(told["lanes"]["added"][0]["what"]["name"], "Travel desk");
    let rewired: Vec<&Value> = told["rewired"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(rewired, ["begin", "book"]);
}

#[tokio::test]
async fn any_two_are_compared_and_the_same_is_the_same() {
    let app = TestApp::start().await;
    let diff = async |input: Value| {
        let mut all = json!({ "id": "Travel request" });
        all.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        ada(&app, "process_diff", all).await
    };
    let told = diff(json!({ "fromBranch": "four-eyes", "toBranch": "main" })).await.unwrap();
    assert_eq!((&told["from"]["revision"], &told["to"]["revision"]), (&json!(3), &json!(2)));
    assert_eq!(told["nodes"]["removed"][0]["id"], "check");
    let told = diff(json!({ "from": "1.1.0-draft.3", "toBranch": "four-eyes" })).await.unwrap();
    assert_eq!((&told["same"], &told["wordsOnly"]), (&json!(true), &json!(true)));
    assert!(told.get("step").is_none() && told.get("nodes").is_none());
    // What the published one was made of is nothing: it is the first.
    let refused = diff(json!({ "to": "1.0.0" })).await.unwrap_err();
    assert_eq!(refused.places()[0].pointer, "/from");
    for (input, code) in [
        (json!({ "from": "7.0.0" }), "not_found"),
        (json!({ "toBranch": "nowhere" }), "not_found"),
        (json!({ "to": "1.0.0-draft.99" }), "not_found"),
    ] {
        assert_eq!(diff(input).await.unwrap_err().code().name, code);
    }
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    let app = TestApp::start().await;
    for (tool, input) in [
        ("process_diff", json!({ "id": "travel-request" })),
        ("process_branch", json!({ "id": "travel-request", "name": "mine" })),
        ("process_merge", json!({ "id": "travel-request", "from": "four-eyes" })),
        ("process_link", json!({ "id": "travel-request", "to": "trip-booking", "kind": "feeds" })),
        ("process_links", json!({ "id": "trip-booking" })),
    ] {
        let refused = app.call(&app.stranger, tool, input.clone()).await.unwrap_err();
        assert_eq!(refused.code().name, "not_found", "{tool}");
        let refused = app.call(&app.nobody, tool, input).await.unwrap_err();
        assert_eq!(refused.code().name, "forbidden", "{tool}");
    }
}
