//! Chat completions, whole: what reaches the model, what comes back, what is refused.

use convoke::port::models::{ModelFaultKind, Part, Role, Stop, ToolChoice};
use reqwest::Method;
use serde_json::json;

use super::{call, chat, end, more, post, refused, start, text, thought};
use crate::doors::served::{Served, header, told};
use crate::support::scripted::{Act, fault};

#[tokio::test]
async fn a_question_is_answered_in_the_vendors_form() {
    let served = Served::start().await;
    served.app.vendor.tell("large", [Act::Pieces(vec![start(), text("It is "), text("noon."), end(Stop::End)])]);
    let response = chat(&served, json!({})).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let id = header(&response, "x-request-id").to_owned();
    assert!(!header(&response, "ratelimit-remaining").is_empty());
    let answer = crate::doors::served::json(response).await;
    let expected = json!({
        "id": format!("chatcmpl-{id}"),
        "object": "chat.completion",
        "created": 1_795_176_000,
        "model": "test/large",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": "It is noon.", "refusal": null },
            "finish_reason": "stop",
            "logprobs": null,
        }],
        "usage": {
            "prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130,
            "prompt_tokens_details": { "cached_tokens": 40, "cache_write_tokens": 10 },
            "completion_tokens_details": { "reasoning_tokens": 5 },
        },
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn all_that_is_asked_reaches_the_model_in_its_order() {
    let served = Served::start().await;
    let body = json!({
        "model": "test/large",
        "messages": [
            { "role": "developer", "content": "Be short." },
            { "role": "user", "content": [
                { "type": "text", "text": "before" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,aGk=" } },
                { "type": "text", "text": "behind" },
            ] },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "1", "type": "function", "function": { "name": "look", "arguments": "{\"x\":1}" } },
            ] },
            { "role": "tool", "tool_call_id": "1", "content": "a cat" },
        ],
        "tools": [{ "type": "function", "function": { "name": "look", "parameters": { "type": "object" }, "strict": true } }],
        "tool_choice": { "type": "function", "function": { "name": "look" } },
        "parallel_tool_calls": false,
        "max_tokens": 50, "temperature": 0.5, "top_p": 0.9, "stop": "END", "seed": 7, "reasoning_effort": "low",
        "logit_bias": { "5": 1 }, "user": "ada",
        "convoke": { "agent": "concierge" },
    });
    let (status, answer) = told(post(&served, "/v1/chat/completions", &body)).await;
    assert_eq!((status, &answer["choices"][0]["message"]["content"]), (200, &json!("You said: before")));
    let request = served.app.vendor.requests().pop().unwrap();
    let kinds: Vec<usize> = request.messages.iter().map(|message| message.parts.len()).collect();
    assert_eq!((request.messages[0].role, kinds), (Role::System, vec![1, 3, 1, 1]));
    assert!(matches!(&request.messages[1].parts[1], Part::Image { url } if url.ends_with("aGk=")));
    assert!(matches!(&request.messages[2].parts[0], Part::ToolCall { arguments, .. } if arguments["x"] == 1));
    assert!(matches!(&request.messages[3].parts[0], Part::ToolResult { id, text, .. } if id == "1" && text == "a cat"));
    assert_eq!((request.tool_choice, request.parallel_tools), (ToolChoice::Named("look".to_owned()), Some(false)));
    assert_eq!((request.max_tokens, request.seed, request.stop), (Some(50), Some(7), vec!["END".to_owned()]));
    assert_eq!(serde_json::Value::Object(request.extra), json!({ "logit_bias": { "5": 1 }, "openai:user": "ada" }));
}

#[tokio::test]
async fn tool_calls_and_thoughts_are_told_and_go_back() {
    let served = Served::start().await;
    let signed = json!({ "anthropic": { "signature": "s" } });
    let pieces =
        vec![start(), thought("hm", Some(signed.clone())), call(0, "look"), more(0, "{\"x\":1}"), end(Stop::ToolCalls)];
    served.app.vendor.tell("large", [Act::Pieces(pieces)]);
    let (_, answer) = told(chat(&served, json!({}))).await;
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let message = choice["message"].clone();
    assert_eq!((&message["content"], &message["reasoning_content"]), (&json!(null), &json!("hm")));
    let calls =
        json!([{ "id": "call_0", "type": "function", "function": { "name": "look", "arguments": "{\"x\":1}" } }]);
    assert_eq!(message["tool_calls"], calls);
    let result = json!({ "role": "tool", "tool_call_id": "call_0", "content": "a cat" });
    let messages = json!([{ "role": "user", "content": "Hi" }, message, result]);
    let (status, _) = told(chat(&served, json!({ "messages": messages }))).await;
    assert_eq!(status, 200);
    let request = served.app.vendor.requests().pop().unwrap();
    let back = &request.messages[1].parts[0];
    assert!(
        matches!(back, Part::Reasoning { text, opaque: Some(opaque) } if text == "hm" && *opaque == signed),
        "{back:?}"
    );
}

