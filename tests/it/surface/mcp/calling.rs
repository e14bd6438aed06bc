//! Calls and their answers.

use std::time::Duration;

use convoke::capability::gate::audit::AUDIT;
use convoke::capability::gate::operation::OPERATION;
use convoke::surface::mcp::Options;
use serde_json::{Value, json};

use super::pipe::Pipe;
use super::wire::{Wire, problem};
use crate::gate::fixture::{Probe, with};
use crate::support::app::TestApp;

/// Only a test that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(60);

fn structured(result: &Value) -> &Value {
    assert_ne!(result["isError"], json!(true), "{result}");
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text, result["structuredContent"]);
    assert!(result["_meta"]["convoke/requestId"].is_string());
    &result["structuredContent"]
}

#[tokio::test]
async fn both_eras_get_the_same_answer() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.member);
    let modern = wire.call("user_me", json!({})).await.result();
    assert_eq!(modern["resultType"], "complete");
    let told = wire.modern("tools/call", json!({ "name": "user_me", "_meta": { "progressToken": 1 } })).await.result();
    let sessionless = wire.sessionless("tools/call", json!({ "name": "user_me" })).await.result();
    assert!(sessionless.get("resultType").is_none());
    let session = wire.session().await;
    let within = wire.within(&session, "tools/call", json!({ "name": "user_me" })).await.result();
    for result in [&told, &sessionless, &within] {
        assert_eq!(structured(result), structured(&modern));
    }
}

#[tokio::test]
async fn bad_input_is_told_so_that_it_can_be_mended() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let result = wire.call("user_create", json!({ "colour": "red" })).await.result();
    assert_eq!(result["isError"], true);
    let problem = problem(&result);
    assert_eq!(problem["code"], "bad_input");
    let pointers: Vec<&str> =
        problem["violations"].as_array().unwrap().iter().filter_map(|one| one["pointer"].as_str()).collect();
    assert!(pointers.contains(&"/email") && pointers.contains(&"/colour"), "{pointers:?}");
    assert_eq!(problem["requestId"], result["_meta"]["convoke/requestId"]);

    let unknown = wire.call("no_such_tool", json!({})).await;
    assert_eq!((unknown.status.as_u16(), unknown.error()), (200, -32602));
    assert_eq!(wire.modern("tools/call", json!({ "arguments": {} })).await.error(), -32602);
    let wrong = wire.modern("tools/call", json!({ "name": "user_me", "arguments": [1] })).await;
    assert_eq!(wrong.error(), -32602);
    assert_eq!(wire.modern("no/such/method", json!({})).await.status.as_u16(), 404);
}

#[tokio::test]
async fn a_repeated_key_is_one_call() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let call = |email: &str, key: Value| json!({ "name": "user_create", "arguments": { "email": email }, "_meta": { "convoke/idempotencyKey": key } });
    let first = wire.modern("tools/call", call("one@example.org", json!("k1"))).await.result();
    let again = wire.modern("tools/call", call("one@example.org", json!("k1"))).await.result();
    assert_eq!(structured(&first), structured(&again));
    assert_eq!(again["_meta"]["convoke/replayed"], true);
    let other = wire.modern("tools/call", call("two@example.org", json!("k1"))).await.result();
    assert_eq!(problem(&other)["code"], "idempotency_key_reused");
    assert_eq!(wire.modern("tools/call", call("two@example.org", json!(1))).await.error(), -32602);
}

#[tokio::test]
async fn progress_comes_before_the_answer() {
    let probe = Probe::new();
    let app = TestApp::start_with(with(&probe)).await;
    let wire = Wire::of(&app, &app.admin);
    let call = json!({ "name": "fixture_steps", "arguments": { "text": "a" }, "_meta": { "progressToken": "p" } });
    let answer = wire.modern("tools/call", call).await;
    let events = answer.events();
    assert_eq!(events[0]["method"], "notifications/progress");
    assert_eq!(events[0]["params"]["progressToken"], "p");
    assert_eq!(structured(&events[1]["result"])["text"], "a");
}

