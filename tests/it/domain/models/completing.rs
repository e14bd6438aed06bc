//! `model_complete`, `model_embed` and `model_count_tokens`: the normal way, what does not fit, another tenant.

use convoke::port::models::{ModelFaultKind, Part, Tokens, ToolChoice};
use serde_json::json;

use super::{ask, code};
use crate::support::app::TestApp;
use crate::support::scripted::{Act, fault};

#[tokio::test]
async fn a_model_is_asked_and_its_answer_told_with_what_it_cost() {
    let app = TestApp::start().await;
    let tokens = Tokens { input: 100, cached: 40, output: 30, reasoning: 10, ..Tokens::default() };
    app.vendor.tell("small", [Act::Say("It is noon.", Some(tokens))]);
    let answer = ask(&app, &app.member, "test/small", "What time is it?").await.unwrap();
    assert_eq!((&answer["text"], &answer["stop"]), (&json!("It is noon."), &json!("end")));
    // 60 new tokens at a dollar a million, 40 at half of it, 30 written at two: each counted once.
    assert_eq!(answer["cost"], json!({ "known": true, "nanoDollars": 60_000 + 20_000 + 60_000 }));
    assert_eq!(answer["tokens"]["reasoning"], 10);
    let unpriced = ask(&app, &app.member, "test/unpriced", "x").await.unwrap();
    assert_eq!(unpriced["cost"], json!({ "known": false }), "what is not known is not nothing");
}

#[tokio::test]
async fn who_names_no_model_gets_the_default_and_a_bare_name_is_enough() {
    let app = TestApp::start().await;
    let answer = app.call(&app.member, "model_complete", json!({ "prompt": "x" })).await.unwrap();
    assert_eq!((&answer["model"], &answer["route"]), (&json!("test/small"), &json!("default")));
    let bare = ask(&app, &app.member, "large", "x").await.unwrap();
    assert_eq!((&bare["model"], &bare["route"]), (&json!("test/large"), &json!(null)));
    assert_eq!(code(&ask(&app, &app.member, "gone", "x").await), "unknown_model");
    assert_eq!(code(&ask(&app, &app.member, "test/gone", "x").await), "unknown_model");
    assert_eq!(code(&ask(&app, &app.member, "gone/small", "x").await), "unknown_model");
}

