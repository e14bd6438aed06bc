//! `role_set_permissions`.

use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn replaces_for_all_holders_at_once() {
    let app = TestApp::start().await;
    app.call(&app.admin, "role_assign", json!({ "role": "reviewer", "userId": scene::BO })).await.unwrap();
    assert!(app.call(&app.nobody, "role_list", json!({})).await.is_err());
    let input = json!({ "id": scene::REVIEWER, "permissions": ["roles:read"] });
    let role = app.call(&app.admin, "role_set_permissions", input).await.unwrap();
    assert_eq!((&role["permissions"], &role["holders"]), (&json!(["roles:read"]), &json!(2)));
    assert!(app.call(&app.nobody, "role_list", json!({})).await.is_ok());
    assert!(app.call(&app.nobody, "user_list", json!({})).await.is_err());
}

#[tokio::test]
async fn built_in_roles_cannot_be_changed() {
    let app = TestApp::start().await;
    let page = app.call(&app.admin, "role_list", json!({ "builtin": true })).await.unwrap();
    for role in page["items"].as_array().unwrap() {
        let input = json!({ "id": role["id"], "permissions": ["users:read"] });
        let fault = app.call(&app.admin, "role_set_permissions", input).await.unwrap_err();
        assert_eq!(fault.code().name, "built_in_role");
    }
}

#[tokio::test]
async fn a_role_does_not_permit_more_than_whoever_changes_it_may() {
    let app = TestApp::start().await;
    let input = json!({ "name": "roles", "scopes": ["roles:*"] });
    let key = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let input = json!({ "id": scene::REVIEWER, "permissions": ["*"] });
    let fault = app.call_by_key(key["key"].as_str().unwrap(), "role_set_permissions", input).await.unwrap_err();
    assert_eq!(fault.code().name, "beyond_own_rights");
}

#[tokio::test]
async fn refuses_bad_input_strangers_and_callers_without_the_permission() {
    let app = TestApp::start().await;
    let good = json!({ "id": scene::REVIEWER, "permissions": ["users:read"] });
    for (input, place) in [
        (json!({ "id": "reviewer", "permissions": [] }), "/id"),
        (json!({ "id": scene::REVIEWER, "permissions": ["nonsense"] }), "/permissions/0"),
        (json!({ "id": scene::REVIEWER }), "/permissions"),
    ] {
        let fault = app.call(&app.admin, "role_set_permissions", input.clone()).await.unwrap_err();
        assert_eq!(fault.places()[0].pointer, place, "{input}: {fault}");
    }
    let fault = app.call(&app.stranger, "role_set_permissions", good.clone()).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
    let fault = app.call(&app.member, "role_set_permissions", good).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
}
