//! `model_route_set` and `model_route_list`: strategies, conditions, who may, what does not fit.

use std::collections::BTreeMap;
use std::time::Duration;

use convoke::port::models::ModelFaultKind;
use serde_json::{Value, json};

use super::{ask, code, route};
use crate::support::app::TestApp;
use crate::support::scripted::{Act, fault};

async fn set(app: &TestApp, strategy: &str, candidates: Value) {
    route(app, json!({ "name": "r", "strategy": strategy, "candidates": candidates, "retries": 0 })).await;
}

/// How often each model answers of so many calls.
async fn tally(app: &TestApp, calls: usize, more: impl Fn(usize) -> Value) -> BTreeMap<String, usize> {
    let mut tally = BTreeMap::new();
    for number in 0..calls {
        let mut input = json!({ "model": "r", "prompt": "x" });
        input.as_object_mut().unwrap().extend(more(number).as_object().unwrap().clone());
        let answer = app.call(&app.admin, "model_complete", input).await.unwrap();
        *tally.entry(answer["model"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    tally
}

#[tokio::test]
async fn weights_are_kept_to() {
    let app = TestApp::start().await;
    set(&app, "weighted", json!([{ "model": "test/large", "weight": 9 }, { "model": "test/third" }])).await;
    let tally = tally(&app, 200, |_| json!({})).await;
    // A tenth of 200, give or take what chance does once in ten thousand runs.
    assert!((4..=40).contains(&tally["test/third"]), "{tally:?}");
    // When one fails the other answers.
    app.vendor.tell("large", (0..3).map(|_| fault(ModelFaultKind::Unavailable)));
    ask(&app, &app.admin, "r", "x").await.unwrap();
}

#[tokio::test]
async fn a_session_sticks_to_its_model() {
    let app = TestApp::start().await;
    set(&app, "sticky", json!([{ "model": "test/large" }, { "model": "test/third" }])).await;
    let mut seen = BTreeMap::new();
    for session in 0..20 {
        let of_session = tally(&app, 3, |_| json!({ "session": format!("s{session}") })).await;
        assert_eq!(of_session.len(), 1, "{of_session:?}");
        *seen.entry(of_session.into_keys().next().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 2, "sessions are spread: {seen:?}");
}

#[tokio::test]
async fn the_cheapest_that_fits_is_asked() {
    let app = TestApp::start().await;
    set(&app, "cheapest", json!([{ "model": "test/unpriced" }, { "model": "test/large" }, { "model": "test/third" }, { "model": "test/small" }])).await;
    assert_eq!(ask(&app, &app.admin, "r", "x").await.unwrap()["model"], "test/small");
    // Too long for the cheapest.
    let long = "one two three ".repeat(500);
    assert_eq!(ask(&app, &app.admin, "r", &long).await.unwrap()["model"], "test/third");
    let picture = json!({
        "model": "r",
        "messages": [{ "role": "user", "content": "x", "images": ["https://example.org/a.png"] }],
    });
    let seen = app.call(&app.admin, "model_complete", picture).await.unwrap();
    assert_eq!(seen["model"], "test/large", "only one sees pictures");
}

#[tokio::test]
async fn the_faster_of_two_is_asked() {
    let app = TestApp::start().await;
    set(&app, "least_latency", json!([{ "model": "test/large" }, { "model": "test/third" }])).await;
    // Each is tried once, then the slow one is left.
    app.vendor.tell("large", [Act::Take(Duration::from_millis(500))]);
    app.vendor.tell(
        "third",
        (0..40).map(|_| Act::Take(Duration::from_millis(50))).flat_map(|take| [take, Act::Say("a", None)]),
    );
    let tally = tally(&app, 20, |_| json!({})).await;
    assert_eq!((tally["test/large"], tally["test/third"]), (1, 19), "{tally:?}");
}

#[tokio::test]
async fn candidates_are_asked_under_their_conditions() {
    let app = TestApp::start().await;
    let candidates = json!([
        { "model": "test/small", "when": { "atMostTokens": 50 } },
        { "model": "test/third", "when": { "atLeastTokens": 51, "atMostTokens": 500 } },
        { "model": "test/large", "when": { "needs": ["tools"] } },
    ]);
    set(&app, "fallback", candidates).await;
    assert_eq!(ask(&app, &app.admin, "r", "x").await.unwrap()["model"], "test/small");
    assert_eq!(ask(&app, &app.admin, "r", &"x".repeat(400)).await.unwrap()["model"], "test/third");
    let tools = json!({ "model": "r", "prompt": "x".repeat(4000), "tools": [{ "name": "a", "parameters": {} }] });
    assert_eq!(app.call(&app.admin, "model_complete", tools).await.unwrap()["model"], "test/large");
    assert_eq!(code(&ask(&app, &app.admin, "r", &"x".repeat(4000)).await), "unsupported_by_model");
}

#[tokio::test]
async fn a_route_is_replaced_and_switched_off_at_once() {
    let app = TestApp::start().await;
    set(&app, "fallback", json!([{ "model": "test/large" }])).await;
    assert_eq!(ask(&app, &app.admin, "r", "x").await.unwrap()["model"], "test/large");
    set(&app, "fallback", json!([{ "model": "test/third" }])).await;
    assert_eq!(ask(&app, &app.admin, "r", "x").await.unwrap()["model"], "test/third");
    route(&app, json!({ "name": "r", "candidates": [{ "model": "test/third" }], "enabled": false })).await;
    assert_eq!(code(&ask(&app, &app.admin, "r", "x").await), "unknown_model");
}

#[tokio::test]
async fn what_does_not_fit_and_who_may_not() {
    let app = TestApp::start().await;
    let with = |candidates: Value| json!({ "name": "r", "candidates": candidates });
    for (input, expected) in [
        (with(json!([])), "bad_input"),
        (with(json!([{ "model": "small" }])), "bad_input"),
        (with(json!([{ "model": "test/gone" }])), "unknown_model"),
        (with(json!([{ "model": "test/small" }, { "model": "test/small" }])), "bad_input"),
        (with(json!([{ "model": "test/small", "weight": 0 }])), "bad_input"),
        (with(json!([{ "model": "test/small", "when": { "atLeastTokens": 2, "atMostTokens": 1 } }])), "bad_input"),
        (json!({ "name": "r", "candidates": [{ "model": "test/small" }], "hedge": { "percentile": 95 } }), "bad_input"),
        (json!({ "name": "R !", "candidates": [{ "model": "test/small" }] }), "bad_input"),
    ] {
        assert_eq!(code(&app.call(&app.admin, "model_route_set", input.clone()).await), expected, "{input}");
    }
    let good = with(json!([{ "model": "test/small" }]));
    assert_eq!(code(&app.call(&app.member, "model_route_set", good.clone()).await), "forbidden");
    app.call(&app.admin, "model_route_set", good).await.unwrap();
    let seen = app.call(&app.member, "model_route_list", json!({ "name": "r" })).await.unwrap();
    assert_eq!(seen["items"][0]["candidates"][0]["model"], "test/small");
    let elsewhere = app.call(&app.stranger, "model_route_list", json!({})).await.unwrap();
    assert_eq!(elsewhere["items"], json!([]), "another tenant has routes of its own");
    // A condition may send the same model other requests.
    let twice = with(json!([{ "model": "test/small", "when": { "atMostTokens": 9 } }, { "model": "test/small" }]));
    app.call(&app.admin, "model_route_set", twice).await.unwrap();
}
