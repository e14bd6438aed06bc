//! `user_me`.

use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn shows_the_caller() {
    let app = TestApp::start().await;
    let me = app.call(&app.member, "user_me", json!({})).await.unwrap();
    assert_eq!(
        me,
        json!({
            "id": scene::ADA,
            "email": "ada@example.org",
            "name": "Ada Lovelace",
            "firstName": "Ada",
            "lastName": "Lovelace",
            "status": "active",
            "groups": ["finance"],
            "roles": ["member"],
            "createdAt": "2026-11-20T12:00:00.000Z",
            "updatedAt": "2026-11-20T12:00:00.000Z",
        })
    );
}

#[tokio::test]
async fn needs_no_role_and_takes_no_input() {
    let app = TestApp::start().await;
    let me = app.call(&app.nobody, "user_me", json!({})).await.unwrap();
    assert_eq!(me["roles"], json!([]));
    let fault = app.call(&app.nobody, "user_me", json!({ "id": scene::ADA })).await.unwrap_err();
    assert!(fault.is(&codes::BAD_INPUT), "{fault}");
}
