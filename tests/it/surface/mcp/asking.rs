//! Questions to the client, in both eras.

use serde_json::{Value, json};

use super::pipe::Pipe;
use super::wire::{TRACE, Wire, is_within_the_trace, problem};
use crate::gate::fixture::{Probe, with};
use crate::support::app::TestApp;

async fn started() -> (TestApp, Wire) {
    let app = TestApp::start_with(with(&Probe::new())).await;
    let mut wire = Wire::of(&app, &app.admin);
    wire.capabilities = json!({ "elicitation": {} });
    (app, wire)
}

fn call() -> Value {
    json!({ "name": "fixture_ask", "arguments": { "text": "hello" } })
}

fn answered(state: &Value) -> Value {
    let mut call = call();
    call["inputResponses"] = json!({ "name": { "action": "accept", "content": { "name": "Ada" } } });
    call["requestState"] = state.clone();
    call
}

#[tokio::test]
async fn questions_travel_with_the_answer() {
    let (_app, wire) = started().await;
    let asks = wire.modern("tools/call", call()).await.result();
    assert_eq!(asks["resultType"], "input_required");
    assert_eq!(asks["inputRequests"]["name"]["method"], "elicitation/create");
    let done = wire.modern("tools/call", answered(&asks["requestState"])).await.result();
    assert_eq!(done["structuredContent"]["text"], "hello Ada");
}

#[tokio::test]
async fn a_state_is_of_one_caller_one_call_and_some_time() {
    let (app, wire) = started().await;
    let state = wire.modern("tools/call", call()).await.result()["requestState"].clone();

    let tampered = json!(format!("{}-TAMPERED", state.as_str().unwrap()));
    assert_eq!(wire.modern("tools/call", answered(&tampered)).await.error(), -32602);
    assert_eq!(wire.by(&app.member).modern("tools/call", answered(&state)).await.error(), -32602);
    let mut other = answered(&state);
    other["arguments"]["text"] = json!("something else");
    assert_eq!(wire.modern("tools/call", other).await.error(), -32602);

    app.clock.advance(std::time::Duration::from_secs(601));
    let late = wire.modern("tools/call", answered(&state)).await;
    assert_eq!(late.error(), -32602);
    assert_eq!(late.json()["error"]["data"]["code"], "bad_request_state");
}

#[tokio::test]
async fn the_order_of_properties_makes_no_other_call() {
    let (_app, wire) = started().await;
    let asks = |arguments: &str| json!({ "name": "fixture_ask", "arguments": serde_json::from_str::<Value>(arguments).unwrap() });
    let first = asks(r#"{ "text": "hello", "wait": false }"#);
    let state = wire.modern("tools/call", first).await.result()["requestState"].clone();
    let mut second = asks(r#"{ "wait": false, "text": "hello" }"#);
    second["inputResponses"] = answered(&state)["inputResponses"].clone();
    second["requestState"] = state;
    assert_eq!(wire.modern("tools/call", second).await.result()["structuredContent"]["text"], "hello Ada");
}

#[tokio::test]
async fn what_is_written_after_an_answer_is_written_once() {
    let probe = Probe::new();
    let app = TestApp::start_with(with(&probe)).await;
    let mut wire = Wire::of(&app, &app.admin);
    wire.capabilities = json!({ "elicitation": {} });
    let state = wire.modern("tools/call", call()).await.result()["requestState"].clone();
    let done = wire.modern("tools/call", answered(&state)).await.result();
    // Sent again, also under another idempotency key and with another answer: the first one holds.
    let mut again = answered(&state);
    again["_meta"] = json!({ "convoke/idempotencyKey": "another" });
    again["inputResponses"]["name"]["content"]["name"] = json!("Bo");
    for repeated in [answered(&state), again] {
        let repeated = wire.modern("tools/call", repeated).await.result();
        assert_eq!(repeated["structuredContent"], done["structuredContent"]);
        assert_eq!(repeated["_meta"]["convoke/replayed"], true);
    }
    assert_eq!(probe.runs(), 1);
    // Another round of questions is another call.
    let other = wire.modern("tools/call", call()).await.result()["requestState"].clone();
    wire.modern("tools/call", answered(&other)).await.result();
    assert_eq!(probe.runs(), 2);
}

#[tokio::test]
async fn answers_must_have_the_form_of_answers() {
    let (_app, wire) = started().await;
    let mut wrong = call();
    wrong["inputResponses"] = json!({ "name": 12345 });
    assert_eq!(wire.modern("tools/call", wrong).await.error(), -32602);
    let mut unknown = call();
    unknown["inputResponses"] = json!({ "nobody_asked": { "action": "accept" } });
    assert_eq!(wire.modern("tools/call", unknown).await.result()["resultType"], "input_required");
}

#[tokio::test]
async fn a_client_that_cannot_answer_is_told_what_it_lacks() {
    let (_app, mut wire) = started().await;
    wire.capabilities = json!({});
    let refused = wire.modern("tools/call", call()).await;
    assert_eq!((refused.status.as_u16(), refused.error()), (400, -32021));
    assert_eq!(refused.json()["error"]["data"]["requiredCapabilities"], json!({ "elicitation": {} }));
    let legacy = wire.sessionless("tools/call", call()).await.result();
    assert_eq!(problem(&legacy)["code"], "input_required");
}

#[tokio::test]
async fn the_older_revisions_are_asked_while_the_call_runs() {
    let (app, _) = started().await;
    let mut pipe = Pipe::open(&app);
    pipe.initialize(json!({ "elicitation": {} })).await;
    let id = pipe.send("tools/call", call()).await;
    let question = pipe.read().await;
    assert_eq!(question["method"], "elicitation/create");
    assert_eq!(question["params"]["message"], "What is the name?");
    let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": { "action": "accept", "content": { "name": "Ada" } } });
    pipe.write(answer.to_string().as_bytes()).await;
    assert_eq!(pipe.answer_to(id).await["result"]["structuredContent"]["text"], "hello Ada");

    let mut traced = call();
    traced["_meta"] = json!({ "traceparent": TRACE, "tracestate": "vendor=1" });
    let id = pipe.send("tools/call", traced).await;
    let question = pipe.read().await;
    assert!(is_within_the_trace(&question), "{question}");
    let refusal = json!({ "jsonrpc": "2.0", "id": question["id"], "error": { "code": -1, "message": "no" } });
    pipe.write(refusal.to_string().as_bytes()).await;
    assert_eq!(pipe.answer_to(id).await["result"]["isError"], true);
    pipe.close().await;
}
