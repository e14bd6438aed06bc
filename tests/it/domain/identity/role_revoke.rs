//! `role_revoke`.

use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn is_in_force_at_once() {
    let app = TestApp::start().await;
    assert!(app.call(&app.member, "user_list", json!({})).await.is_ok());
    let input = json!({ "role": "member", "userId": scene::ADA });
    let taken = app.call(&app.admin, "role_revoke", input.clone()).await.unwrap();
    assert_eq!((&taken["role"], &taken["inForce"]), (&json!("member"), &json!(false)));
    let fault = app.call(&app.member, "user_list", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    let fault = app.call(&app.admin, "role_revoke", input).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
}

#[tokio::test]
async fn the_last_administrator_keeps_the_role() {
    let app = TestApp::start().await;
    let input = json!({ "role": "admin", "userId": app.admin.user });
    let fault = app.call(&app.admin, "role_revoke", input.clone()).await.unwrap_err();
    assert_eq!(fault.code().name, "last_administrator");
    // One with an end does not count.
    let given = json!({ "role": "admin", "userId": scene::DAN, "effectiveUntil": "2027-01-01T00:00:00Z" });
    app.call(&app.admin, "role_assign", given).await.unwrap();
    let fault = app.call(&app.admin, "role_revoke", input.clone()).await.unwrap_err();
    assert_eq!(fault.code().name, "last_administrator");
    app.call(&app.admin, "role_assign", json!({ "role": "admin", "userId": scene::DAN })).await.unwrap();
    assert!(app.call(&app.admin, "role_revoke", input).await.is_ok());
}

#[tokio::test]
async fn two_administrators_cannot_take_each_others_role_at_the_same_time() {
    let app = TestApp::start().await;
    app.call(&app.admin, "role_assign", json!({ "role": "admin", "userId": scene::DAN })).await.unwrap();
    let one = json!({ "role": "admin", "userId": scene::DAN });
    let other = json!({ "role": "admin", "userId": app.admin.user });
    let local = app.identify(app.admin.key.reveal()).await.unwrap();
    let (one, other) = tokio::join!(
        app.reply(local.clone(), "role_revoke", one, |_| {}),
        app.reply(local.clone(), "role_revoke", other, |_| {}),
    );
    let well = [&one, &other].into_iter().filter(|reply| reply.result.is_ok()).count();
    assert_eq!(well, 1, "{one:?} {other:?}");
}

#[tokio::test]
async fn nobody_takes_what_they_do_not_have() {
    let app = TestApp::start().await;
    let input = json!({ "name": "roles", "scopes": ["roles:*", "users:read"] });
    let key = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let input = json!({ "role": "reviewer", "userId": scene::DAN });
    let fault = app.call_by_key(key["key"].as_str().unwrap(), "role_revoke", input).await.unwrap_err();
    assert_eq!(fault.code().name, "beyond_own_rights");
}

#[tokio::test]
async fn refuses_bad_input_strangers_and_callers_without_the_permission() {
    let app = TestApp::start().await;
    let fault = app.call(&app.admin, "role_revoke", json!({ "role": "member" })).await.unwrap_err();
    assert!(fault.is(&codes::BAD_INPUT), "{fault}");
    let input = json!({ "role": "member", "userId": scene::ADA });
    let fault = app.call(&app.stranger, "role_revoke", input.clone()).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
    let fault = app.call(&app.member, "role_revoke", input).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
}
