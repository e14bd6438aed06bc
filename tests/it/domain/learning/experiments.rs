//! `prompt_experiment`: traffic is split, versions are compared by what people say and what they cost, and one wins.

use std::time::Duration;

use convoke::kernel::codes;
use convoke::port::models::Tokens;
use serde_json::{Value, json};

use super::{ada, code, split};
use crate::support::app::TestApp;
use crate::support::scripted::Act;

/// Sixty answers of a version, each so many tokens long and rated so.
async fn used(app: &TestApp, version: &str, written: u64, stars: f64) {
    for number in 0..60_u64 {
        let tokens = Tokens { input: 100, output: written + number, ..Tokens::default() };
        app.vendor.tell("large", [Act::Say("yes", Some(tokens))]);
        let input = json!({ "model": "test/large", "prompt": "x", "promptVersion": format!("hello@{version}") });
        ada(app, "model_complete", input).await.unwrap();
        let rating = stars + f64::from(u32::try_from(number % 3).unwrap()) * 0.5;
        let input = json!({ "promptId": "hello", "version": version, "feedback": { "userSatisfaction": rating } });
        ada(app, "feedback_submit", input).await.unwrap();
    }
    ada(app, "model_usage", json!({})).await.unwrap();
}

/// Both versions published, one in production.
async fn two(app: &TestApp) {
    split(app).await;
    ada(app, "prompt_publish", json!({ "id": "hello", "version": "1.0.0", "labels": [{ "label": "production" }] }))
        .await
        .unwrap();
    app.clock.advance(Duration::from_hours(1));
}

fn halves() -> Value {
    json!([{ "version": "1.0.0", "weight": 50 }, { "version": "1.1.0", "weight": 50 }])
}

#[tokio::test]
async fn the_version_that_people_like_better_wins() {
    let app = TestApp::start().await;
    two(&app).await;
    let begun = ada(&app, "prompt_experiment", json!({ "id": "hello", "versions": halves() })).await.unwrap();
    assert_eq!((&begun["running"], &begun["verdict"]), (&json!(true), &json!("too_little_data")));
    assert_eq!((&begun["versions"][1]["version"], &begun["comparisons"][0]["lacks"]), (&json!("1.1.0"), &json!(50)));
    let stands = ada(&app, "prompt_get", json!({ "id": "hello" })).await.unwrap();
    assert_eq!(stands["labels"][0]["targets"].as_array().unwrap().len(), 2);
    for session in 0..20 {
        let input = json!({ "id": "hello", "variables": { "who": "Ada" }, "session": format!("s{session}") });
        ada(&app, "prompt_assemble", input).await.unwrap();
    }
    used(&app, "1.0.0", 200, 2.0).await;
    used(&app, "1.1.0", 200, 4.0).await;
    app.clock.advance(Duration::from_hours(1));
    let told = ada(&app, "prompt_experiment", json!({ "id": "hello" })).await.unwrap();
    assert_eq!((&told["verdict"], &told["best"]), (&json!("better"), &json!("1.1.0")), "{told}");
    assert_eq!(told["whole"], true);
    let (first, second) = (&told["versions"][0], &told["versions"][1]);
    assert_eq!(
        (&first["meanScore"], &second["meanScore"], &second["feedback"]),
        (&json!(0.375), &json!(0.875), &json!(60))
    );
    assert_eq!(first["exposures"].as_u64().unwrap() + second["exposures"].as_u64().unwrap(), 20);
    assert!(first["exposures"].as_u64().unwrap() > 3 && second["exposures"].as_u64().unwrap() > 3);
    let (score, cost) = (&told["comparisons"][0], &told["comparisons"][1]);
    assert_eq!(
        (&score["metric"], &score["differs"], &score["difference"]),
        (&json!("score"), &json!(true), &json!(0.5))
    );
    assert_eq!((&cost["metric"], &cost["enough"], &cost["differs"]), (&json!("cost"), &json!(true), &json!(false)));

    let ended =
        ada(&app, "prompt_experiment", json!({ "id": "hello", "winner": "1.1.0", "message": "liked" })).await.unwrap();
    assert_eq!((&ended["running"], &ended["best"]), (&json!(false), &json!("1.1.0")));
    let stands = ada(&app, "prompt_get", json!({ "id": "hello" })).await.unwrap();
    assert_eq!(stands["labels"][0]["targets"], json!([{ "version": "1.1.0", "weight": 100 }]));
    // What came of it can be looked at afterwards, and does not change.
    app.clock.advance(Duration::from_hours(1));
    used(&app, "1.0.0", 200, 4.0).await;
    let later = ada(&app, "prompt_experiment", json!({ "id": "hello" })).await.unwrap();
    assert_eq!(
        (&later["running"], &later["best"], &later["versions"]),
        (&json!(false), &json!("1.1.0"), &told["versions"])
    );
}

#[tokio::test]
async fn of_two_that_are_liked_alike_the_cheaper_one_is_told() {
    let app = TestApp::start().await;
    two(&app).await;
    ada(&app, "prompt_experiment", json!({ "id": "hello", "versions": halves() })).await.unwrap();
    used(&app, "1.0.0", 500, 3.0).await;
    used(&app, "1.1.0", 200, 3.0).await;
    app.clock.advance(Duration::from_hours(1));
    let told = ada(&app, "prompt_experiment", json!({ "id": "hello" })).await.unwrap();
    assert_eq!((&told["verdict"], &told["best"]), (&json!("cheaper"), &json!("1.1.0")), "{told}");
    // Three hundred tokens less at twenty dollars a million.
    assert_eq!(told["comparisons"][1]["difference"], json!(-6_000_000.0));
}

#[tokio::test]
async fn what_is_no_experiment_is_refused() {
    let app = TestApp::start().await;
    let none = ada(&app, "prompt_experiment", json!({ "id": "welcome-mail" })).await;
    assert_eq!(code(&none), "prompt_no_experiment");
    two(&app).await;
    ada(&app, "prompt_experiment", json!({ "id": "hello", "versions": halves() })).await.unwrap();
    let one = |version: &str| json!([{ "version": version, "weight": 1 }, { "version": "1.0.0", "weight": 1 }]);
    for (input, pointer) in [
        (json!({ "id": "hello", "versions": [{ "version": "1.0.0", "weight": 1 }] }), "/versions"),
        (json!({ "id": "hello", "versions": one("draft") }), "/versions/0/version"),
        (json!({ "id": "hello", "versions": one("1.0.0") }), "/versions/1/version"),
        (json!({ "id": "hello", "versions": halves(), "winner": "1.0.0" }), "/winner"),
        (json!({ "id": "hello", "winner": "9.0.0" }), "/winner"),
    ] {
        let refused = ada(&app, "prompt_experiment", input.clone()).await.unwrap_err();
        assert_eq!(refused.places()[0].pointer, pointer, "{input}: {refused:?}");
    }
    let gone = ada(&app, "prompt_experiment", json!({ "id": "hello", "versions": one("9.0.0") })).await.unwrap_err();
    assert!(gone.is(&codes::NOT_FOUND));
    let there = app.call(&app.stranger, "prompt_experiment", json!({ "id": "hello" })).await;
    assert_eq!(code(&there), "not_found");
}
