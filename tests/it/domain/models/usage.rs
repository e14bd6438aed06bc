//! `model_usage`: what was used, told apart and added up.

use std::time::Duration;

use convoke::port::models::ModelFaultKind;
use futures::FutureExt as _;
use serde_json::{Value, json};

use super::{ask, asker, code, request, wish};
use crate::support::app::TestApp;
use crate::support::scripted::fault;

async fn asked(app: &TestApp, model: &str, more: Value) {
    let mut input = json!({ "model": model, "prompt": "x" });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.call(&app.admin, "model_complete", input).await.unwrap();
}

#[tokio::test]
async fn usage_is_told_by_whatever_it_is_asked_by() {
    let app = TestApp::start().await;
    asked(&app, "test/small", json!({ "agent": "a", "promptVersion": "p@1.0.0", "execution": "e1" })).await;
    asked(&app, "test/large", json!({ "agent": "a", "promptVersion": "p@1.1.0" })).await;
    asked(&app, "test/unpriced", json!({ "agent": "b" })).await;
    super::logged(&app).await;
    app.clock.advance(Duration::from_hours(24));
    asked(&app, "default", json!({})).await;
    ask(&app, &app.member, "test/small", "x").await.unwrap();
    app.vendor.tell("small", [fault(ModelFaultKind::BadRequest)]);
    ask(&app, &app.member, "test/small", "x").await.unwrap_err();
    let usage = app.call(&app.admin, "model_usage", json!({})).await.unwrap();
    let total = &usage["total"];
    assert_eq!((&total["calls"], &total["failed"], &total["callsWithoutPrice"]), (&json!(6), &json!(1), &json!(1)));
    assert_eq!((&total["tokens"]["input"], &total["costNanoDollars"]), (&json!(50), &json!(3 * 20_000 + 200_000)));
    let groups = usage["groups"].as_array().unwrap();
    assert_eq!(groups[0]["model"], "test/large", "the dearest first");
    for (by, expected) in [
        ("agent", vec![json!("a"), json!("b"), json!(null)]),
        ("day", vec![json!("2026-11-20"), json!("2026-11-21")]),
        ("prompt_version", vec![json!("p@1.0.0"), json!("p@1.1.0"), json!(null)]),
        ("route", vec![json!("default"), json!(null)]),
        ("execution", vec![json!("e1"), json!(null)]),
        ("user", vec![json!(app.admin.user), json!(app.member.user)]),
    ] {
        let told = app.call(&app.admin, "model_usage", json!({ "by": [by] })).await.unwrap();
        let name = if by == "prompt_version" { "promptVersion" } else { by };
        let mut found: Vec<Value> = told["groups"].as_array().unwrap().iter().map(|one| one[name].clone()).collect();
        let mut expected = expected;
        found.sort_by_key(Value::to_string);
        expected.sort_by_key(Value::to_string);
        assert_eq!(found, expected, "{by}");
    }
    for (only, calls) in [
        (json!({ "agent": "a" }), 2),
        (json!({ "model": "test/small" }), 4),
        (json!({ "promptVersion": "p@1.1.0" }), 1),
        (json!({ "execution": "e1" }), 1),
        (json!({ "user": app.member.user }), 2),
        (json!({ "to": "2026-11-21T00:00:00Z" }), 3),
        (json!({ "from": "2026-11-21T00:00:00Z" }), 3),
    ] {
        let told = app.call(&app.admin, "model_usage", only.clone()).await.unwrap();
        assert_eq!(told["total"]["calls"], calls, "{only}");
    }
}

#[tokio::test]
async fn everybody_sees_their_own_and_nobody_another_tenant_s() {
    let app = TestApp::start().await;
    ask(&app, &app.admin, "test/small", "x").await.unwrap();
    ask(&app, &app.member, "test/small", "x").await.unwrap();
    let own = app.call(&app.member, "model_usage", json!({})).await.unwrap();
    assert_eq!(own["total"]["calls"], 1);
    let other = app.call(&app.member, "model_usage", json!({ "user": app.admin.user })).await;
    assert_eq!(code(&other), "forbidden");
    let elsewhere = app.call(&app.stranger, "model_usage", json!({})).await.unwrap();
    assert_eq!(elsewhere["total"]["calls"], 0);
    let turned = json!({ "from": "2026-11-21T00:00:00Z", "to": "2026-11-20T00:00:00Z" });
    assert_eq!(code(&app.call(&app.admin, "model_usage", turned).await), "bad_input");
    assert_eq!(code(&app.call(&app.admin, "model_usage", json!({ "by": ["mood"] })).await), "bad_input");
    assert_eq!(code(&app.call(&app.nobody, "model_usage", json!({})).await), "forbidden");
}

#[tokio::test]
async fn what_was_used_is_written_though_whoever_had_it_written_went_away() {
    let app = TestApp::start().await;
    // More than one commit takes: what the second one holds must outlive whoever began with the first.
    let (router, asker) = asker(&app, &app.member).await;
    for _ in 0..2_001 {
        router.complete(&asker, &wish("test/large"), request("x")).await.unwrap();
    }
    assert!(router.flush(app.app.platform()).now_or_never().is_none(), "nothing was to be written");
    let told = app.call(&app.admin, "model_usage", json!({})).await.unwrap();
    assert_eq!(told["total"]["calls"], 2_001);
}
