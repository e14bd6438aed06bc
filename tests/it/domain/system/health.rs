//! `system_health`.

use std::time::Duration;

use convoke::capability::caller::Credential;
use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::{TestApp, value};

#[tokio::test]
async fn everybody_learns_whether_it_is_up_and_administrators_learn_more() {
    let app = TestApp::start().await;
    app.clock.advance(Duration::from_secs(90));
    let short = json!({ "status": "ok", "live": true, "ready": true });
    let anonymous = app.app.gate().identify(&Credential::None, None).await.unwrap();
    assert_eq!(value(app.reply(anonymous, "system_health", json!({}), |_| {}).await).unwrap(), short);
    assert_eq!(app.call(&app.nobody, "system_health", json!({})).await.unwrap(), short);
    assert_eq!(app.call(&app.stranger, "system_health", json!({})).await.unwrap(), short);

    let full = app.call(&app.admin, "system_health", json!({})).await.unwrap();
    let details = &full["details"];
    assert_eq!((&details["uptimeSeconds"], &details["version"]), (&json!(90), &json!(env!("CARGO_PKG_VERSION"))));
    let [store, blobs, vault] = details["backends"].as_array().unwrap().as_slice() else { panic!("{details}") };
    assert_eq!((&store["name"], &store["status"]), (&json!("store"), &json!("ok")));
    assert!(store["product"].as_str().unwrap().starts_with("SQLite 3."));
    assert!(store["sizeBytes"].as_u64().unwrap() > 0);
    assert_eq!((&blobs["name"], &blobs["status"]), (&json!("blobs"), &json!("ok")));
    assert_eq!((&vault["name"], &vault["status"]), (&json!("vault"), &json!("ok")));
}

#[tokio::test]
async fn blobs_whose_folder_is_gone_are_down() {
    let app = TestApp::start().await;
    let full = app.call(&app.admin, "system_health", json!({})).await.unwrap();
    assert!(full["details"]["backends"][0]["freeBytes"].as_u64().unwrap() > 0, "{full}");
    std::fs::remove_dir_all(app.app.data().join("blobs")).unwrap();
    let fault = app.call(&app.admin, "system_health", json!({})).await.unwrap_err();
    let backend = &fault.detail().unwrap()["details"]["backends"][1];
    assert_eq!((&backend["name"], &backend["status"]), (&json!("blobs"), &json!("down")));
    assert!(backend["fault"].as_str().unwrap().contains("blobs"), "{backend}");
}

#[tokio::test]
async fn a_backend_that_does_not_answer_is_a_fault() {
    let app = TestApp::start().await;
    let blobs = app.app.data().join("blobs");
    std::fs::remove_dir_all(&blobs).unwrap();
    std::fs::write(&blobs, "no folder").unwrap();
    let fault = app.call(&app.admin, "system_health", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::UNAVAILABLE), "{fault}");
    let told = fault.detail().unwrap();
    assert_eq!((&told["status"], &told["ready"], &told["live"]), (&json!("down"), &json!(false), &json!(true)));
    assert_eq!(told["details"]["backends"][1]["status"], "down");
    let fault = app.call(&app.nobody, "system_health", json!({})).await.unwrap_err();
    assert_eq!(fault.detail().unwrap(), &json!({ "status": "down", "live": true, "ready": false }));
}
