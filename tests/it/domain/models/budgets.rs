//! `model_budget_set` and `model_budget_get`: what is left, who is held, what a crash leaves, who is warned.

use std::time::Duration;

use convoke::capability::events::EVENTS;
use convoke::domain::models::Router;
use convoke::port::models::Tokens;
use serde_json::{Value, json};

use super::{ask, code};
use crate::support::app::TestApp;
use crate::support::scripted::Act;

async fn set(app: &TestApp, input: Value) -> Value {
    app.call(&app.admin, "model_budget_set", input).await.unwrap()
}

/// How a budget stands.
async fn stands(app: &TestApp, scope: &str) -> Value {
    let answer = app.call(&app.admin, "model_budget_get", json!({ "scope": scope })).await.unwrap();
    answer["items"][0].clone()
}

async fn tidy(app: &TestApp) {
    let platform = app.app.platform();
    platform.service::<Router>().unwrap().tidy(platform).await.unwrap();
}

#[expect(clippy::unnecessary_wraps, reason = "as the script takes it")]
fn tokens(input: u64, output: u64) -> Option<Tokens> {
    Some(Tokens { input, output, ..Tokens::default() })
}

#[tokio::test]
async fn what_is_spent_is_told_to_the_last_token_and_then_refused() {
    let app = TestApp::start().await;
    set(&app, json!({ "scope": "tenant", "tokens": 100, "period": "day" })).await;
    app.vendor
        .tell("large", [Act::Say("a", tokens(30, 10)), Act::Say("b", tokens(50, 9)), Act::Say("c", tokens(1, 0))]);
    for left in [60, 1, 0] {
        ask(&app, &app.member, "test/large", "x").await.unwrap();
        let stands = stands(&app, "tenant").await;
        assert_eq!(stands["tokens"], json!({ "limit": 100, "spent": 100 - left, "left": left }));
    }
    let refused = ask(&app, &app.member, "test/large", "x").await.unwrap_err();
    assert_eq!((refused.code().name, refused.code().status), ("budget_spent", 402));
    assert_eq!(refused.detail().unwrap()["wholeAgainAt"], "2026-11-21T00:00:00.000Z");
    assert_eq!(refused.retry_after(), Some(Duration::from_hours(12)));
    assert_eq!(app.vendor.asked().len(), 3);
    app.clock.advance(Duration::from_hours(12));
    ask(&app, &app.member, "test/large", "x").await.unwrap();
    assert_eq!(stands(&app, "tenant").await["tokens"]["spent"], 15);
}

#[tokio::test]
async fn money_is_counted_to_the_nano_dollar() {
    let app = TestApp::start().await;
    set(&app, json!({ "scope": "agent:writer", "dollars": "0.001" })).await;
    let asked = async |agent: &str| {
        let input = json!({ "model": "test/small", "prompt": "x", "agent": agent });
        app.call(&app.member, "model_complete", input).await
    };
    app.vendor.tell("small", [Act::Say("a", tokens(3, 1))]);
    asked("writer").await.unwrap();
    let stands = stands(&app, "agent:writer").await;
    assert_eq!(stands["money"], json!({ "limit": "0.001", "spent": "0.000005", "left": "0.000995" }));
    // A call may cost more than was left: that is the last one.
    app.vendor.tell("small", [Act::Say("a", tokens(900, 100))]);
    asked("writer").await.unwrap();
    assert_eq!(code(&asked("writer").await), "budget_spent");
    asked("other").await.unwrap();
    ask(&app, &app.member, "test/small", "x").await.unwrap();
}