#[tokio::test]
async fn what_arguments_hold_makes_no_other_revision_of_a_request() {
    let app = TestApp::start().await;
    let wire = Wire::of(&app, &app.admin);
    let names = json!({ "email": "one@example.org", "name": "io.modelcontextprotocol/protocolVersion" });
    let made = wire.sessionless("tools/call", json!({ "name": "user_create", "arguments": names })).await;
    assert_eq!(made.status.as_u16(), 200);
    structured(&made.result());
}

#[tokio::test]
async fn streams_files_and_wrapped_values() {
    let probe = Probe::new();
    let app = TestApp::start_with(with(&probe)).await;
    let wire = Wire::of(&app, &app.admin);
    let items = wire.call("fixture_items", json!({ "text": "a" })).await.result();
    assert_eq!(structured(&items)["items"].as_array().unwrap().len(), 3);
    let file = wire.call("fixture_file", json!({ "text": "it" })).await.result();
    assert_eq!(file["content"][0]["resource"]["text"], "all of it");
    assert_eq!(file["content"][0]["resource"]["mimeType"], "text/plain");
}

#[tokio::test]
async fn a_panic_is_answered_and_tells_nothing() {
    let probe = Probe::new();
    let app = TestApp::start_with(with(&probe)).await;
    let result = Wire::of(&app, &app.admin).call("fixture_blow", json!({ "text": "a" })).await.result();
    assert_eq!(problem(&result)["code"], "internal");
    assert!(!result.to_string().contains("secret plan"));
}

#[tokio::test]
async fn a_cancelled_call_ends_inside() {
    let probe = Probe::new();
    let app = TestApp::start_with(with(&probe)).await;
    let mut pipe = Pipe::open_with(&app, Options::default());
    pipe.initialize(json!({})).await;
    let call = json!({ "name": "fixture_look", "arguments": { "text": "a", "wait": true } });
    let id = pipe.send("tools/call", call).await;
    probe.entered().await;
    pipe.notify("notifications/cancelled", json!({ "requestId": id })).await;
    while probe.inside() > 0 {
        tokio::task::yield_now().await;
    }
    // Nothing is answered to what was cancelled: the next message is the next answer.
    let next = pipe.send("ping", json!({})).await;
    assert_eq!(pipe.read().await["id"], json!(next));
    pipe.close().await;
}

/// By the short way, which calls of the newer era take that want nothing but their answer.
#[tokio::test]
async fn what_a_client_that_goes_away_has_begun_outside_is_told_of() {
    let probe = Probe::new();
    let fixtures = with(&probe);
    // Its own time would end it, too, but much later.
    let app = TestApp::start_with(|settings| {
        settings.config.limits.call_seconds = 3600;
        fixtures(settings);
    })
    .await;
    let wire = Wire::of(&app, &app.member);
    let call = tokio::spawn(async move {
        wire.call("fixture_reach", json!({ "text": "parcel", "wait": true })).await;
    });
    probe.entered().await;
    call.abort();
    let state = async || app.documents(&OPERATION).await[0]["state"].clone();
    let ended = async {
        while state().await == "running" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("it is called off");
    assert_eq!(state().await, "unknown", "it was called off where nobody knows whether it happened");
    assert_eq!(app.entries(&AUDIT).await.iter().map(|entry| entry["outcome"].clone()).collect::<Vec<_>>(), ["unknown"]);
}

#[tokio::test]
async fn blocks_stay_blocks_through_another_tool() {
    let app = TestApp::start_with(with(&Probe::new())).await;
    let wire = Wire::of(&app, &app.member);
    let input = json!({ "text": "a cat" });
    let direct = wire.call("fixture_picture", input.clone()).await.result();
    assert_eq!(direct["content"][0]["type"], "image");
    assert_eq!(direct["structuredContent"], json!({ "of": "a cat" }));
    let through = json!({ "name": "fixture_picture", "input": input });
    for (tool, session) in [("tool_read", false), ("tool_call", false), ("tool_call", true)] {
        let result = if session {
            let session = wire.session().await;
            let params = json!({ "name": tool, "arguments": through });
            wire.within(&session, "tools/call", params).await.result()
        } else {
            wire.call(tool, through.clone()).await.result()
        };
        assert_eq!(result["content"], direct["content"], "{tool}: {result}");
        assert_eq!(result["structuredContent"]["tool"], "fixture_picture");
        assert_eq!(result["structuredContent"]["result"], json!({ "of": "a cat" }), "the picture is not told as text");
    }
}
