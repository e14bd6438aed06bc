//! `auth_permissions`.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn tells_what_gives_each_permission() {
    let app = TestApp::start().await;
    app.call(&app.admin, "role_assign", json!({ "role": "reviewer", "group": "finance" })).await.unwrap();
    let answer = app.call(&app.member, "auth_permissions", json!({})).await.unwrap();
    let given = |permission: &str| {
        let all = answer["permissions"].as_array().unwrap();
        all.iter().find(|one| one["permission"] == permission).map(|one| one["roles"].clone())
    };
    assert_eq!(given("users:read"), Some(json!(["member", "reviewer"])));
    assert_eq!(given("audit:read"), Some(json!(["reviewer"])));
    assert_eq!(given("users:create"), None);
    assert_eq!(answer["roles"][1]["group"], "finance");
    assert_eq!(answer["withheld"], json!([]));
    assert!(answer.get("key").is_none());
}

#[tokio::test]
async fn tells_what_the_key_withholds() {
    let app = TestApp::start().await;
    let input = json!({ "name": "narrow", "scopes": ["users:read", "keys:*"], "readOnly": true });
    let made = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let key = made["key"].as_str().unwrap();
    let answer = app.call_by_key(key, "auth_permissions", json!({})).await.unwrap();
    let names = |list: &serde_json::Value| list.as_array().unwrap().len();
    let caller = app.identify(key).await.unwrap();
    assert_eq!(names(&answer["permissions"]), caller.grants.iter().count());
    assert_eq!(answer["key"], json!({ "scopes": ["keys:*", "users:read"], "readOnly": true }));
    assert!(answer["withheld"].as_array().unwrap().contains(&json!("users:create")));
    let plain = app.call(&app.admin, "auth_permissions", json!({})).await.unwrap();
    assert_eq!(names(&plain["permissions"]), names(&answer["permissions"]) + names(&answer["withheld"]));
}

#[tokio::test]
async fn is_empty_without_roles() {
    let app = TestApp::start().await;
    let answer = app.call(&app.nobody, "auth_permissions", json!({})).await.unwrap();
    assert_eq!(answer, json!({ "permissions": [], "roles": [], "withheld": [] }));
    let input = json!({ "role": "viewer", "userId": scene::BO });
    app.call(&app.admin, "role_assign", input).await.unwrap();
    let answer = app.call(&app.nobody, "auth_permissions", json!({})).await.unwrap();
    assert_eq!(answer["roles"][0]["permissions"], json!(["*:read"]));
}
