//! `user_create`.

use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::TestApp;

#[tokio::test]
async fn makes_an_account_with_the_role_member() {
    let app = TestApp::start().await;
    let mut events = app.app.platform().hear();
    let input = json!({ "email": "Priya.Nair@Example.org", "firstName": "Priya", "lastName": "Nair" });
    let user = app.call(&app.admin, "user_create", input).await.unwrap();
    assert_eq!(user["email"], "priya.nair@example.org");
    assert_eq!(user["name"], "Priya Nair");
    assert_eq!(user["roles"], json!(["member"]));
    let event = events.recv().await.unwrap();
    assert_eq!((event.topic.as_str(), event.subject.as_str()), ("user.created", user["id"].as_str().unwrap()));

    let input = json!({ "name": "first", "userId": user["id"] });
    let key = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let me = app.call_by_key(key["key"].as_str().unwrap(), "user_me", json!({})).await.unwrap();
    assert_eq!(me, user);
}

#[tokio::test]
async fn an_email_is_unique_in_a_tenant_whatever_its_case() {
    let app = TestApp::start().await;
    let input = json!({ "email": "ADA@example.org" });
    let fault = app.call(&app.admin, "user_create", input.clone()).await.unwrap_err();
    assert!(fault.is(&codes::ALREADY_EXISTS), "{fault}");
    assert!(app.call(&app.stranger, "user_create", input).await.is_ok());
}

#[tokio::test]
async fn roles_can_be_given_or_left_out() {
    let app = TestApp::start().await;
    let input = json!({ "email": "one@example.org", "roles": ["reviewer", "admin", "admin"] });
    let user = app.call(&app.admin, "user_create", input).await.unwrap();
    assert_eq!(user["roles"], json!(["admin", "reviewer"]));
    let user = app.call(&app.admin, "user_create", json!({ "email": "two@example.org", "roles": [] })).await.unwrap();
    assert_eq!(user["roles"], json!([]));
    let input = json!({ "email": "three@example.org", "roles": ["nonesuch"] });
    let fault = app.call(&app.admin, "user_create", input).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
}

#[tokio::test]
async fn bad_input_is_told_by_place() {
    let app = TestApp::start().await;
    let input = json!({ "email": "not an address", "groups": ["Upper Case"], "nickname": "x" });
    let fault = app.call(&app.admin, "user_create", input).await.unwrap_err();
    let places: Vec<&str> = fault.places().iter().map(|place| place.pointer.as_str()).collect();
    for place in ["/email", "/groups/0", "/nickname"] {
        assert!(places.contains(&place), "{place} in {places:?}");
    }
}

#[tokio::test]
async fn needs_the_permission() {
    let app = TestApp::start().await;
    for person in [&app.member, &app.nobody] {
        let fault = app.call(person, "user_create", json!({ "email": "new@example.org" })).await.unwrap_err();
        assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    }
}
