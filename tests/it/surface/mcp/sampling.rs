//! The connected client's own model: asked by sampling in the calls that come from that client, in both eras, and nowhere else.

use serde_json::{Value, json};

use super::pipe::Pipe;
use super::wire::{TRACE, Wire, is_within_the_trace, problem};
use crate::support::app::TestApp;

fn call(model: &str) -> Value {
    json!({ "name": "model_complete", "arguments": { "model": model, "system": "Be short.", "prompt": "What time is it?" } })
}

fn sampled(text: &str) -> Value {
    json!({ "role": "assistant", "model": "theirs-1", "content": { "type": "text", "text": text }, "stopReason": "endTurn" })
}

#[tokio::test]
async fn the_older_revisions_are_asked_while_the_call_runs() {
    let app = TestApp::start().await;
    let mut pipe = Pipe::open(&app);
    pipe.initialize(json!({ "sampling": {} })).await;
    let id = pipe.send("tools/call", call("client/haiku")).await;
    let question = pipe.read().await;
    assert_eq!(question["method"], "sampling/createMessage");
    let expected = json!({
        "messages": [{ "role": "user", "content": { "type": "text", "text": "What time is it?" } }],
        "maxTokens": 4096,
        "systemPrompt": "Be short.",
        "modelPreferences": { "hints": [{ "name": "haiku" }] },
    });
    let mut told = question["params"].clone();
    let meta = told.as_object_mut().unwrap().remove("_meta").unwrap_or_default();
    assert_eq!((told, meta.get("traceparent")), (expected, None), "nobody follows");
    let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": sampled("It is noon.") });
    pipe.write(answer.to_string().as_bytes()).await;
    let told = pipe.answer_to(id).await["result"]["structuredContent"].clone();
    assert_eq!((&told["text"], &told["model"]), (&json!("It is noon."), &json!("client/haiku")));
    // The client pays; how much was used is counted here.
    assert_eq!((&told["cost"], &told["about"]), (&json!({ "known": true, "nanoDollars": 0 }), &json!(true)));
    assert!(app.vendor.requests().is_empty());

    // A stream comes as a whole answer in pieces.
    let mut streamed = call("client/any");
    streamed["name"] = json!("model_stream");
    streamed["_meta"] = json!({ "traceparent": TRACE, "tracestate": "vendor=1" });
    let id = pipe.send("tools/call", streamed).await;
    let question = pipe.read().await;
    assert!(is_within_the_trace(&question), "{question}");
    assert_eq!(question["params"].get("modelPreferences"), None);
    let answer = json!({ "jsonrpc": "2.0", "id": question["id"], "result": sampled("Noon.") });
    pipe.write(answer.to_string().as_bytes()).await;
    let told = pipe.answer_to(id).await["result"]["structuredContent"].to_string();
    assert!(told.contains("\"Noon.\"") && told.contains("\"end\""), "{told}");

    // A person who refuses is not gone around.
    let id = pipe.send("tools/call", call("client/any")).await;
    let question = pipe.read().await;
    let refusal = json!({ "jsonrpc": "2.0", "id": question["id"], "error": { "code": -1, "message": "no" } });
    pipe.write(refusal.to_string().as_bytes()).await;
    let refused = pipe.answer_to(id).await["result"].clone();
    assert_eq!(problem(&refused)["code"], "conflict");
    pipe.close().await;
}

#[tokio::test]
async fn in_the_newest_one_the_question_travels_with_the_answer() {
    let app = TestApp::start().await;
    let mut wire = Wire::of(&app, &app.member);
    wire.capabilities = json!({ "sampling": {} });
    let asks = wire.modern("tools/call", call("client/any")).await.result();
    assert_eq!(asks["resultType"], "input_required");
    let (key, request) = asks["inputRequests"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(request["method"], "sampling/createMessage");
    let mut again = call("client/any");
    again["inputResponses"] = json!({ key: sampled("It is noon.") });
    again["requestState"] = asks["requestState"].clone();
    let told = wire.modern("tools/call", again).await.result();
    assert_eq!(told["structuredContent"]["text"], "It is noon.", "{told}");
    // What no vendor counts is counted beside the call.
    app.app.platform().running().close();
    app.app.platform().running().wait().await;
    let usage = app.call(&app.admin, "model_usage", json!({})).await.unwrap();
    assert_eq!(usage["total"]["calls"], 1, "the question itself is no call of a model: {usage}");
}

#[tokio::test]
async fn elsewhere_it_is_refused_and_a_route_goes_on_without_it() {
    let app = TestApp::start().await;
    let refused = app.call(&app.member, "model_complete", json!({ "model": "client/any", "prompt": "x" })).await;
    assert_eq!(refused.unwrap_err().code().name, "client_model_unavailable");
    let wire = Wire::of(&app, &app.member);
    let refused = wire.modern("tools/call", call("client/any")).await.result();
    assert_eq!(problem(&refused)["code"], "client_model_unavailable");

    let candidates = json!([{ "model": "client/any" }, { "model": "test/small" }]);
    app.call(&app.admin, "model_route_set", json!({ "name": "theirs", "candidates": candidates })).await.unwrap();
    let told = app.call(&app.member, "model_complete", json!({ "model": "theirs", "prompt": "x" })).await.unwrap();
    assert_eq!(told["model"], "test/small");

    let mut wire = Wire::of(&app, &app.member);
    wire.capabilities = json!({ "sampling": {} });
    let mut tools = call("client/any");
    tools["arguments"]["tools"] = json!([{ "name": "f", "parameters": { "type": "object" } }]);
    let refused = wire.modern("tools/call", tools).await.result();
    assert_eq!(problem(&refused)["code"], "unsupported_by_model", "{refused}");
}
