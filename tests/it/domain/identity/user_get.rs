//! `user_get`.

use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn finds_by_id_and_by_email() {
    let app = TestApp::start().await;
    let by_id = app.call(&app.member, "user_get", json!({ "id": scene::DAN })).await.unwrap();
    assert_eq!(by_id["roles"], json!(["member", "reviewer"]));
    assert_eq!(by_id["groups"], json!(["finance", "support"]));
    let by_email = app.call(&app.member, "user_get", json!({ "id": "DAN@example.org" })).await.unwrap();
    assert_eq!(by_id, by_email);
}

#[tokio::test]
async fn what_is_not_in_the_tenant_does_not_exist() {
    let app = TestApp::start().await;
    for id in [json!(scene::DAN), json!("dan@example.org"), json!(scene::id(0x01)), json!("nobody at all")] {
        let fault = app.call(&app.stranger, "user_get", json!({ "id": id })).await.unwrap_err();
        assert!(fault.is(&codes::NOT_FOUND), "{fault}");
    }
}

#[tokio::test]
async fn needs_the_permission_and_an_id() {
    let app = TestApp::start().await;
    let fault = app.call(&app.nobody, "user_get", json!({ "id": scene::DAN })).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    let fault = app.call(&app.member, "user_get", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::BAD_INPUT), "{fault}");
}
