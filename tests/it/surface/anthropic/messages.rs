//! Messages, whole: what reaches the model, what comes back, what is refused.

use convoke::port::models::{Part, Role, Stop, ToolChoice};
use reqwest::Method;
use serde_json::json;

use super::{message, refused};
use crate::doors::served::{Served, header, told};
use crate::support::scripted::Act;
use crate::surface::openai::{call, end, more, start, text, thought};

#[tokio::test]
async fn a_question_is_answered_in_the_vendors_form() {
    let served = Served::start().await;
    served.app.vendor.tell("large", [Act::Pieces(vec![start(), text("It is noon."), end(Stop::End)])]);
    let response = message(&served, json!({})).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let id = header(&response, "request-id").to_owned();
    let expected = json!({
        "id": format!("msg_{id}"),
        "type": "message",
        "role": "assistant",
        "model": "test/large",
        "content": [{ "type": "text", "text": "It is noon." }],
        "stop_reason": "end_turn",
        "stop_sequence": null,
        // What was kept before is told beside what was read anew.
        "usage": {
            "input_tokens": 50, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 40,
            "output_tokens": 30, "output_tokens_details": { "thinking_tokens": 5 },
        },
    });
    assert_eq!(crate::doors::served::json(response).await, expected);
}

#[tokio::test]
async fn all_that_is_asked_reaches_the_model_in_its_order() {
    let served = Served::start().await;
    let more = json!({
        "system": [{ "type": "text", "text": "Be short.", "cache_control": { "type": "ephemeral" } }],
        "messages": [
            { "role": "user", "content": [
                { "type": "image", "source": { "type": "url", "url": "https://example.org/a.png" } },
                { "type": "text", "text": "What is it?" },
            ] },
            { "role": "assistant", "content": [
                { "type": "thinking", "thinking": "hm", "signature": "s" },
                { "type": "tool_use", "id": "1", "name": "look", "input": { "x": 1 } },
            ] },
            { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "1", "content": "gone", "is_error": true }] },
        ],
        "tools": [{ "name": "look", "input_schema": { "type": "object" } }],
        "tool_choice": { "type": "tool", "name": "look" },
        "stop_sequences": ["END"], "temperature": 0.5, "top_k": 5, "metadata": { "user_id": "ada" },
    });
    assert_eq!(told(message(&served, more)).await.0, 200);
    let request = served.app.vendor.requests().pop().unwrap();
    assert_eq!((request.messages.len(), request.messages[0].role), (4, Role::System));
    assert!(matches!(&request.messages[1].parts[0], Part::Image { url } if url == "https://example.org/a.png"));
    let signed = json!({ "anthropic": { "signature": "s" } });
    assert!(matches!(&request.messages[2].parts[0], Part::Reasoning { opaque: Some(opaque), .. } if *opaque == signed));
    assert!(matches!(&request.messages[3].parts[0], Part::ToolResult { failed: true, text, .. } if text == "gone"));
    assert_eq!((request.tool_choice, request.max_tokens), (ToolChoice::Named("look".to_owned()), Some(50)));
    let extra = json!({
        "anthropic:cache_control": { "type": "ephemeral" },
        "anthropic:metadata": { "user_id": "ada" },
        "top_k": 5,
    });
    assert_eq!(serde_json::Value::Object(request.extra), extra);
}

