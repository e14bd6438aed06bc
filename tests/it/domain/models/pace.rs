//! Limits of calls and tokens a minute: of a model, and of a route to it.

use convoke::domain::models::catalogue::Providers;
use convoke::port::overlay::TextFile;
use serde_json::json;

use super::{ask, code, route};
use crate::support::app::TestApp;

/// Lays the provider's file anew, with limits.
fn limit(app: &TestApp, limits: &str) {
    let text = std::fs::read_to_string(app.data().join("providers/test.toml")).unwrap();
    let text = text.replacen("[[models]]", &format!("[limits]\n{limits}\n[[models]]"), 1);
    let file = TextFile { path: "test.toml".to_owned(), place: "test.toml".to_owned(), text: Ok(text) };
    let faults = app.app.platform().service::<Providers>().unwrap().lay_over(&[file]);
    assert!(faults.is_empty(), "{faults:?}");
}

#[tokio::test]
async fn a_model_is_asked_as_often_as_it_may_be_and_then_the_caller_is_told_for_how_long() {
    let app = TestApp::start().await;
    limit(&app, "requests_per_minute = 1");
    ask(&app, &app.member, "test/small", "x").await.unwrap();
    let refused = ask(&app, &app.member, "test/small", "y").await.unwrap_err();
    assert_eq!(refused.code().name, "provider_busy", "{refused}");
    let wait = refused.retry_after().unwrap().as_secs();
    assert!((31..=60).contains(&wait), "{wait}");
    assert_eq!(app.vendor.asked(), ["small"], "the vendor is not bothered");
    // Each model has its own.
    ask(&app, &app.member, "test/large", "x").await.unwrap();
    // A limit that is changed holds anew.
    limit(&app, "requests_per_minute = 600");
    ask(&app, &app.member, "test/small", "z").await.unwrap();
}

#[tokio::test]
async fn tokens_count_as_the_vendor_counted_them() {
    let app = TestApp::start().await;
    // A sixth of it, and so one token, may come at once; the first call has fifteen and is paid off afterwards.
    limit(&app, "tokens_per_minute = 6");
    ask(&app, &app.member, "test/small", "x").await.unwrap();
    let refused = ask(&app, &app.member, "test/small", "y").await.unwrap_err();
    let wait = refused.retry_after().unwrap().as_secs();
    assert!((130..=151).contains(&wait), "{wait}");
}

#[tokio::test]
async fn a_route_goes_to_the_next_candidate_rather_than_wait() {
    let app = TestApp::start().await;
    let candidates = json!([{ "model": "test/large", "requestsPerMinute": 1 }, { "model": "test/small" }]);
    route(&app, json!({ "name": "kept", "candidates": candidates })).await;
    for model in ["test/large", "test/small", "test/small"] {
        assert_eq!(ask(&app, &app.member, "kept", "x").await.unwrap()["model"], model);
    }
    // What holds for the route does not hold for the model.
    assert_eq!(ask(&app, &app.member, "test/large", "x").await.unwrap()["model"], "test/large");
    let none = json!([{ "model": "test/large", "requestsPerMinute": 0 }]);
    let refused = app.call(&app.admin, "model_route_set", json!({ "name": "none", "candidates": none })).await;
    assert_eq!(code(&refused), "bad_input");
}

#[tokio::test]
async fn who_comes_a_little_too_early_waits_for_their_turn() {
    let app = TestApp::start().await;
    // Five may come at once, and then one every two seconds.
    let candidates = json!([{ "model": "test/large", "requestsPerMinute": 30, "tokensPerMinute": 1_000_000_000 }]);
    route(&app, json!({ "name": "kept", "candidates": candidates })).await;
    let began = std::time::Instant::now();
    let calls = (0..6).map(|_| ask(&app, &app.member, "kept", "x"));
    for answer in futures::future::join_all(calls).await {
        assert_eq!(answer.unwrap()["model"], "test/large");
    }
    assert!(began.elapsed().as_millis() >= 1_990, "the sixth did not wait: {:?}", began.elapsed());
}
