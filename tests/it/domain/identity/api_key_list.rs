//! `api_key_list`.

use std::time::Duration;

use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn lists_the_callers_keys_without_their_secret() {
    let app = TestApp::start().await;
    app.clock.advance(Duration::from_secs(1));
    let made = app.call(&app.member, "api_key_create", json!({ "name": "second" })).await.unwrap();
    let page = app.call(&app.member, "api_key_list", json!({})).await.unwrap();
    let names: Vec<&str> = page["items"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["second", "test"]);
    let text = page.to_string();
    assert!(!text.contains(made["key"].as_str().unwrap()) && !text.contains("hash"), "{text}");
}

#[tokio::test]
async fn tells_how_each_stands() {
    let app = TestApp::start().await;
    let input = json!({ "name": "short", "expiresInDays": 1 });
    app.call(&app.member, "api_key_create", input).await.unwrap();
    let gone = app.call(&app.member, "api_key_create", json!({ "name": "gone" })).await.unwrap();
    app.call(&app.member, "api_key_revoke", json!({ "id": gone["id"] })).await.unwrap();
    app.clock.advance(Duration::from_hours(24));
    let status = async |input| {
        let page = app.call(&app.member, "api_key_list", input).await.unwrap();
        let keys = page["items"].as_array().unwrap().clone();
        let mut all: Vec<String> = keys.iter().map(|key| format!("{} {}", key["name"], key["status"])).collect();
        all.sort();
        all
    };
    assert_eq!(status(json!({})).await, ["\"short\" \"expired\"", "\"test\" \"active\""]);
    let all = ["\"gone\" \"revoked\"", "\"short\" \"expired\"", "\"test\" \"active\""];
    assert_eq!(status(json!({ "includeRevoked": true })).await, all);
}

#[tokio::test]
async fn somebody_elses_need_the_permission() {
    let app = TestApp::start().await;
    let dans = json!({ "userId": scene::DAN });
    let page = app.call(&app.admin, "api_key_list", dans.clone()).await.unwrap();
    assert_eq!(page["items"][0]["id"], json!(scene::DANS_KEY));
    let fault = app.call(&app.member, "api_key_list", dans.clone()).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    let page = app.call(&app.stranger, "api_key_list", dans).await.unwrap();
    assert_eq!(page["items"], json!([]));
    let fault = app.call(&app.nobody, "api_key_list", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
}