#[tokio::test]
async fn all_that_is_asked_reaches_the_model() {
    let app = TestApp::start().await;
    let input = json!({
        "model": "test/large",
        "system": "Be short.",
        "messages": [
            { "role": "user", "content": "What is this?", "images": ["https://example.org/a.png"] },
            { "role": "assistant", "toolCalls": [{ "id": "1", "name": "look", "arguments": { "x": 1 } }] },
            { "role": "tool", "toolCallId": "1", "content": "a cat" },
        ],
        "tools": [{ "name": "look", "parameters": { "type": "object" }, "strict": true }],
        "toolChoice": "required",
        "parallelTools": false,
        "maxTokens": 50, "temperature": 0.5, "topP": 0.9, "stop": ["END"], "seed": 7, "reasoningEffort": "low",
        "extra": { "service_tier": "flex" },
    });
    app.call(&app.member, "model_complete", input).await.unwrap();
    let request = app.vendor.requests().pop().unwrap();
    assert_eq!(request.messages.len(), 4);
    assert!(matches!(&request.messages[3].parts[0], Part::ToolResult { text, .. } if text == "a cat"));
    assert_eq!((request.tool_choice, request.parallel_tools), (ToolChoice::Required, Some(false)));
    assert_eq!((request.max_tokens, request.seed, request.stop.len()), (Some(50), Some(7), 1));
    assert_eq!((request.temperature, request.top_p), (Some(0.5), Some(0.9)));
    assert_eq!((request.reasoning_effort.as_deref(), &request.extra["service_tier"]), (Some("low"), &json!("flex")));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_before_anybody_is_asked() {
    let app = TestApp::start().await;
    for (input, pointer) in [
        (json!({ "prompt": "x", "temperature": 3 }), "/temperature"),
        (json!({ "prompt": "x", "maxTokens": 0 }), "/maxTokens"),
        (json!({ "messages": [{ "role": "robot", "content": "x" }] }), "/messages/0/role"),
        (json!({ "messages": [{ "role": "tool", "content": "x" }] }), "/messages/0/toolCallId"),
        (json!({ "prompt": "x", "mood": "good" }), "/mood"),
        (json!({ "model": "test/small" }), ""),
    ] {
        let refused = app.call(&app.member, "model_complete", input.clone()).await.unwrap_err();
        assert_eq!(refused.code().name, "bad_input", "{input}: {refused}");
        assert!(refused.places().iter().any(|place| place.pointer == pointer), "{input}: {:?}", refused.places());
    }
    let picture = json!({
        "model": "test/small",
        "messages": [{ "role": "user", "content": "x", "images": ["https://example.org/a.png"] }],
    });
    assert_eq!(code(&app.call(&app.member, "model_complete", picture).await), "unsupported_by_model");
    assert_eq!(code(&ask(&app, &app.member, "test/vectors", "x").await), "unsupported_by_model");
    assert!(app.vendor.asked().is_empty());
}

/// The limit is held by counting, not by guessing: what is longer than the model reads in bytes may be short enough in tokens.
#[tokio::test]
async fn what_is_too_long_is_counted_before_it_is_sent() {
    let app = TestApp::start().await;
    let long = "antidisestablishmentarianism ".repeat(60);
    assert!(long.len() > 1000);
    ask(&app, &app.member, "test/small", &long).await.unwrap();
    let longer = "one two three ".repeat(500);
    let refused = ask(&app, &app.member, "test/small", &longer).await;
    assert_eq!(code(&refused), "context_too_long");
    let detail = refused.unwrap_err();
    assert!(detail.say().contains("test/small reads 1000"), "{detail}");
    // So is what the answer would be too long for.
    let input = json!({ "model": "test/small", "prompt": "x", "maxTokens": 1000 });
    assert_eq!(code(&app.call(&app.member, "model_complete", input).await), "context_too_long");
    assert_eq!(app.vendor.asked().len(), 1);
}

#[tokio::test]
async fn another_tenant_does_not_spend_what_the_operator_s_keys_cost() {
    let app = TestApp::start().await;
    let refused = ask(&app, &app.stranger, "test/small", "x").await;
    assert_eq!(code(&refused), "no_model_configured");
    let fault = refused.unwrap_err();
    assert!(fault.detail().unwrap()["folder"] == "providers/", "{fault:?}");
    assert_eq!(code(&ask(&app, &app.stranger, "default", "x").await), "no_model_configured");
    assert_eq!(code(&ask(&app, &app.nobody, "test/small", "x").await), "forbidden");
    assert!(app.vendor.asked().is_empty());
    let shared = TestApp::start_with(|settings| settings.config.models.share_keys = true).await;
    ask(&shared, &shared.stranger, "test/small", "x").await.unwrap();
}

#[tokio::test]
async fn vectors_and_counts() {
    let app = TestApp::start().await;
    let input = json!({ "texts": ["abc", "de"] });
    let made = app.call(&app.member, "model_embed", input).await.unwrap_err();
    // The route 'default' leads to a model that makes none.
    assert_eq!(made.code().name, "unsupported_by_model");
    let input = json!({ "model": "test/vectors", "texts": ["abc", "de"], "agent": "finder" });
    let made = app.call(&app.member, "model_embed", input).await.unwrap();
    assert_eq!((&made["vectors"][1][0], &made["cost"]["nanoDollars"]), (&json!(2.0), &json!(80)));
    app.vendor.tell("vectors", [fault(ModelFaultKind::BadRequest)]);
    let input = json!({ "model": "test/vectors", "texts": ["abc"] });
    assert_eq!(code(&app.call(&app.member, "model_embed", input).await), "model_refused_request");

    let input = json!({ "model": "test/unpriced", "prompt": "hello world" });
    let counted = app.call(&app.member, "model_count_tokens", input).await.unwrap();
    assert_eq!((&counted["input"], &counted["cost"]), (&json!(9), &json!({ "known": false })));
    assert_eq!(counted["fits"], json!(null), "where the context is not known nobody can say");
    let input = json!({ "model": "test/small", "prompt": "one two three ".repeat(500) });
    let counted = app.call(&app.member, "model_count_tokens", input).await.unwrap();
    assert_eq!(counted["fits"], false);
}
