//! `audit_query`.

use std::time::Duration;

use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use crate::support::app::TestApp;

async fn query(app: &TestApp, input: Value) -> Result<Value, Fault> {
    app.call(&app.admin, "audit_query", input).await
}

fn actions(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect()
}

/// Three writes, an hour apart: a user, a key, a role given.
async fn with_deeds() -> (TestApp, Value) {
    let app = TestApp::start().await;
    let user = app.call(&app.admin, "user_create", json!({ "email": "new@example.org" })).await.unwrap();
    app.clock.advance(Duration::from_hours(1));
    app.call(&app.member, "api_key_create", json!({ "name": "mine" })).await.unwrap();
    app.clock.advance(Duration::from_hours(1));
    let input = json!({ "userId": user["id"], "role": "reviewer" });
    app.call(&app.admin, "role_assign", input).await.unwrap();
    (app, user)
}

#[tokio::test]
async fn entries_say_who_did_what_to_what_newest_first() {
    let (app, user) = with_deeds().await;
    let all = query(&app, json!({})).await.unwrap();
    assert_eq!(actions(&all), ["role_assign", "api_key_create", "user_create"]);
    let entry = &all["items"][2];
    assert_eq!(entry["timestamp"], "2026-11-20T12:00:00.000Z");
    assert_eq!((&entry["actor"], &entry["tenantId"]), (&json!(app.admin.user), &json!(app.admin.tenant)));
    assert_eq!((&entry["resourceType"], &entry["resourceId"]), (&json!("user"), &user["id"]));
    assert_eq!((&entry["effect"], &entry["outcome"]), (&json!("create"), &json!("done")));
    assert_eq!(entry["changes"]["after"]["email"], "new@example.org");
    assert_eq!(entry["also"][0]["resourceType"], "role_assignment", "{entry}");
}

/// Whatever else an action changes, it is found under whom it was about.
#[tokio::test]
async fn entries_are_found_by_whom_they_are_about() {
    let (app, user) = with_deeds().await;
    let move_out = json!({ "id": user["id"], "groups": ["editors"], "status": "suspended" });
    app.call(&app.admin, "user_update", move_out).await.unwrap();
    let revoke = json!({ "userId": user["id"], "role": "reviewer" });
    app.call(&app.admin, "role_revoke", revoke).await.unwrap();
    app.call(&app.admin, "role_assign", json!({ "group": "editors", "role": "reviewer" })).await.unwrap();

    let of_user = json!({ "resourceType": "user", "resourceId": user["id"] });
    let found = query(&app, of_user).await.unwrap();
    assert_eq!(actions(&found), ["role_revoke", "user_update", "role_assign", "user_create"]);
    let update = &found["items"][1];
    assert_eq!(update["changes"]["after"], json!({ "status": "suspended", "groups": ["editors"] }));
    assert_eq!(update["changes"]["before"], json!({ "status": "active" }));
    assert_eq!(update["also"][0]["resourceType"], "membership", "{update}");
    assert!(found["items"][2]["changes"].is_null(), "nothing of the user itself changed");
    let of_role = query(&app, json!({ "resourceType": "role" })).await.unwrap();
    assert_eq!(actions(&of_role), ["role_assign"]);
}

#[tokio::test]
async fn every_filter_narrows() {
    let (app, user) = with_deeds().await;
    let found = async |input: Value| {
        let answer = query(&app, input).await.unwrap();
        actions(&answer).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(found(json!({ "actor": app.member.user })).await, ["api_key_create"]);
    assert_eq!(found(json!({ "action": "role_assign" })).await, ["role_assign"]);
    assert_eq!(
        found(json!({ "resourceType": "user", "resourceId": user["id"] })).await,
        ["role_assign", "user_create"]
    );
    assert_eq!(found(json!({ "resourceType": "api_key" })).await, ["api_key_create"]);
    assert_eq!(found(json!({ "from": "2026-11-20T13:00:00Z" })).await, ["role_assign", "api_key_create"]);
    assert_eq!(found(json!({ "to": "2026-11-20T14:00:00+01:00" })).await, ["user_create"]);
    let hour = json!({ "from": "2026-11-20T13:00:00Z", "to": "2026-11-20T14:00:00Z" });
    assert_eq!(found(hour).await, ["api_key_create"]);
    assert_eq!(found(json!({ "actor": app.nobody.user })).await, [""; 0]);
    let all = query(&app, json!({})).await.unwrap();
    let request = &all["items"][1]["requestId"];
    assert_eq!(found(json!({ "requestId": request })).await, ["api_key_create"]);
}

#[tokio::test]
async fn pages_hold_every_entry_once_while_new_ones_come() {
    let (app, _) = with_deeds().await;
    let mut input = json!({ "limit": 1 });
    let mut seen = Vec::new();
    loop {
        let page = query(&app, input.clone()).await.unwrap();
        seen.extend(actions(&page).into_iter().map(str::to_owned));
        app.call(&app.admin, "system_cache_clear", json!({})).await.unwrap();
        match page.get("nextPageToken") {
            Some(token) => input["pageToken"] = token.clone(),
            None => break,
        }
    }
    assert_eq!(seen, ["role_assign", "api_key_create", "user_create"]);
}

#[tokio::test]
async fn only_the_own_tenant_and_only_with_the_permission() {
    let (app, _) = with_deeds().await;
    let theirs = app.call(&app.stranger, "audit_query", json!({})).await.unwrap();
    assert_eq!(theirs, json!({ "items": [] }));
    let page = query(&app, json!({ "limit": 1 })).await.unwrap();
    let stolen = json!({ "limit": 1, "pageToken": page["nextPageToken"] });
    let fault = app.call(&app.stranger, "audit_query", stolen).await.unwrap_err();
    assert!(fault.is(&codes::BAD_PAGE_TOKEN), "{fault}");
    let fault = app.call(&app.nobody, "audit_query", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
}

#[tokio::test]
async fn bad_input_is_told_by_its_place() {
    let app = TestApp::start().await;
    for (input, pointer) in [
        (json!({ "actor": "somebody" }), "/actor"),
        (json!({ "from": "yesterday" }), "/from"),
        (json!({ "from": "2026-11-20T13:00:00Z", "to": "2026-11-20T13:00:00Z" }), "/to"),
        (json!({ "limit": 0 }), "/limit"),
        (json!({ "actors": [] }), "/actors"),
    ] {
        let fault = query(&app, input.clone()).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{input}: {fault}");
        assert_eq!(fault.places()[0].pointer, pointer, "{input}");
    }
    let fault = query(&app, json!({ "pageToken": "made-up" })).await.unwrap_err();
    assert!(fault.is(&codes::BAD_PAGE_TOKEN), "{fault}");
}
