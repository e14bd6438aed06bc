//! `model_list`: which models there are, in pages, and how they are doing.

use convoke::port::models::ModelFaultKind;
use serde_json::json;

use super::ask;
use crate::support::app::TestApp;
use crate::support::scripted::fault;

#[tokio::test]
async fn models_are_listed_in_pages_with_how_they_are_doing() {
    let app = TestApp::start().await;
    ask(&app, &app.admin, "test/large", "x").await.unwrap();
    app.vendor.tell("large", [fault(ModelFaultKind::BadRequest)]);
    ask(&app, &app.admin, "test/large", "x").await.unwrap_err();
    let mut names = Vec::new();
    let mut token = None;
    loop {
        let mut input = json!({ "provider": "test", "limit": 2 });
        if let Some(token) = token {
            input["pageToken"] = token;
        }
        let page = app.call(&app.member, "model_list", input).await.unwrap();
        names.extend(page["items"].as_array().unwrap().clone());
        token = page.get("nextPageToken").cloned();
        if token.is_none() {
            break;
        }
    }
    let told: Vec<&str> = names.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(told, ["test/large", "test/other-vectors", "test/small", "test/third", "test/unpriced", "test/vectors"]);
    let health = &names[0]["health"];
    assert_eq!((&health["answered"], &health["failed"], &health["circuit"]), (&json!(1), &json!(1), &json!("closed")));
    assert_eq!((&names[2]["price"]["cached"], &names[2]["pricesOf"]), (&json!("0.5"), &json!("2026-11-20")));
    assert!(names[4].get("price").is_none(), "what is not known is not there");
    let vectors =
        app.call(&app.member, "model_list", json!({ "ability": "embeddings", "provider": "test" })).await.unwrap();
    assert_eq!(vectors["items"].as_array().unwrap().len(), 2);
    // Another tenant sees what it can ask: nothing, and with 'all' what is missing.
    let elsewhere = app.call(&app.stranger, "model_list", json!({})).await.unwrap();
    assert_eq!(elsewhere["items"], json!([]));
    let all = app.call(&app.stranger, "model_list", json!({ "all": true, "provider": "test" })).await.unwrap();
    assert!(all["items"].as_array().unwrap().iter().all(|one| one["available"] == false));
    let fault = app.call(&app.member, "model_list", json!({ "pageToken": "made up" })).await.unwrap_err();
    assert_eq!(fault.code().name, "bad_page_token");
}
