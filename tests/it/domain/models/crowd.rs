//! Many at once: budgets hold, tenants take turns.

use std::sync::Arc;

use convoke::domain::models::{Router, RouterSettings};
use convoke::kernel::secret::Secret;
use convoke::port::models::Tokens;
use convoke::port::secrets::Environment;
use serde_json::json;

use super::{ask, asker, code, request, wish};
use crate::support::app::TestApp;
use crate::support::scripted::Act;

/// Two hundred callers share a budget that is enough for about half of their calls, each of which costs more than anybody
/// expected. Together they overspend by no more than what each had in flight.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_callers_do_not_overspend() {
    const CALLERS: usize = 200;
    const EACH: u64 = 100;
    let limit = EACH * CALLERS as u64 / 2;
    let app = Arc::new(TestApp::start().await);
    let budget = json!({ "scope": "tenant", "tokens": limit });
    app.call(&app.admin, "model_budget_set", budget).await.unwrap();
    let spent = Tokens { input: EACH - 10, output: 10, ..Tokens::default() };
    // Half of them meet at the vendor's, all at the same moment.
    app.vendor.tell("large", (0..CALLERS).map(|_| Act::Say("a", Some(spent))));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move {
                let (mut well, mut refused) = (0_u64, 0_u64);
                for _ in 0..3 {
                    match ask(&app, &app.admin, "test/large", "x").await {
                        Ok(_) => well += 1,
                        Err(fault) if fault.code().name == "budget_spent" => refused += 1,
                        Err(fault) => panic!("{fault:?}"),
                    }
                }
                (well, refused)
            })
        })
        .collect();
    let (mut well, mut refused) = (0, 0);
    for caller in callers {
        let (of_well, of_refused) = caller.await.unwrap();
        (well, refused) = (well + of_well, refused + of_refused);
    }
    assert_eq!(well + refused, 3 * CALLERS as u64);
    let stands = app.call(&app.admin, "model_budget_get", json!({ "scope": "tenant" })).await.unwrap();
    let told = stands["items"][0]["tokens"]["spent"].as_u64().unwrap();
    assert!(told >= limit, "nobody is refused while there is something left: {told} of {limit}");
    assert!(told <= limit + EACH * CALLERS as u64, "{told} of {limit}");
    // What is told is what was used: nothing is lost and nothing is counted twice.
    let usage = app.call(&app.admin, "model_usage", json!({})).await.unwrap();
    let tokens = &usage["total"]["tokens"];
    assert_eq!(tokens["input"].as_u64().unwrap() + tokens["output"].as_u64().unwrap(), told, "{usage}");
    assert_eq!(usage["total"]["calls"].as_u64().unwrap(), well);
    assert_eq!(code(&ask(&app, &app.admin, "test/large", "x").await), "budget_spent");
}

/// One tenant's many calls do not keep another's only call waiting.
#[tokio::test]
async fn tenants_take_turns_at_a_model() {
    let app = TestApp::start_with(|settings| {
        settings.config.models.calls_at_once = 1;
        settings.config.models.share_keys = true;
    })
    .await;
    app.vendor.tell("large", (0..6).map(|_| Act::Wait).flat_map(|wait| [wait, Act::Say("a", None)]));
    let many = futures::future::join_all((0..5).map(|_| ask(&app, &app.admin, "test/large", "many")));
    let one = async {
        app.vendor.asked_times(1).await;
        let asking = ask(&app, &app.stranger, "test/large", "one");
        let letting = async {
            loop {
                let listed = app.call(&app.admin, "model_list", json!({ "provider": "test" })).await.unwrap();
                let large = listed["items"].as_array().unwrap().iter().find(|one| one["name"] == "test/large").unwrap();
                tokio::task::yield_now().await;
                if large["health"]["waiting"] == 5 {
                    break;
                }
            }
            app.vendor.let_go(6);
        };
        tokio::join!(asking, letting).0
    };
    let (many, one) = tokio::join!(many, one);
    assert!(one.is_ok() && many.iter().all(Result::is_ok));
    let asked: Vec<String> = app.vendor.requests().iter().map(|request| format!("{:?}", request.messages)).collect();
    let place = asked.iter().position(|request| request.contains("one")).unwrap();
    assert!(place <= 2, "the other tenant's came at place {place}");
}

struct NoVariables;

impl Environment for NoVariables {
    fn value(&self, _: &str) -> Option<Secret> {
        None
    }
}

/// Two instances spend the same budget at once: what one has leased the other cannot, and at the end nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_instances_share_a_budget() {
    const EACH: u64 = 100;
    const LIMIT: u64 = 6_400;
    let app = TestApp::start().await;
    let budget = json!({ "scope": "tenant", "tokens": LIMIT });
    app.call(&app.admin, "model_budget_set", budget).await.unwrap();
    let (one, asker) = asker(&app, &app.admin).await;
    let two = Router::new(RouterSettings::default(), Arc::new(NoVariables), uuid::Uuid::from_u128(2));
    let spent = Tokens { input: EACH - 10, output: 10, ..Tokens::default() };
    app.vendor.tell("large", (0..200).map(|_| Act::Say("a", Some(spent))));
    let callers: Vec<_> = (0..20)
        .map(|number| {
            let (router, asker) = (if number % 2 == 0 { one.clone() } else { two.clone() }, asker.clone());
            tokio::spawn(async move {
                let mut well = 0;
                for _ in 0..10 {
                    match router.complete(&asker, &wish("test/large"), request("x")).await {
                        Ok(_) => well += 1,
                        Err(fault) => assert_eq!(fault.code().name, "budget_spent"),
                    }
                }
                well
            })
        })
        .collect();
    let mut well = 0;
    for caller in callers {
        well += caller.await.unwrap();
    }
    assert!(well * EACH >= LIMIT - LIMIT / 8, "what one gave back the other can spend: {well}");
    assert!(well * EACH <= LIMIT + 20 * EACH, "{well} calls of {EACH} in a budget of {LIMIT}");
    for router in [&one, &two] {
        router.close(app.app.platform()).await.unwrap();
    }
    let stands = app.call(&app.admin, "model_budget_get", json!({ "scope": "tenant" })).await.unwrap();
    assert_eq!(stands["items"][0]["tokens"]["spent"], well * EACH, "{stands}");
}
