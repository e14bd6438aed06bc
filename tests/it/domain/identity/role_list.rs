//! `role_list`.

use convoke::kernel::codes;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::scene;

fn role<'a>(page: &'a Value, name: &str) -> &'a Value {
    page["items"].as_array().unwrap().iter().find(|role| role["name"] == name).unwrap()
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn tells_what_each_permits_and_who_holds_it() {
    let app = TestApp::start().await;
    app.call(&app.admin, "role_assign", json!({ "role": "operator", "group": "support" })).await.unwrap();
    let page = app.call(&app.member, "role_list", json!({})).await.unwrap();
    assert_eq!(names(&page), ["admin", "auditor", "member", "operator", "reviewer", "viewer"]);
    assert_eq!(role(&page, "admin")["permissions"], json!(["*"]));
    let held = |name| (role(&page, name)["holders"].clone(), role(&page, name)["groups"].clone());
    assert_eq!(held("admin"), (json!(1), json!([])));
    assert_eq!(held("member"), (json!(3), json!([])));
    assert_eq!(held("operator"), (json!(0), json!(["support"])));
}

#[tokio::test]
async fn the_count_follows_giving_and_taking() {
    let app = TestApp::start().await;
    let holders = async || {
        let page = app.call(&app.admin, "role_list", json!({ "name": "reviewer" })).await.unwrap();
        role(&page, "reviewer")["holders"].as_i64().unwrap()
    };
    let input = json!({ "role": "reviewer", "userId": scene::BO });
    assert_eq!(holders().await, 1);
    for _ in 0..2 {
        app.call(&app.admin, "role_assign", input.clone()).await.unwrap();
    }
    assert_eq!(holders().await, 2);
    app.call(&app.admin, "role_revoke", input).await.unwrap();
    assert_eq!(holders().await, 1);
    let input = json!({ "email": "new@example.org", "roles": ["reviewer"] });
    app.call(&app.admin, "user_create", input).await.unwrap();
    assert_eq!(holders().await, 2);
}

#[tokio::test]
async fn filters_and_pages() {
    let app = TestApp::start().await;
    let own = app.call(&app.member, "role_list", json!({ "builtin": false })).await.unwrap();
    assert_eq!(names(&own), ["reviewer"]);
    let page = app.call(&app.member, "role_list", json!({ "limit": 4 })).await.unwrap();
    let input = json!({ "limit": 4, "pageToken": page["nextPageToken"] });
    let next = app.call(&app.member, "role_list", input).await.unwrap();
    assert_eq!((names(&page).len(), names(&next)), (4, vec!["reviewer", "viewer"]));
    assert!(next.get("nextPageToken").is_none());
}

#[tokio::test]
async fn is_the_tenants_own_and_needs_the_permission() {
    let app = TestApp::start().await;
    let page = app.call(&app.stranger, "role_list", json!({})).await.unwrap();
    assert!(!names(&page).contains(&"reviewer"));
    let fault = app.call(&app.nobody, "role_list", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
}