#[tokio::test]
async fn faults_have_the_vendors_form_and_the_status_that_its_clients_know() {
    let served = Served::start().await;
    let wrong = served.bare(Method::POST, "/v1/chat/completions").bearer_auth("cvk_wrong").json(&json!({}));
    let (status, error) = refused(wrong).await;
    assert_eq!(
        (status, &error["type"], &error["code"]),
        (401, &json!("authentication_error"), &json!("unauthenticated"))
    );
    let (status, _) = refused(served.bare(Method::POST, "/v1/chat/completions").json(&json!({}))).await;
    assert_eq!(status, 401, "who has no key learns nothing else of the request");
    let (status, error) = refused(chat(&served, json!({ "model": "test/gone" }))).await;
    assert_eq!((status, &error["code"]), (404, &json!("unknown_model")));
    let (status, error) = refused(chat(&served, json!({ "n": 2 }))).await;
    assert_eq!((status, &error["code"], &error["param"]), (400, &json!("bad_input"), &json!("n")));
    let (status, error) = refused(chat(&served, json!({ "temperature": 9 }))).await;
    assert_eq!((status, &error["param"]), (400, &json!("temperature")));
    let message = json!([{ "role": "user", "content": [{ "type": "input_audio", "input_audio": {} }] }]);
    let (status, error) = refused(chat(&served, json!({ "messages": message }))).await;
    assert_eq!((status, &error["param"]), (400, &json!("messages[0].content[0].type")));
    served.app.vendor.tell("large", [fault(ModelFaultKind::Refused)]);
    let (status, error) = refused(chat(&served, json!({}))).await;
    assert_eq!((status, &error["code"]), (400, &json!("content_refused")));
    let (status, error) = refused(served.bare(Method::GET, "/v1/chat/completions")).await;
    assert_eq!((status, &error["code"]), (405, &json!("method_not_allowed")));
    let (status, error) = refused(served.bare(Method::GET, "/v1/threads")).await;
    assert_eq!((status, &error["code"]), (404, &json!("not_found")));
    let broken = served.bare(Method::POST, "/v1/chat/completions").bearer_auth(served.app.member.key.reveal());
    let (status, error) = refused(broken.header("content-type", "application/json").body("{")).await;
    assert_eq!((status, &error["code"]), (400, &json!("malformed")));
}

#[tokio::test]
async fn a_budget_that_is_spent_is_no_quota_and_nobody_asks_again() {
    let served = Served::start().await;
    let budget = json!({ "scope": "tenant", "tokens": 10, "period": "day" });
    served.app.call(&served.app.admin, "model_budget_set", budget).await.unwrap();
    assert_eq!(told(chat(&served, json!({}))).await.0, 200);
    let response = chat(&served, json!({})).send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "x-should-retry")), (429, "false"));
    assert_eq!(header(&response, "retry-after"), "43200");
    let error = crate::doors::served::json(response).await;
    assert_eq!(
        (&error["error"]["type"], &error["error"]["code"]),
        (&json!("insufficient_quota"), &json!("budget_spent"))
    );
}

#[tokio::test]
async fn a_client_that_goes_away_calls_the_question_off() {
    let served = Served::start().await;
    served.app.vendor.tell("large", [Act::Hang(Vec::new())]);
    let asking = tokio::spawn(chat(&served, json!({})).send());
    served.app.vendor.runs(1).await;
    asking.abort();
    served.app.vendor.runs(0).await;
}

#[tokio::test]
async fn who_may_not_ask_models_is_refused() {
    let served = Served::start().await;
    let body = json!({ "model": "test/large", "messages": [{ "role": "user", "content": "Hi" }] });
    let request = served.bare(Method::POST, "/v1/chat/completions").bearer_auth(served.app.nobody.key.reveal());
    let (status, error) = refused(request.json(&body)).await;
    assert_eq!((status, &error["type"]), (403, &json!("permission_error")));
    assert!(served.app.vendor.asked().is_empty());
}
