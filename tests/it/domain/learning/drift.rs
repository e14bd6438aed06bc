//! `drift_get`: what moved is found, what stayed is not, and too little says so.

use std::time::Duration;

use convoke::kernel::codes;
use convoke::port::models::Tokens;
use serde_json::{Value, json};

use super::{ada, code};
use crate::support::app::TestApp;
use crate::support::scripted::Act;

const DAY: Duration = Duration::from_hours(24);

/// Sixty answers of an agent: each takes so long and a little more each time, and each tenth is told to be so good.
async fn week(app: &TestApp, agent: &str, millis: u64, written: u64, rating: f64) {
    for number in 0..60_u64 {
        let tokens = Tokens { input: 100 + number % 7, output: written + number % 11, ..Tokens::default() };
        app.vendor.tell("large", [Act::Take(Duration::from_millis(millis + number)), Act::Say("yes", Some(tokens))]);
        let input =
            json!({ "model": "test/large", "prompt": "x", "agent": agent, "promptVersion": "welcome-mail@1.0.0" });
        ada(app, "model_complete", input).await.unwrap();
        let stars = rating + f64::from(u32::try_from(number % 3).unwrap()) * 0.5;
        let input = json!({ "agentId": agent, "promptId": "welcome-mail", "version": "1.0.0", "feedback": { "userSatisfaction": stars } });
        ada(app, "feedback_submit", input).await.unwrap();
    }
    // The calls are written as they are every few seconds.
    ada(app, "model_usage", json!({})).await.unwrap();
}

fn metric<'a>(answer: &'a Value, name: &str) -> &'a Value {
    answer["metrics"].as_array().unwrap().iter().find(|one| one["metric"] == name).unwrap()
}

#[tokio::test]
async fn what_moved_is_told_and_what_stayed_is_not() {
    let app = TestApp::start().await;
    week(&app, "scribe", 500, 200, 3.5).await;
    app.clock.advance(DAY * 8);
    week(&app, "scribe", 900, 200, 2.0).await;
    app.clock.advance(DAY);
    let told = ada(&app, "drift_get", json!({ "id": "scribe" })).await.unwrap();
    assert_eq!((&told["verdict"], &told["whole"]), (&json!("drifted"), &json!(true)));
    assert_eq!(told["drifted"], json!(["score", "user_satisfaction", "latency_ms"]));
    // Stars fell by one and a half of four.
    assert_eq!(told["accuracyChange"], json!(-0.375));
    assert_eq!((&told["window"]["calls"], &told["baseline"]["feedback"]), (&json!(60), &json!(60)));
    let latency = metric(&told, "latency_ms");
    assert_eq!((&latency["apart"], &latency["statistic"]), (&json!("large"), &json!(1.0)));
    assert!(latency["pValue"].as_f64().unwrap() < 1e-12, "{latency}");
    assert!(latency["correctedPValue"].as_f64() >= latency["pValue"].as_f64());
    assert_eq!((&latency["baseline"]["median"], &latency["window"]["median"]), (&json!(529.0), &json!(929.0)));
    let written = metric(&told, "output_tokens");
    assert_eq!(
        (&written["apart"], &written["pValue"], &written["drifted"]),
        (&json!("stable"), &json!(1.0), &json!(false))
    );
    let outcome = metric(&told, "outcome");
    assert_eq!(
        (&outcome["test"], &outcome["enough"], &outcome["pValue"]),
        (&json!("chi_squared"), &json!(true), &Value::Null)
    );

    // The same by the prompt; and a member sees only their own calls.
    let input = json!({ "id": "Welcome mail", "of": "prompt", "version": "1.0.0", "baselineVersion": "1.0.0" });
    let by_prompt = ada(&app, "drift_get", input.clone()).await.unwrap();
    assert_eq!((&by_prompt["id"], &by_prompt["everybody"]), (&json!("welcome-mail"), &json!(false)));
    let same = metric(&by_prompt, "latency_ms");
    assert_eq!(
        (&same["statistic"], &same["pValue"], &same["bins"]),
        (&latency["statistic"], &latency["pValue"], &latency["bins"])
    );
    let all = app.call(&app.admin, "drift_get", input).await.unwrap();
    assert_eq!((&all["everybody"], &all["window"]["calls"]), (&json!(true), &json!(60)));
}

#[tokio::test]
async fn a_steady_agent_is_stable_and_too_little_says_how_much_is_lacking() {
    let app = TestApp::start().await;
    week(&app, "scribe", 500, 200, 3.5).await;
    app.clock.advance(DAY * 8);
    let few = ada(&app, "drift_get", json!({ "id": "scribe" })).await.unwrap();
    assert_eq!((&few["verdict"], &few["drifted"]), (&json!("too_little_data"), &json!([])));
    let score = metric(&few, "score");
    assert_eq!(
        (&score["enough"], &score["windowLacks"], &score["baselineLacks"]),
        (&json!(false), &json!(50), &Value::Null)
    );
    assert_eq!((&score["pValue"], &score["stabilityIndex"]), (&Value::Null, &Value::Null));
    week(&app, "scribe", 500, 200, 3.5).await;
    app.clock.advance(DAY);
    let told = ada(&app, "drift_get", json!({ "id": "scribe" })).await.unwrap();
    assert_eq!((&told["verdict"], &told["accuracyChange"]), (&json!("stable"), &json!(0.0)));
    // Nobody else's agent of that name has anything to do with it.
    let there = app.call(&app.stranger, "drift_get", json!({ "id": "scribe" })).await.unwrap();
    assert_eq!((&there["verdict"], &there["metrics"]), (&json!("too_little_data"), &json!([])));
}

#[tokio::test]
async fn periods_that_make_no_sense_are_refused() {
    let app = TestApp::start().await;
    for (input, pointer) in [
        (json!({ "id": "a", "from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z" }), "/from"),
        (json!({ "id": "a", "baselineFrom": "2026-11-19T00:00:00Z" }), "/baselineFrom"),
        (json!({ "id": "a", "baselineTo": "2026-11-19T00:00:00Z" }), "/baselineTo"),
        (json!({ "id": "a", "version": "1.0.0" }), "/version"),
        (json!({ "id": "a", "significance": 0.9 }), "/significance"),
    ] {
        let refused = ada(&app, "drift_get", input.clone()).await.unwrap_err();
        assert_eq!(refused.places()[0].pointer, pointer, "{input}: {refused:?}");
    }
    let gone = ada(&app, "drift_get", json!({ "id": "gone", "of": "prompt" })).await.unwrap_err();
    assert!(gone.is(&codes::NOT_FOUND));
    let refused = app.call(&app.nobody, "drift_get", json!({ "id": "a" })).await;
    assert_eq!(code(&refused), "forbidden");
}