#[tokio::test]
async fn tool_calls_and_thoughts_are_blocks() {
    let served = Served::start().await;
    let signed = json!({ "gemini": { "signature": "g" } });
    let pieces = vec![
        start(),
        thought("hm", Some(signed.clone())),
        text("So."),
        call(0, "look"),
        more(0, "{\"x\":1}"),
        end(Stop::ToolCalls),
    ];
    served.app.vendor.tell("large", [Act::Pieces(pieces)]);
    let (_, answer) = told(message(&served, json!({}))).await;
    assert_eq!(answer["stop_reason"], "tool_use");
    let content = answer["content"].clone();
    assert_eq!((&content[0]["type"], &content[0]["thinking"]), (&json!("thinking"), &json!("hm")));
    assert_eq!(content[1], json!({ "type": "text", "text": "So." }));
    assert_eq!(content[2], json!({ "type": "tool_use", "id": "call_0", "name": "look", "input": { "x": 1 } }));
    let result = json!([{ "type": "tool_result", "tool_use_id": "call_0", "content": "a cat" }]);
    let messages = json!([
        { "role": "user", "content": "Hi" },
        { "role": "assistant", "content": content },
        { "role": "user", "content": result },
    ]);
    assert_eq!(told(message(&served, json!({ "messages": messages }))).await.0, 200);
    let request = served.app.vendor.requests().pop().unwrap();
    let back = &request.messages[1].parts[0];
    assert!(matches!(back, Part::Reasoning { opaque: Some(opaque), .. } if *opaque == signed), "{back:?}");
}

#[tokio::test]
async fn faults_have_the_vendors_form_and_the_status_that_its_clients_know() {
    let served = Served::start().await;
    let wrong = served.bare(Method::POST, "/v1/messages").header("x-api-key", "cvk_wrong").json(&json!({}));
    let (status, error) = refused(wrong).await;
    assert_eq!((status, &error["type"]), (401, &json!("authentication_error")));
    let (status, error) = refused(message(&served, json!({ "model": "test/gone" }))).await;
    assert_eq!((status, &error["type"], &error["code"]), (404, &json!("not_found_error"), &json!("unknown_model")));
    let (status, error) =
        refused(message(&served, json!({ "tools": [{ "type": "bash_20250124", "name": "bash" }] }))).await;
    assert_eq!((status, &error["violations"][0]["pointer"]), (400, &json!("/tools/0/type")));
    let (status, error) = refused(served.bare(Method::GET, "/v1/messages")).await;
    assert_eq!((status, &error["code"]), (405, &json!("method_not_allowed")));
    let budget = json!({ "scope": "tenant", "tokens": 10, "period": "day" });
    served.app.call(&served.app.admin, "model_budget_set", budget).await.unwrap();
    assert_eq!(told(message(&served, json!({}))).await.0, 200);
    let (status, error) = refused(message(&served, json!({}))).await;
    assert_eq!((status, &error["type"], &error["code"]), (402, &json!("billing_error"), &json!("budget_spent")));
}

#[tokio::test]
async fn tokens_are_counted_before_anything_is_sent() {
    let served = Served::start().await;
    let ask = |body: &serde_json::Value| {
        let request = served.bare(Method::POST, "/v1/messages/count_tokens");
        request.header("x-api-key", served.app.member.key.reveal()).json(body)
    };
    let question = json!({
        "model": "test/large",
        "system": "Be short.",
        "messages": [{ "role": "user", "content": "What is the weather in Oslo?" }],
        "tools": [{ "name": "look", "description": "Looks.", "input_schema": { "type": "object" } }],
        "thinking": { "type": "adaptive" },
        "convoke": { "agent": "a" },
    });
    let (status, all) = told(ask(&question)).await;
    assert_eq!((status, all.as_object().unwrap().len()), (200, 1), "{all}");
    let mut less = question.clone();
    less.as_object_mut().unwrap().remove("tools");
    let (_, fewer) = told(ask(&less)).await;
    assert!(all["input_tokens"].as_u64() > fewer["input_tokens"].as_u64(), "{all} {fewer}");
    assert!(served.app.vendor.requests().is_empty());
    let (status, told) = refused(ask(&json!({ "model": "test/large" }))).await;
    assert_eq!((status, &told["type"]), (400, &json!("invalid_request_error")));
    let (status, _) =
        refused(ask(&json!({ "model": "gone/gone", "messages": [{ "role": "user", "content": "x" }] }))).await;
    assert_eq!(status, 404);
    let (status, _) = refused(served.bare(Method::GET, "/v1/messages/count_tokens")).await;
    assert_eq!(status, 405);
}
