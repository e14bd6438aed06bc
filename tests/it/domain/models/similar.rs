//! The semantic cache: off unless a route asks for it, told of with each hit, and careful.

use serde_json::{Value, json};

use super::{code, logged, route};
use crate::support::app::TestApp;

async fn ask(app: &TestApp, more: Value) -> Value {
    let mut input = json!({ "model": "kept" });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.call(&app.member, "model_complete", input).await.unwrap()
}

/// A route that keeps answers and takes questions for the same whose vectors are close. The vendor's vectors are of the texts' lengths.
async fn kept(app: &TestApp) {
    let candidates = json!([{ "model": "test/large" }]);
    let similar = json!({ "model": "test/vectors", "atLeastPercent": 99 });
    route(app, json!({ "name": "kept", "candidates": candidates, "cacheSeconds": 60, "similar": similar })).await;
}

#[tokio::test]
async fn a_question_that_means_the_same_is_answered_as_the_other_was_and_says_so() {
    let app = TestApp::start().await;
    kept(&app).await;
    let first = ask(&app, json!({ "prompt": "What is the capital of France?" })).await;
    let second = ask(&app, json!({ "prompt": "Which is the capital of France?" })).await;
    assert_eq!((&first["cache"], &second["cache"]), (&json!("miss"), &json!("similar")));
    assert_eq!((&second["text"], &second["cost"]), (&first["text"], &json!({ "known": true, "nanoDollars": 0 })));
    let entries = logged(&app).await;
    let states: Vec<_> = entries.iter().map(|entry| (entry["model"].clone(), entry["cache"].clone())).collect();
    let vectors = (json!("test/vectors"), json!("off"));
    let expected =
        [vectors.clone(), (json!("test/large"), json!("miss")), vectors, (json!("test/large"), json!("similar"))];
    assert_eq!(states, expected, "what vectors cost is told, too");
    // The same question again is equal, and needs no vector.
    assert_eq!(ask(&app, json!({ "prompt": "What is the capital of France?" })).await["cache"], "hit");
    app.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(ask(&app, json!({ "prompt": "Which is the capital of France?" })).await["cache"], "miss");
}

#[tokio::test]
async fn what_differs_in_a_number_a_name_or_a_negation_is_another_question() {
    let app = TestApp::start().await;
    kept(&app).await;
    for prompt in [
        "May I take 10 pills?",
        "May I take 20 pills?",
        "Is Oslo the capital?",
        "Is Rome the capital?",
        "Will it end well here?",
        "Will it not end well?",
    ] {
        assert_eq!(ask(&app, json!({ "prompt": prompt })).await["cache"], "miss", "{prompt}");
    }
}

#[tokio::test]
async fn what_else_is_not_equal_keeps_questions_apart() {
    let app = TestApp::start().await;
    kept(&app).await;
    let first = "How do I bake bread at home?";
    let second = "How can I bake bread at home?";
    ask(&app, json!({ "prompt": first })).await;
    for more in [
        json!({ "system": "Be short.", "prompt": second }),
        json!({ "temperature": 0.1, "prompt": second }),
        json!({ "tools": [{ "name": "f", "parameters": { "type": "object" } }], "prompt": second }),
        json!({ "messages": [{ "role": "user", "content": "Hi" }, { "role": "assistant", "content": "Yes?" }], "prompt": second }),
    ] {
        assert_eq!(ask(&app, more.clone()).await["cache"], "miss", "{more}");
    }
    // Another tenant has a cache of its own; here it has no such route either.
    let other = app.call(&app.stranger, "model_complete", json!({ "model": "kept", "prompt": second })).await;
    assert!(other.is_err());
    assert_eq!(ask(&app, json!({ "prompt": second })).await["cache"], "similar");
    let skipped = ask(&app, json!({ "prompt": second, "cache": "skip" })).await;
    assert_eq!(skipped["cache"], "off");
}

#[tokio::test]
async fn without_vectors_the_question_is_asked_and_a_route_that_cannot_have_them_is_refused() {
    let app = TestApp::start().await;
    kept(&app).await;
    app.vendor.tell("vectors", [crate::support::scripted::fault(convoke::port::models::ModelFaultKind::BadRequest)]);
    assert_eq!(ask(&app, json!({ "prompt": "What is this?" })).await["cache"], "miss");
    let candidates = json!([{ "model": "test/large" }]);
    for (seconds, model) in [(0, "test/vectors"), (60, "test/large"), (60, "test/gone")] {
        let input =
            json!({ "name": "r", "candidates": candidates, "cacheSeconds": seconds, "similar": { "model": model } });
        assert_eq!(code(&app.call(&app.admin, "model_route_set", input).await), "bad_input", "{model}");
    }
}
