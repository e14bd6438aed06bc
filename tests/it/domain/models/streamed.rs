//! `model_stream`: an answer piece by piece through the gate, what breaks off, what the cache says, another tenant.

use convoke::capability::outcome::Outcome;
use convoke::kernel::fault::Fault;
use convoke::port::models::{ModelFault, ModelFaultKind, Piece, Stop, Tokens};
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::{code, logged, route};
use crate::support::app::{Person, TestApp};
use crate::support::scripted::{Act, fault};

/// All items, and the fault by which it ended, where it did.
async fn streamed(app: &TestApp, person: &Person, input: Value) -> Result<(Vec<Value>, Option<Fault>), Fault> {
    let reply = app.call_with(person, "model_stream", input, |_| {}).await?;
    let Outcome::Stream(mut stream) = reply.result? else { panic!("it is no stream") };
    let mut items = Vec::new();
    while let Some(item) = stream.next().await {
        match item {
            Ok(item) => items.push(item),
            Err(fault) => return Ok((items, Some(fault))),
        }
    }
    Ok((items, None))
}

#[expect(clippy::unnecessary_wraps, reason = "as the script takes it")]
fn piece(text: &str) -> Result<Piece, ModelFault> {
    Ok(Piece::Text { text: text.to_owned() })
}

#[tokio::test]
async fn pieces_come_and_the_last_one_says_what_it_cost() {
    let app = TestApp::start().await;
    let tokens = Some(Tokens { input: 1000, cached: 400, output: 100, reasoning: 20, ..Tokens::default() });
    let call = Piece::ToolStart { index: 0, id: "1".to_owned(), name: "look".to_owned(), opaque: None };
    let pieces = vec![
        Ok(Piece::Start { model: "small".to_owned(), id: None }),
        Ok(Piece::Reasoning { text: "hm".to_owned(), opaque: Some(json!({ "openai": {} })) }),
        piece("Let me look."),
        Ok(call),
        Ok(Piece::ToolArguments { index: 0, text: "{}".to_owned() }),
        Ok(Piece::End { stop: Stop::ToolCalls, tokens }),
    ];
    app.vendor.tell("small", [Act::Pieces(pieces)]);
    let (items, ended) = streamed(&app, &app.member, json!({ "model": "test/small", "prompt": "x" })).await.unwrap();
    assert!(ended.is_none());
    let expected = json!([
        { "type": "start", "model": "test/small", "cache": "off" },
        { "type": "reasoning", "text": "hm", "opaque": { "openai": {} } },
        { "type": "text", "text": "Let me look." },
        { "type": "tool_call", "index": 0, "id": "1", "name": "look" },
        { "type": "tool_arguments", "index": 0, "text": "{}" },
        {
            "type": "end", "stop": "tool_calls", "model": "test/small", "cache": "off", "about": false, "durationMs": 0,
            "tokens": { "input": 1000, "cached": 400, "cacheWritten": 0, "output": 100, "reasoning": 20 },
            "cost": { "known": true, "nanoDollars": 600_000 + 200_000 + 200_000 },
        },
    ]);
    assert_eq!(Value::Array(items), expected);
    assert_eq!(logged(&app).await.len(), 1);
}

#[tokio::test]
async fn what_breaks_off_has_no_end_and_what_fails_before_is_a_fault() {
    let app = TestApp::start().await;
    let input = || json!({ "model": "test/small", "prompt": "x" });
    app.vendor.tell("small", [Act::Pieces(vec![piece("half")]), fault(ModelFaultKind::Refused)]);
    let (items, ended) = streamed(&app, &app.member, input()).await.unwrap();
    assert_eq!((items.len(), ended.unwrap().code().name), (2, "answer_broken"));
    assert_eq!(code(&streamed(&app, &app.member, input()).await), "content_refused");
    assert_eq!(code(&streamed(&app, &app.nobody, input()).await), "forbidden");
    assert_eq!(code(&streamed(&app, &app.member, json!({ "model": "test/small" })).await), "bad_input");
    // Another tenant has no keys, and so no models.
    assert_eq!(code(&streamed(&app, &app.stranger, input()).await), "no_model_configured");
}

#[tokio::test]
async fn what_the_cache_answers_is_said_to_be_and_costs_nothing() {
    let app = TestApp::start().await;
    route(&app, json!({ "name": "kept", "candidates": [{ "model": "test/small" }], "cacheSeconds": 60 })).await;
    let input = || json!({ "model": "kept", "prompt": "x" });
    let (first, _) = streamed(&app, &app.member, input()).await.unwrap();
    let (again, _) = streamed(&app, &app.member, input()).await.unwrap();
    assert_eq!((&first[0]["cache"], &again[0]["cache"]), (&json!("miss"), &json!("hit")));
    let last = again.last().unwrap();
    assert_eq!(
        (&last["route"], &last["cost"]["nanoDollars"], &last["tokens"]["output"]),
        (&json!("kept"), &json!(0), &json!(0))
    );
    assert_eq!(app.vendor.asked().len(), 1);
}

#[tokio::test]
async fn parts_go_in_and_come_out_in_their_order() {
    let app = TestApp::start().await;
    let thought = json!({ "type": "reasoning", "text": "hm", "opaque": { "anthropic": { "signature": "s" } } });
    let reasoning: Piece = Piece::Reasoning { text: "hm".to_owned(), opaque: Some(thought["opaque"].clone()) };
    app.vendor.tell(
        "small",
        [Act::Pieces(vec![Ok(reasoning), piece("Yes"), Ok(Piece::End { stop: Stop::End, tokens: None })])],
    );
    let input = json!({ "model": "test/small", "prompt": "x", "asParts": true });
    let answer = app.call(&app.member, "model_complete", input).await.unwrap();
    assert_eq!(answer["parts"], json!([thought, { "type": "text", "text": "Yes" }]));
    assert!(answer.get("text").is_none() && answer.get("reasoning").is_none());
    let messages = json!([{ "role": "assistant", "parts": answer["parts"] }, { "role": "user", "content": "Why?" }]);
    app.call(&app.member, "model_complete", json!({ "model": "test/small", "messages": messages })).await.unwrap();
    let request = app.vendor.requests().pop().unwrap();
    assert_eq!(serde_json::to_value(&request.messages[0].parts[0]).unwrap(), thought);
}
