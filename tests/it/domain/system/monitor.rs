//! `system_monitor`.

use std::time::Duration;

use convoke::runtime::upkeep::Upkeep;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::app::TestApp;

async fn minute(app: &TestApp, upkeep: &Upkeep, calls: usize) {
    for _ in 0..calls {
        app.call(&app.admin, "user_me", json!({})).await.unwrap();
    }
    app.clock.advance(Duration::from_mins(1));
    upkeep.clean(&CancellationToken::new()).await.unwrap();
}

fn of(told: &Value, what: &str) -> Option<Value> {
    told["anomalies"].as_array().unwrap().iter().find(|one| one["what"] == what).cloned()
}

#[tokio::test]
async fn a_burst_is_far_from_what_is_usual() {
    let app = TestApp::start().await;
    let upkeep = Upkeep::new(app.app.gate().clone());
    for _ in 0..20 {
        minute(&app, &upkeep, 3).await;
    }
    let told = app.call(&app.admin, "system_monitor", json!({ "minutes": 5 })).await.unwrap();
    assert_eq!((of(&told, "calls"), &told["samples"]), (None, &json!(20)), "{told}");
    let history = told["history"].as_array().unwrap();
    assert_eq!((history.len(), &history[4]["calls"]), (5, &json!(3.0)));

    // The call before counts too.
    minute(&app, &upkeep, 199).await;
    let told = app.call(&app.admin, "system_monitor", json!({})).await.unwrap();
    let burst = of(&told, "calls").unwrap_or_else(|| panic!("{told}"));
    assert_eq!((&burst["value"], &burst["usual"], &burst["above"]), (&json!(200.0), &json!(3.0), &json!(true)));
    minute(&app, &upkeep, 2).await;
    let told = app.call(&app.admin, "system_monitor", json!({ "minutes": 0 })).await.unwrap();
    assert_eq!((of(&told, "calls"), &told["history"]), (None, &json!([])));
}

#[tokio::test]
async fn it_tells_resources_and_services_that_are_silent() {
    let app = TestApp::start().await;
    let told = app.call(&app.admin, "system_monitor", json!({})).await.unwrap();
    assert!(told["resources"]["storeBytes"].as_u64().unwrap() > 0, "{told}");
    assert_eq!((&told["services"]["healthy"], &told["samples"]), (&json!(1), &json!(0)));
    app.clock.advance(Duration::from_mins(2));
    let told = app.call(&app.admin, "system_monitor", json!({})).await.unwrap();
    assert_eq!(told["services"], json!({ "healthy": 0, "unhealthy": ["crm-sync/crm-1"] }));
}
