//! `role_create`.

use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn makes_a_role_that_can_be_given() {
    let app = TestApp::start().await;
    let input = json!({
        "name": "people-keeper", "description": "Keeps accounts.", "permissions": ["users:*", "roles:read", "users:*"],
    });
    let role = app.call(&app.admin, "role_create", input).await.unwrap();
    assert_eq!(role["permissions"], json!(["roles:read", "users:*"]));
    assert_eq!((&role["builtin"], &role["holders"]), (&json!(false), &json!(0)));
    app.call(&app.admin, "role_assign", json!({ "role": role["id"], "userId": scene::BO })).await.unwrap();
    assert!(app.call(&app.nobody, "user_create", json!({ "email": "new@example.org" })).await.is_ok());
}

#[tokio::test]
async fn a_name_is_unique_in_a_tenant() {
    let app = TestApp::start().await;
    for name in ["reviewer", "admin"] {
        let fault = app.call(&app.admin, "role_create", json!({ "name": name, "permissions": [] })).await.unwrap_err();
        assert!(fault.is(&codes::ALREADY_EXISTS), "{fault}");
    }
    let input = json!({ "name": "reviewer", "permissions": [] });
    assert!(app.call(&app.stranger, "role_create", input).await.is_ok());
}

#[tokio::test]
async fn a_role_does_not_permit_more_than_its_maker_may() {
    let app = TestApp::start().await;
    let input = json!({ "name": "roles", "scopes": ["roles:*"] });
    let key = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let key = key["key"].as_str().unwrap();
    for permissions in [json!(["roles:read", "users:read"]), json!(["*"]), json!(["*:read"])] {
        let input = json!({ "name": "more", "permissions": permissions });
        let fault = app.call_by_key(key, "role_create", input).await.unwrap_err();
        assert_eq!(fault.code().name, "beyond_own_rights");
    }
    let input = json!({ "name": "less", "permissions": ["roles:read"] });
    assert!(app.call_by_key(key, "role_create", input).await.is_ok());
}

#[tokio::test]
async fn refuses_bad_input_and_callers_without_the_permission() {
    let app = TestApp::start().await;
    let cases = [
        (json!({ "name": "Upper", "permissions": [] }), "/name"),
        (json!({ "name": "x", "permissions": [] }), "/name"),
        (json!({ "name": "fine" }), "/permissions"),
        (json!({ "name": "fine", "permissions": ["users:read", "users"] }), "/permissions/1"),
        (json!({ "name": "fine", "permissions": ["everything:read"] }), "/permissions/0"),
    ];
    for (input, place) in cases {
        let fault = app.call(&app.admin, "role_create", input.clone()).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{input}: {fault}");
        assert_eq!(fault.places()[0].pointer, place, "{input}");
    }
    let input = json!({ "name": "fine", "permissions": [] });
    let fault = app.call(&app.member, "role_create", input).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
}
