//! `user_update`.

use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn changes_what_is_given_and_leaves_the_rest() {
    let app = TestApp::start().await;
    let mut events = app.app.platform().hear();
    let input =
        json!({ "id": scene::DAN, "lastName": "Stone", "department": "Finance", "email": "Dan.Stone@example.org" });
    let user = app.call(&app.admin, "user_update", input).await.unwrap();
    assert_eq!((&user["name"], &user["firstName"]), (&json!("Dan Stone"), &json!("Dan")));
    assert_eq!((&user["email"], &user["department"]), (&json!("dan.stone@example.org"), &json!("Finance")));
    assert_eq!(user["roles"], json!(["member", "reviewer"]));
    assert_eq!(user, app.call(&app.admin, "user_get", json!({ "id": scene::DAN })).await.unwrap());
    let event = events.recv().await.unwrap();
    assert_eq!(event.topic, "user.updated");
    assert_eq!(event.data["changed"], json!(["department", "email", "lastName", "name"]));

    let input = json!({ "id": scene::DAN, "name": "Danny", "department": "" });
    let user = app.call(&app.admin, "user_update", input).await.unwrap();
    assert_eq!((&user["name"], user.get("department")), (&json!("Danny"), None));
    let user = app.call(&app.admin, "user_update", json!({ "id": scene::DAN, "lastName": "Rivera" })).await.unwrap();
    assert_eq!(user["name"], "Danny");
}

#[tokio::test]
async fn a_suspended_users_keys_are_refused_at_once() {
    let app = TestApp::start().await;
    assert!(app.call(&app.member, "user_me", json!({})).await.is_ok());
    app.call(&app.admin, "user_update", json!({ "id": scene::ADA, "status": "suspended" })).await.unwrap();
    let fault = app.call(&app.member, "user_me", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::KEY_REFUSED), "{fault}");
    app.call(&app.admin, "user_update", json!({ "id": scene::ADA, "status": "active" })).await.unwrap();
    assert!(app.call(&app.member, "user_me", json!({})).await.is_ok());
}

#[tokio::test]
async fn groups_come_and_go_with_their_roles() {
    let app = TestApp::start().await;
    app.call(&app.admin, "role_assign", json!({ "role": "operator", "group": "ops" })).await.unwrap();
    let input = json!({ "id": scene::ADA, "groups": ["ops", "support", "ops"] });
    let user = app.call(&app.admin, "user_update", input).await.unwrap();
    assert_eq!((&user["groups"], &user["roles"]), (&json!(["ops", "support"]), &json!(["member", "operator"])));
    let finance = app.call(&app.admin, "user_list", json!({ "group": "finance" })).await.unwrap();
    assert_eq!(finance["items"].as_array().unwrap().len(), 1);
    let user = app.call(&app.admin, "user_update", json!({ "id": scene::ADA, "groups": [] })).await.unwrap();
    assert_eq!((&user["groups"], &user["roles"]), (&json!([]), &json!(["member"])));
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let app = TestApp::start().await;
    let suspend = json!({ "id": app.admin.user, "status": "suspended" });
    let fault = app.call(&app.admin, "user_update", suspend.clone()).await.unwrap_err();
    assert_eq!(fault.code().name, "last_administrator");
    // A suspended administrator does not count; one through a group does.
    app.call(&app.admin, "role_assign", json!({ "role": "admin", "userId": scene::CLEO })).await.unwrap();
    let fault = app.call(&app.admin, "user_update", suspend.clone()).await.unwrap_err();
    assert_eq!(fault.code().name, "last_administrator");
    app.call(&app.admin, "role_assign", json!({ "role": "admin", "group": "support" })).await.unwrap();
    assert!(app.call(&app.admin, "user_update", suspend).await.is_ok());
    let key = convoke::capability::caller::Credential::LocalOwner;
    assert!(app.app.gate().identify(&key, None).await.unwrap_err().is(&codes::KEY_REFUSED));
}

