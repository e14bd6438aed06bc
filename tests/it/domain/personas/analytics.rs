//! `persona_analytics`: use, cost and ratings of a persona, by version, agent and day, beside the period before.

use std::time::Duration;

use convoke::kernel::clock::Clock as _;
use convoke::kernel::codes;
use serde_json::{Value, json};

use super::clerk;
use crate::support::app::{Person, TestApp};

async fn told(app: &TestApp, person: &Person, more: Value) -> Value {
    let mut input = json!({ "id": "billing-clerk" });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.call(person, "persona_analytics", input).await.unwrap()
}

async fn asked(app: &TestApp, person: &Person, persona: &str) {
    let input = json!({ "prompt": "x", "model": "test/large", "persona": persona, "execution": "e1" });
    app.call(person, "model_complete", input).await.unwrap();
}

#[tokio::test]
async fn use_ratings_and_cost_are_told_with_how_they_change() {
    let app = TestApp::start().await;
    app.call(&app.member, "persona_create", clerk()).await.unwrap();
    let day = Duration::from_hours(24);
    // Forty days ago it spoke once; within the thirty days three times, on two days: twice through an agent.
    asked(&app, &app.admin, "billing-clerk@1.0.0").await;
    app.clock.advance(day * 40);
    let agent = json!({
        "name": "One", "description": "D.", "instructions": "Be short.", "model": { "name": "test/large" },
        "persona": { "id": "Billing clerk" },
    });
    app.call(&app.member, "agent_register", agent).await.unwrap();
    app.call(&app.member, "agent_invoke", json!({ "id": "one", "prompt": "x" })).await.unwrap();
    let ran = app.call(&app.member, "agent_invoke", json!({ "id": "one", "prompt": "y" })).await.unwrap();
    let change = json!({ "id": "billing-clerk", "tone": "dry" });
    app.call(&app.member, "persona_update", change).await.unwrap();
    app.clock.advance(day * 2);
    asked(&app, &app.admin, "billing-clerk@1.1.0").await;
    // A call of somebody else is none of its use.
    asked(&app, &app.admin, "code-reviewer").await;
    // What is said of a run is said of the persona that spoke in it, unless somebody names another.
    let said = |more: Value| {
        let mut input = json!({ "feedback": { "userSatisfaction": 4 } });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let execution = json!({ "executionId": ran["executionId"] });
    let tied = app.call(&app.member, "feedback_submit", said(execution)).await.unwrap();
    assert_eq!(tied["personaId"], "billing-clerk", "{tied}");
    let other = json!({ "executionId": ran["executionId"], "personaId": "code-reviewer" });
    app.call(&app.member, "feedback_submit", said(other)).await.unwrap();

    let all = told(&app, &app.admin, json!({})).await;
    assert_eq!((&all["everybody"], &all["allFeedback"]), (&json!(true), &json!(true)));
    let total = &all["total"];
    assert_eq!((&total["calls"], &total["executions"], &total["users"]), (&json!(3), &json!(3), &json!(2)), "{all}");
    assert_eq!((&total["tokens"], &total["failed"], &total["cached"]), (&json!(45), &json!(0), &json!(0)));
    assert_eq!((&total["costNanoDollars"], &total["callsWithoutPrice"]), (&json!(600_000), &json!(0)));
    assert_eq!(
        (&total["feedback"], &total["meanScore"], &total["meanSatisfaction"]),
        (&json!(1), &json!(0.75), &json!(4.0))
    );
    assert_eq!((&all["before"]["calls"], &all["before"]["feedback"]), (&json!(1), &json!(0)));
    let version = |name: &str, calls: u64| json!({ "name": name, "calls": calls, "costNanoDollars": calls * 200_000 });
    assert_eq!(all["versions"], json!([version("1.0.0", 2), version("1.1.0", 1)]));
    assert_eq!(all["agents"], json!([version("one", 2)]));
    let days: Vec<(&Value, &Value)> =
        all["trend"].as_array().unwrap().iter().map(|day| (&day["calls"], &day["feedback"])).collect();
    assert_eq!(days, [(&json!(2), &json!(0)), (&json!(1), &json!(1))]);
    // A longer period is told by weeks, and has nothing before it.
    let long = json!({ "from": app.clock.now().minus(day * 60).to_string() });
    let long = told(&app, &app.admin, long).await;
    assert_eq!((&long["total"]["calls"], &long["before"]["calls"]), (&json!(4), &json!(0)));
    assert_eq!(long["trend"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn everybody_sees_what_is_theirs_and_bad_periods_are_refused() {
    let app = TestApp::start().await;
    app.call(&app.member, "persona_create", clerk()).await.unwrap();
    asked(&app, &app.admin, "billing-clerk@1.0.0").await;
    asked(&app, &app.member, "billing-clerk@1.0.0").await;
    let own = told(&app, &app.member, json!({})).await;
    assert_eq!((&own["everybody"], &own["total"]["calls"]), (&json!(false), &json!(1)));
    assert_eq!(told(&app, &app.admin, json!({})).await["total"]["calls"], 2);
    for (input, place) in [
        (json!({ "id": "billing-clerk", "from": "2026-02-01T00:00:00Z", "to": "2026-01-01T00:00:00Z" }), "/from"),
        (json!({ "id": "billing-clerk", "from": "2020-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z" }), "/from"),
        (json!({ "id": "" }), "/id"),
    ] {
        let refused = app.call(&app.admin, "persona_analytics", input).await.unwrap_err();
        assert_eq!(refused.places()[0].pointer, place);
    }
    let of = json!({ "id": "billing-clerk" });
    assert!(app.call(&app.nobody, "persona_analytics", of.clone()).await.unwrap_err().is(&codes::FORBIDDEN));
    assert!(app.call(&app.stranger, "persona_analytics", of).await.unwrap_err().is(&codes::NOT_FOUND));
}