#[tokio::test]
async fn everybody_s_budget_that_holds_a_call_holds() {
    let app = TestApp::start().await;
    let key = app.call(&app.admin, "api_key_create", json!({ "name": "limited" })).await.unwrap();
    let by_key = async |more: Value| {
        let mut input = json!({ "model": "test/large", "prompt": "x" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.call_by_key(key["key"].as_str().unwrap(), "model_complete", input).await
    };
    for (scope, more) in [
        (format!("key:{}", key["id"].as_str().unwrap()), json!({})),
        (format!("user:{}", app.admin.user), json!({})),
        ("agent:a".to_owned(), json!({ "agent": "a" })),
        ("execution:e-1".to_owned(), json!({ "execution": "e-1" })),
        ("tenant".to_owned(), json!({})),
    ] {
        set(&app, json!({ "scope": scope, "tokens": 0 })).await;
        let refused = by_key(more.clone()).await.unwrap_err();
        assert_eq!((refused.code().name, &refused.detail().unwrap()["scope"]), ("budget_spent", &json!(scope)));
        set(&app, json!({ "scope": scope })).await;
        by_key(more).await.unwrap();
    }
    // Another user is not held by it.
    set(&app, json!({ "scope": format!("user:{}", app.admin.user), "tokens": 0 })).await;
    assert_eq!(code(&by_key(json!({})).await), "budget_spent");
    ask(&app, &app.member, "test/large", "x").await.unwrap();
}

/// A key is born with its budget; there is no moment in which it has none, and no second key that has none.
#[tokio::test]
async fn a_key_is_made_with_its_budget() {
    let app = TestApp::start().await;
    let make = |input: Value| app.call(&app.admin, "api_key_create", input);
    let asked = json!({ "tokens": 0, "dollars": "2.50", "period": "day" });
    let made = make(json!({ "name": "held", "budget": asked })).await.unwrap();
    assert_eq!(made["budget"], asked);
    let key = made["key"].as_str().unwrap();
    let input = json!({ "model": "test/large", "messages": [{ "role": "user", "content": "x" }] });
    assert_eq!(code(&app.call_by_key(key, "model_complete", input.clone()).await), "budget_spent");
    let fault = app.call_by_key(key, "api_key_create", json!({ "name": "free" })).await.unwrap_err();
    assert_eq!(fault.code().name, "beyond_own_rights");

    let scope = format!("key:{}", made["id"].as_str().unwrap());
    let budgets = app.call(&app.admin, "model_budget_get", json!({ "scope": scope })).await.unwrap();
    let budget = &budgets["items"][0];
    assert_eq!((&budget["money"]["limit"], &budget["period"], &budget["warnAt"]), (&json!("2.50"), &json!("day"), &json!([80, 100])));
    // Without it the key is as free as any.
    set(&app, json!({ "scope": scope })).await;
    app.call_by_key(key, "model_complete", input).await.unwrap();
    app.call_by_key(key, "api_key_create", json!({ "name": "free" })).await.unwrap();

    let fault = make(json!({ "name": "x", "budget": {} })).await.unwrap_err();
    assert_eq!(fault.places()[0].pointer, "/budget");
    let fault = make(json!({ "name": "x", "budget": { "dollars": "-1" } })).await.unwrap_err();
    assert_eq!(fault.places()[0].pointer, "/budget/dollars");
}

/// What runs below an execution spends of its budget, too, and nothing is left of what was set aside for a call that is refused
/// further on.
#[tokio::test]
async fn budgets_are_inherited_and_refusals_give_back() {
    use convoke::domain::models::Tags;
    let app = TestApp::start().await;
    set(&app, json!({ "scope": "execution:top", "tokens": 40 })).await;
    set(&app, json!({ "scope": "execution:below", "tokens": 0 })).await;
    let (router, asker) = super::asker(&app, &app.admin).await;
    let within = |execution: &str| {
        let (execution, above) = (Some(execution.to_owned()), vec!["top".to_owned()]);
        let mut wish = super::wish("test/large");
        wish.tags = Tags { execution, above, ..Tags::default() };
        wish
    };
    for _ in 0..5 {
        assert_eq!(code(&router.complete(&asker, &within("below"), super::request("x")).await), "budget_spent");
    }
    let top = stands(&app, "execution:top").await;
    assert_eq!(top["tokens"]["spent"], 0, "{top}");
    router.complete(&asker, &within("other"), super::request("x")).await.unwrap();
    assert_eq!(stands(&app, "execution:top").await["tokens"]["spent"], 15);
}

#[tokio::test]
async fn a_model_without_a_price_needs_tokens_or_a_ceiling() {
    let app = TestApp::start().await;
    set(&app, json!({ "scope": "tenant", "dollars": "1" })).await;
    let refused = ask(&app, &app.member, "test/unpriced", "x").await;
    assert_eq!(code(&refused), "price_unknown");
    // A route goes on to one that has a price.
    super::route(
        &app,
        json!({ "name": "any", "candidates": [{ "model": "test/unpriced" }, { "model": "test/large" }] }),
    )
    .await;
    assert_eq!(ask(&app, &app.member, "any", "x").await.unwrap()["model"], "test/large");
    set(&app, json!({ "scope": "tenant", "dollars": "1", "tokens": 1000 })).await;
    ask(&app, &app.member, "test/unpriced", "x").await.unwrap();
    set(&app, json!({ "scope": "tenant", "dollars": "1", "unpricedPerMillion": "100" })).await;
    let before = stands(&app, "tenant").await["money"]["spent"].clone();
    ask(&app, &app.member, "test/unpriced", "x").await.unwrap();
    let after = stands(&app, "tenant").await["money"]["spent"].clone();
    let spent = |text: &Value| text.as_str().unwrap().parse::<f64>().unwrap();
    assert!((spent(&after) - spent(&before) - 0.0015).abs() < 1e-9, "15 tokens at a ten-thousandth: {before} {after}");
}

#[tokio::test]
async fn a_change_of_the_limit_is_in_force_at_once() {
    let app = TestApp::start().await;
    set(&app, json!({ "scope": "tenant", "tokens": 1_000_000 })).await;
    ask(&app, &app.member, "test/large", "x").await.unwrap();
    set(&app, json!({ "scope": "tenant", "tokens": 15 })).await;
    assert_eq!(code(&ask(&app, &app.member, "test/large", "x").await), "budget_spent");
    set(&app, json!({ "scope": "tenant", "tokens": 20 })).await;
    ask(&app, &app.member, "test/large", "x").await.unwrap();
    assert_eq!(code(&ask(&app, &app.member, "test/large", "x").await), "budget_spent");
}

#[tokio::test]
async fn a_warning_is_told_once_for_each_level_and_period() {
    let app = TestApp::start().await;
    set(&app, json!({ "scope": "tenant", "tokens": 100, "period": "day", "warnAt": [50, 90] })).await;
    let warned = async || {
        tidy(&app).await;
        let events = app.entries(&EVENTS).await;
        let of = |event: &&Value| event["topic"] == "model_budget.warning";
        events.iter().filter(of).map(|event| event["data"]["percent"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    app.vendor.tell("large", [40, 11, 1, 40, 60].map(|input| Act::Say("a", tokens(input, 0))));
    for expected in [vec![], vec![50], vec![50], vec![50, 90]] {
        ask(&app, &app.member, "test/large", "x").await.unwrap();
        assert_eq!(warned().await, expected);
        assert_eq!(warned().await, expected);
    }
    app.clock.advance(Duration::from_hours(24));
    ask(&app, &app.member, "test/large", "x").await.unwrap();
    assert_eq!(warned().await, [50, 90, 50]);
}

/// What is leased comes back when the program ends, and when nobody draws on it.
#[tokio::test]
async fn leases_are_given_back() {
    let app = TestApp::start().await;
    set(&app, json!({ "scope": "tenant", "tokens": 1_000_000 })).await;
    let id = tenant_budget(&app);
    let counted = async |app: &TestApp| app.counter("model_budget_tokens", &format!("{id}/2026-11")).await;
    ask(&app, &app.member, "test/large", "x").await.unwrap();
    assert!(counted(&app).await > 1000, "a block is leased, not a call");
    tidy(&app).await;
    tidy(&app).await;
    assert_eq!(counted(&app).await, 15, "nobody drew on it for a while");
    ask(&app, &app.member, "test/large", "x").await.unwrap();
    let app = app.restart().await;
    assert_eq!(counted(&app).await, 30);
    assert_eq!(app.documents(convoke::domain::models::MODULE.kinds[1]).await, Vec::<Value>::new(), "no lease is left");
}

fn tenant_budget(app: &TestApp) -> uuid::Uuid {
    let mut parts = Vec::new();
    for part in [b"model budget".as_slice(), app.admin.tenant.uuid().as_bytes(), b"tenant"] {
        parts.extend_from_slice(&(part.len() as u64).to_be_bytes());
        parts.extend_from_slice(part);
    }
    let digest = convoke::kernel::seal::sha256(&parts);
    uuid::Builder::from_custom_bytes(digest[..16].try_into().unwrap()).into_uuid()
}

/// A crash takes what was in memory. The lease counts as spent, is told of, and comes back only when somebody settles it.
#[tokio::test]
async fn what_a_crash_leaves_counts_as_spent_until_it_is_settled() {
    let app = TestApp::start().await;
    set(&app, json!({ "scope": "tenant", "tokens": 6_400 })).await;
    for _ in 0..2 {
        ask(&app, &app.member, "test/large", "x").await.unwrap();
    }
    tidy(&app).await;
    // Opened again without an end, as after a crash.
    let crashed = app.app.clone();
    let app = app.open_again_with(|_| {}).await;
    let stands = stands(&app, "tenant").await;
    let (spent, left) =
        (stands["tokens"]["spent"].as_u64().unwrap(), stands["tokens"]["leftByCrash"].as_u64().unwrap());
    assert!(left > 1000 && spent == left + 30, "{stands}");
    let settled = set(&app, json!({ "scope": "tenant", "tokens": 6_400, "settle": true })).await;
    assert_eq!(settled["tokens"], json!({ "limit": 6400, "spent": 30, "left": 6370 }));
    assert_eq!(super::budgets::stands(&app, "tenant").await["tokens"], settled["tokens"]);
    drop(crashed);
}

#[tokio::test]
async fn budgets_are_set_by_those_who_may_and_seen_by_those_whom_they_hold() {
    let app = TestApp::start().await;
    assert_eq!(
        code(&app.call(&app.member, "model_budget_set", json!({ "scope": "tenant", "tokens": 5 })).await),
        "forbidden"
    );
    for (input, expected) in [
        (json!({ "scope": "planet", "tokens": 5 }), "bad_input"),
        (json!({ "scope": "user:ada", "tokens": 5 }), "bad_input"),
        (json!({ "scope": "tenant", "dollars": "five" }), "bad_input"),
        (json!({ "scope": "tenant", "dollars": "-1" }), "bad_input"),
        (json!({ "scope": "tenant", "tokens": 5, "warnAt": [0] }), "bad_input"),
        (json!({ "scope": "tenant" }), "not_found"),
    ] {
        assert_eq!(code(&app.call(&app.admin, "model_budget_set", input).await), expected);
    }
    set(&app, json!({ "scope": "tenant", "tokens": 5 })).await;
    set(&app, json!({ "scope": format!("user:{}", app.member.user), "tokens": 5 })).await;
    set(&app, json!({ "scope": format!("user:{}", app.admin.user), "tokens": 5 })).await;
    let seen = app.call(&app.member, "model_budget_get", json!({})).await.unwrap();
    let scopes: Vec<&str> =
        seen["items"].as_array().unwrap().iter().map(|one| one["scope"].as_str().unwrap()).collect();
    assert_eq!(scopes, ["tenant", &format!("user:{}", app.member.user)]);
    let all = app.call(&app.admin, "model_budget_get", json!({ "limit": 2 })).await.unwrap();
    assert!(all["items"].as_array().unwrap().len() == 2 && all["nextPageToken"].is_string());
    // Another tenant has budgets of its own.
    let elsewhere = app.call(&app.stranger, "model_budget_get", json!({})).await.unwrap();
    assert_eq!(elsewhere["items"], json!([]));
    // Set and removed, each is told.
    set(&app, json!({ "scope": "tenant" })).await;
    let told = app.entries(&EVENTS).await.into_iter().filter(|event| event["topic"] == "model_budget.set").count();
    assert_eq!(told, 4);
}