#[tokio::test]
async fn the_last_administrator_stays_in_the_group_that_makes_them_one() {
    let app = TestApp::start().await;
    app.call(&app.admin, "role_assign", json!({ "role": "admin", "group": "support" })).await.unwrap();
    let key = app.call(&app.admin, "api_key_create", json!({ "name": "x", "userId": scene::DAN })).await.unwrap();
    let key = key["key"].as_str().unwrap();
    app.call_by_key(key, "role_revoke", json!({ "role": "admin", "userId": app.admin.user })).await.unwrap();
    let leave = json!({ "id": scene::DAN, "groups": ["finance"] });
    let fault = app.call_by_key(key, "user_update", leave.clone()).await.unwrap_err();
    assert_eq!(fault.code().name, "last_administrator");
    let fault = app.call_by_key(key, "role_revoke", json!({ "role": "admin", "group": "support" })).await.unwrap_err();
    assert_eq!(fault.code().name, "last_administrator");
    app.call_by_key(key, "user_update", json!({ "id": scene::BO, "groups": ["support"] })).await.unwrap();
    assert!(app.call_by_key(key, "user_update", leave).await.is_ok());
}

#[tokio::test]
async fn a_change_holds_the_revision_that_the_caller_read() {
    let app = TestApp::start().await;
    let input = json!({ "id": scene::DAN, "department": "Finance" });
    let reply = app.call_with(&app.admin, "user_update", input.clone(), |request| request.if_match = Some(7)).await;
    let fault = reply.unwrap().result.unwrap_err();
    assert!(fault.is(&codes::PRECONDITION_FAILED), "{fault}");
    let reply = app.call_with(&app.admin, "user_update", input, |request| request.if_match = Some(1)).await.unwrap();
    assert_eq!(reply.revision, Some(2));
}

#[tokio::test]
async fn only_an_administrator_changes_an_administrator() {
    let app = TestApp::start().await;
    let input = json!({ "name": "people", "scopes": ["users:*"] });
    let key = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let key = key["key"].as_str().unwrap();
    let rename = |id: convoke::kernel::id::UserId| json!({ "id": id, "email": "mine@example.org" });
    let fault = app.call_by_key(key, "user_update", rename(app.admin.user)).await.unwrap_err();
    assert_eq!(fault.code().name, "beyond_own_rights");
    assert!(app.call_by_key(key, "user_update", rename(app.nobody.user)).await.is_ok());
    // Nor does anybody put somebody into a group that has more than they have.
    app.call(&app.admin, "role_assign", json!({ "role": "operator", "group": "ops" })).await.unwrap();
    let input = json!({ "id": scene::BO, "groups": ["ops"] });
    let fault = app.call_by_key(key, "user_update", input).await.unwrap_err();
    assert_eq!(fault.code().name, "beyond_own_rights");
}

#[tokio::test]
async fn refuses_what_does_not_fit() {
    let app = TestApp::start().await;
    let input = json!({ "id": scene::DAN, "email": "ada@example.org" });
    let fault = app.call(&app.admin, "user_update", input).await.unwrap_err();
    assert!(fault.is(&codes::ALREADY_EXISTS), "{fault}");
    for input in [
        json!({ "id": "dan", "name": "x" }),
        json!({ "id": scene::DAN, "status": "gone" }),
        json!({ "id": scene::DAN, "avatar": "javascript:alert(1)" }),
        json!({ "id": scene::DAN, "roles": ["admin"] }),
        json!({ "id": scene::DAN, "name": "x".repeat(201) }),
    ] {
        let fault = app.call(&app.admin, "user_update", input.clone()).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{input}: {fault}");
    }
}

#[tokio::test]
async fn needs_the_permission_and_the_tenant() {
    let app = TestApp::start().await;
    let input = json!({ "id": scene::DAN, "name": "x" });
    let fault = app.call(&app.member, "user_update", input.clone()).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    let fault = app.call(&app.stranger, "user_update", input).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
}
