//! `role_assign`.

use std::time::Duration;

use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn is_in_force_at_once() {
    let app = TestApp::start().await;
    let create = json!({ "email": "new@example.org" });
    assert!(app.call(&app.nobody, "user_create", create.clone()).await.is_err());
    let input = json!({ "role": "admin", "userId": scene::BO });
    let given = app.call(&app.admin, "role_assign", input).await.unwrap();
    assert_eq!((&given["role"], &given["inForce"]), (&json!("admin"), &json!(true)));
    assert!(app.call(&app.nobody, "user_create", create).await.is_ok());
}

#[tokio::test]
async fn dates_begin_and_end_it() {
    let app = TestApp::start().await;
    let input = json!({
        "role": scene::REVIEWER,
        "userId": scene::BO,
        "effectiveFrom": "2026-11-21T12:00:00Z",
        "effectiveUntil": "2026-11-22T12:00:00Z",
    });
    let given = app.call(&app.admin, "role_assign", input).await.unwrap();
    assert_eq!(given["inForce"], false);
    let roles = async || app.call(&app.nobody, "user_me", json!({})).await.unwrap()["roles"].clone();
    let may = async || app.identify(app.nobody.key.reveal()).await.unwrap().roles.clone();
    assert!(may().await.is_empty());
    app.clock.advance(Duration::from_hours(24));
    assert_eq!(may().await, ["reviewer"]);
    assert_eq!(roles().await, json!(["reviewer"]));
    app.clock.advance(Duration::from_hours(24));
    assert!(may().await.is_empty());
}

#[tokio::test]
async fn a_group_gives_its_members_the_role() {
    let app = TestApp::start().await;
    app.call(&app.admin, "role_assign", json!({ "role": "operator", "group": "finance" })).await.unwrap();
    let me = app.call(&app.member, "user_me", json!({})).await.unwrap();
    assert_eq!(me["roles"], json!(["member", "operator"]));
    let me = app.call(&app.nobody, "user_me", json!({})).await.unwrap();
    assert_eq!(me["roles"], json!([]));
}

#[tokio::test]
async fn the_last_administrator_keeps_the_role_without_an_end() {
    let app = TestApp::start().await;
    let end = json!({ "role": "admin", "userId": app.admin.user, "effectiveUntil": "2027-01-01T00:00:00Z" });
    let fault = app.call(&app.admin, "role_assign", end.clone()).await.unwrap_err();
    assert_eq!(fault.code().name, "last_administrator");
    app.call(&app.admin, "role_assign", json!({ "role": "admin", "userId": scene::DAN })).await.unwrap();
    assert!(app.call(&app.admin, "role_assign", end).await.is_ok());
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_have() {
    let app = TestApp::start().await;
    let role = json!({ "role": "reviewer", "userId": scene::BO });
    let fault = app.call(&app.member, "role_assign", role.clone()).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");

    let input = json!({ "name": "giver", "scopes": ["roles:*", "users:read"] });
    let key = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let key = key["key"].as_str().unwrap();
    let fault = app.call_by_key(key, "role_assign", role).await.unwrap_err();
    assert_eq!(fault.code().name, "beyond_own_rights");
    assert_eq!(fault.detail().unwrap()["missing"], json!(["audit:read"]));
}

#[tokio::test]
async fn bad_input_is_told_by_place() {
    let app = TestApp::start().await;
    let cases = [
        (json!({ "role": "member" }), "/userId"),
        (json!({ "role": "member", "userId": scene::BO, "group": "ops" }), "/group"),
        (json!({ "role": "member", "userId": "bo" }), "/userId"),
        (json!({ "role": "member", "group": "ops", "effectiveUntil": "2026-11-20T12:00:00Z" }), "/effectiveUntil"),
        (
            json!({
                "role": "member", "group": "ops",
                "effectiveFrom": "2026-12-02T00:00:00Z", "effectiveUntil": "2026-12-01T00:00:00Z",
            }),
            "/effectiveUntil",
        ),
    ];
    for (input, place) in cases {
        let fault = app.call(&app.admin, "role_assign", input.clone()).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{input}: {fault}");
        assert_eq!(fault.places()[0].pointer, place, "{input}");
    }
}

#[tokio::test]
async fn another_tenants_user_and_role_do_not_exist() {
    let app = TestApp::start().await;
    for input in [json!({ "role": "member", "userId": scene::DAN }), json!({ "role": scene::REVIEWER, "group": "ops" })]
    {
        let fault = app.call(&app.stranger, "role_assign", input).await.unwrap_err();
        assert!(fault.is(&codes::NOT_FOUND), "{fault}");
    }
}
