//! `prompt_test` against a model over real HTTP, and what `prompt_versions` tells of tokens and costs.

use std::sync::Arc;

use convoke::capability::platform::Services;
use convoke::domain::system::LogRing;
use serde_json::{Value, json};

use super::vendor::Vendor;
use super::{ada, code};
use crate::support::app::TestApp;

async fn start(vendor: &Vendor) -> TestApp {
    let app = TestApp::start_with(|settings| {
        vendor.lay(&settings.data);
        settings.services = Services::default().with(Arc::new(LogRing::new(100)));
    })
    .await;
    let variables = json!([{ "name": "who", "type": "string", "description": "Who it is to." }]);
    let cases = json!([
        { "name": "by name", "variables": { "who": "Ada" }, "answer": "recorded", "contains": ["Ada"] },
        { "name": "polite", "variables": { "who": "Bo" }, "contains": ["Dear"], "maxTokens": 5 },
        { "name": "given", "variables": { "who": "Cy" } },
    ]);
    let input = json!({ "name": "hello", "template": "Hello {{ who }}", "variables": variables, "cases": cases });
    ada(&app, "prompt_create", input).await.unwrap();
    ada(&app, "prompt_publish", json!({ "id": "hello" })).await.unwrap();
    app
}

#[tokio::test]
async fn cases_are_run_against_a_model_metered_and_under_budgets() {
    let vendor = Vendor::open(|said| format!("Hi {}", said.split_whitespace().last().unwrap())).await;
    let app = start(&vendor).await;
    let answers = json!([{ "case": "given", "answer": "as it was" }]);
    let input = json!({ "id": "hello", "model": "live/tiny", "answers": answers });
    let told = ada(&app, "prompt_test", input.clone()).await.unwrap();
    let ends: Vec<(&Value, &Value)> =
        told["cases"].as_array().unwrap().iter().map(|one| (&one["outcome"], &one["against"])).collect();
    let (model, passed) = (json!("model"), json!("passed"));
    assert_eq!(ends, [(&passed, &model), (&json!("failed"), &model), (&passed, &json!("given"))]);
    assert_eq!(told["cases"][0]["answered"], json!({ "model": "live/tiny", "text": "Hi Ada" }));
    assert_eq!(told["cases"][1]["problems"], json!(["lacks \"Dear\""]));
    let asked =
        json!({ "calls": 2, "inputTokens": 20, "outputTokens": 10, "costNanoDollars": 40_000, "callsWithoutPrice": 0 });
    assert_eq!(told["asked"], asked);
    assert_eq!(vendor.shelf().asked, ["Hello Ada", "Hello Bo"], "what is given is not asked for");
    let usage = ada(&app, "model_usage", json!({ "by": ["prompt_version"] })).await.unwrap();
    assert_eq!((&usage["groups"][0]["promptVersion"], &usage["total"]["calls"]), (&json!("hello@1.0.0"), &json!(2)));
    // Without a model nobody is asked.
    let told = ada(&app, "prompt_test", json!({ "id": "hello" })).await.unwrap();
    assert_eq!((&told["asked"], &told["unanswered"], &told["failed"]), (&Value::Null, &json!(2), &json!(1)));
    assert_eq!(vendor.shelf().asked.len(), 2);

    assert_eq!(code(&ada(&app, "prompt_test", json!({ "id": "hello", "model": "live/gone" })).await), "unknown_model");
    let scope = format!("user:{}", app.member.user);
    app.call(&app.admin, "model_budget_set", json!({ "scope": scope, "period": "day", "tokens": 1 })).await.unwrap();
    // A budget is overspent by one call at most: the next case is not asked for, and then none is.
    let told = ada(&app, "prompt_test", input.clone()).await.unwrap();
    assert_eq!((&told["asked"]["calls"], &told["cases"][1]["outcome"]), (&json!(1), &json!("unanswered")));
    // A budget that is spent is no broken contract.
    assert_eq!((&told["ok"], &told["failed"], &told["cases"][1]["against"]), (&json!(true), &json!(0), &Value::Null));
    assert!(told["cases"][1]["problems"][0].as_str().unwrap().contains("budget"), "{told}");
    assert_eq!(code(&ada(&app, "prompt_test", input).await), "budget_spent");
    assert_eq!(vendor.shelf().asked.len(), 3);
}

#[tokio::test]
async fn two_versions_are_compared_by_tokens_and_by_cost() {
    let vendor = Vendor::open(|_| "Hi".to_owned()).await;
    let app = start(&vendor).await;
    ada(&app, "prompt_update", json!({ "id": "hello", "template": "Hello {{ who }} and many happy returns" }))
        .await
        .unwrap();
    ada(&app, "prompt_publish", json!({ "id": "hello" })).await.unwrap();
    for (version, times) in [("1.0.0", 2), ("1.1.0", 1)] {
        for _ in 0..times {
            let input = json!({ "model": "live/tiny", "prompt": "x", "promptVersion": format!("hello@{version}") });
            ada(&app, "model_complete", input).await.unwrap();
        }
    }
    let input = json!({ "id": "hello", "from": "1.0.0", "to": "1.1.0", "model": "live/tiny" });
    let told = ada(&app, "prompt_versions", input).await.unwrap()["difference"].clone();
    let count = |name: &str| told[name].as_i64().unwrap();
    assert!(count("tokensDelta") > 0 && count("tokensDelta") == count("tokensTo") - count("tokensFrom"));
    // A dollar for a million tokens is a thousand thousand-millionths each.
    assert_eq!(told["price"]["deltaNanoDollars"], json!(count("tokensDelta") * 1000));
    assert_eq!(told["price"]["model"], "live/tiny");
    assert_eq!((&told["usedFrom"]["calls"], &told["usedTo"]["calls"]), (&json!(2), &json!(1)));
    assert_eq!((&told["usedTo"]["meanCost"], &told["usedCostDelta"]), (&json!(20_000.0), &json!(0.0)));
    let alone = ada(&app, "prompt_versions", json!({ "id": "hello", "model": "live/tiny" })).await.unwrap_err();
    assert_eq!(alone.places()[0].pointer, "/from");
    let gone = json!({ "id": "hello", "from": "1.0.0", "model": "live/gone" });
    assert_eq!(code(&ada(&app, "prompt_versions", gone).await), "unknown_model");
}
