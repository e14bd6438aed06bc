//! `user_list`.

use std::time::Duration;

use convoke::kernel::codes;
use serde_json::{Value, json};

use crate::support::app::{Person, TestApp};
use crate::support::scene;

async fn names(app: &TestApp, person: &Person, input: Value) -> Vec<String> {
    let page = app.call(person, "user_list", input).await.unwrap();
    page["items"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_the_tenant_by_name() {
    let app = TestApp::start().await;
    let all = ["Ada Lovelace", "Administrator", "Bo Nobody", "Cleo Sands", "Dan Rivera"];
    assert_eq!(names(&app, &app.member, json!({})).await, all);
    assert_eq!(names(&app, &app.stranger, json!({})).await, ["Eve Else"]);
}

#[tokio::test]
async fn filters_all_hold_together() {
    let app = TestApp::start().await;
    let list = async |input| names(&app, &app.member, input).await;
    assert_eq!(list(json!({ "text": "riv" })).await, ["Dan Rivera"]);
    assert_eq!(list(json!({ "text": "example.org ada" })).await, ["Ada Lovelace"]);
    assert_eq!(list(json!({ "status": "suspended" })).await, ["Cleo Sands"]);
    assert_eq!(list(json!({ "group": "finance" })).await, ["Ada Lovelace", "Dan Rivera"]);
    assert_eq!(list(json!({ "role": "member" })).await, ["Ada Lovelace", "Cleo Sands", "Dan Rivera"]);
    assert_eq!(list(json!({ "role": scene::REVIEWER })).await, ["Dan Rivera"]);
    assert_eq!(list(json!({ "role": "member", "status": "active", "text": "ada" })).await, ["Ada Lovelace"]);
    assert_eq!(list(json!({ "role": "operator" })).await, Vec::<String>::new());
    assert_eq!(list(json!({ "department": "Sales" })).await, Vec::<String>::new());
    app.call(&app.admin, "user_update", json!({ "id": scene::BO, "department": "Sales" })).await.unwrap();
    assert_eq!(list(json!({ "department": "Sales" })).await, ["Bo Nobody"]);
}

#[tokio::test]
async fn a_role_through_a_group_and_within_its_dates_counts() {
    let app = TestApp::start().await;
    let input = json!({ "role": "operator", "group": "support", "effectiveFrom": "2026-11-21T00:00:00Z" });
    app.call(&app.admin, "role_assign", input).await.unwrap();
    let list = async || names(&app, &app.member, json!({ "role": "operator" })).await;
    assert!(list().await.is_empty());
    app.clock.advance(Duration::from_hours(24));
    assert_eq!(list().await, ["Dan Rivera"]);
}

#[tokio::test]
async fn pages_together_are_the_list() {
    let app = TestApp::start().await;
    let whole = names(&app, &app.member, json!({ "role": "member" })).await;
    let (mut all, mut input) = (Vec::new(), json!({ "role": "member", "limit": 1 }));
    loop {
        let page = app.call(&app.member, "user_list", input.clone()).await.unwrap();
        all.extend(page["items"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap().to_owned()));
        let Some(token) = page.get("nextPageToken") else { break };
        input["pageToken"] = token.clone();
        // Somebody behind gets the role meanwhile: the token still holds the place.
        let given = json!({ "role": "member", "userId": app.admin.user });
        app.call(&app.admin, "role_assign", given).await.unwrap();
    }
    assert_eq!(whole, ["Ada Lovelace", "Cleo Sands", "Dan Rivera"]);
    assert_eq!(all, ["Ada Lovelace", "Administrator", "Cleo Sands", "Dan Rivera"]);
}

#[tokio::test]
async fn a_token_of_another_list_is_refused() {
    let app = TestApp::start().await;
    let page = app.call(&app.member, "user_list", json!({ "limit": 1 })).await.unwrap();
    let token = page["nextPageToken"].clone();
    for input in [json!({ "pageToken": token, "status": "active" }), json!({ "pageToken": "made-up" })] {
        let fault = app.call(&app.member, "user_list", input).await.unwrap_err();
        assert!(fault.is(&codes::BAD_PAGE_TOKEN), "{fault}");
    }
    let fault = app.call(&app.stranger, "user_list", json!({ "pageToken": token })).await.unwrap_err();
    assert!(fault.is(&codes::BAD_PAGE_TOKEN), "{fault}");
}

#[tokio::test]
async fn bad_filters_are_told() {
    let app = TestApp::start().await;
    let fault = app.call(&app.member, "user_list", json!({ "role": "nonesuch" })).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
    for input in [json!({ "status": "gone" }), json!({ "limit": 0 }), json!({ "limit": 201 }), json!({ "sort": "x" })] {
        let fault = app.call(&app.member, "user_list", input).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{fault}");
    }
    let fault = app.call(&app.nobody, "user_list", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
}
