//! `api_key_revoke`.

use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn refuses_the_key_from_that_moment() {
    let app = TestApp::start().await;
    let made = app.call(&app.member, "api_key_create", json!({ "name": "leaked" })).await.unwrap();
    let key = made["key"].as_str().unwrap();
    assert!(app.call_by_key(key, "user_me", json!({})).await.is_ok());
    let input = json!({ "id": made["id"] });
    let revoked = app.call(&app.member, "api_key_revoke", input.clone()).await.unwrap();
    assert_eq!(revoked["status"], "revoked");
    let fault = app.call_by_key(key, "user_me", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::KEY_REFUSED), "{fault}");
    assert_eq!(app.call(&app.member, "api_key_revoke", input).await.unwrap(), revoked);
    assert!(app.call(&app.member, "user_me", json!({})).await.is_ok());
}

#[tokio::test]
async fn somebody_elses_key_does_not_exist_without_the_permission() {
    let app = TestApp::start().await;
    let input = json!({ "id": scene::DANS_KEY });
    for person in [&app.member, &app.stranger] {
        let fault = app.call(person, "api_key_revoke", input.clone()).await.unwrap_err();
        assert!(fault.is(&codes::NOT_FOUND), "{fault}");
    }
    let fault = app.call(&app.nobody, "api_key_revoke", input.clone()).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    assert!(app.call(&app.admin, "api_key_revoke", input).await.is_ok());
    let fault = app.call(&app.admin, "api_key_revoke", json!({ "id": "nonsense" })).await.unwrap_err();
    assert!(fault.is(&codes::BAD_INPUT), "{fault}");
}
