//! What a key may do, and that a change of it counts from the next call on.

use std::time::Duration;

use convoke::capability::caller::Credential;
use convoke::kernel::codes;
use serde_json::{Value, json};

use super::{note, start};
use crate::support::app::TestApp;

/// A new key of the administrator's: its secret and its id.
async fn key(app: &TestApp, mut options: Value) -> (String, String) {
    options["name"] = "narrow".into();
    let made = app.call(&app.admin, "api_key_create", options).await.unwrap();
    (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn without_a_credential_only_what_is_public_runs() {
    let (app, _) = start().await;
    let caller = app.app.gate().identify(&Credential::None, None).await.unwrap();
    assert!(app.reply(caller.clone(), "fixture_open", note("x"), |_| {}).await.result.is_ok());
    let reply = app.reply(caller, "fixture_look", note("x"), |_| {}).await;
    assert!(reply.result.unwrap_err().is(&codes::UNAUTHENTICATED));
}

#[tokio::test]
async fn a_key_for_some_toolsets_reaches_only_those() {
    let (app, _) = start().await;
    let (narrow, _) = key(&app, json!({ "toolsets": ["identity"] })).await;
    app.call_by_key(&narrow, "user_me", json!({})).await.unwrap();
    for (tool, input) in [
        ("fixture_look", note("x")),
        ("tool_call", json!({ "name": "fixture_look", "input": { "text": "x" } })),
        ("tool_read", json!({ "name": "fixture_look", "input": { "text": "x" } })),
    ] {
        let fault = app.call_by_key(&narrow, tool, input).await.unwrap_err();
        assert!(fault.is(&codes::FORBIDDEN), "{tool}: {fault}");
    }
    app.call_by_key(&narrow, "tool_read", json!({ "name": "user_me" })).await.unwrap();
}

#[tokio::test]
async fn a_key_that_only_reads_writes_nothing() {
    let (app, probe) = start().await;
    let (reader, _) = key(&app, json!({ "readOnly": true })).await;
    app.call_by_key(&reader, "fixture_look", note("x")).await.unwrap();
    for (tool, input) in
        [("fixture_note", note("x")), ("tool_call", json!({ "name": "fixture_note", "input": { "text": "x" } }))]
    {
        assert!(app.call_by_key(&reader, tool, input).await.unwrap_err().is(&codes::FORBIDDEN), "{tool}");
    }
    assert_eq!(probe.runs(), 1);
}

#[tokio::test]
async fn a_door_that_only_reads_lets_nobody_write() {
    let (app, _) = start().await;
    let reply = app.call_with(&app.admin, "fixture_note", note("x"), |request| request.read_only = true).await.unwrap();
    assert!(reply.result.unwrap_err().is(&codes::FORBIDDEN));
    let reply = app.call_with(&app.admin, "fixture_look", note("x"), |request| request.read_only = true).await.unwrap();
    assert!(reply.result.is_ok());
}

#[tokio::test]
async fn a_key_for_some_permissions_has_no_more_than_its_user() {
    let (app, _) = start().await;
    let (narrow, _) = key(&app, json!({ "scopes": ["users:read"] })).await;
    app.call_by_key(&narrow, "user_get", json!({ "id": app.member.user })).await.unwrap();
    let fault = app.call_by_key(&narrow, "user_create", json!({ "email": "x@example.org" })).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    assert_eq!(fault.detail().unwrap()["permission"], "users:create");
}

#[tokio::test]
async fn a_revoked_key_is_refused_from_the_next_call_on() {
    let (app, _) = start().await;
    let (secret, id) = key(&app, json!({})).await;
    app.call_by_key(&secret, "fixture_look", note("x")).await.unwrap();
    app.call(&app.admin, "api_key_revoke", json!({ "id": id })).await.unwrap();
    let fault = app.call_by_key(&secret, "fixture_look", note("x")).await.unwrap_err();
    assert_eq!(fault.code().status, 401, "{fault}");
}

#[tokio::test]
async fn a_role_taken_away_counts_from_the_next_call_on() {
    let (app, _) = start().await;
    let list = || app.call(&app.nobody, "user_list", json!({}));
    assert!(list().await.unwrap_err().is(&codes::FORBIDDEN));
    let roles = app.call(&app.admin, "role_list", json!({})).await.unwrap();
    let reviewer = roles["items"].as_array().unwrap().iter().find(|role| role["name"] == "reviewer").unwrap();
    let given = json!({ "role": reviewer["id"], "userId": app.nobody.user });
    app.call(&app.admin, "role_assign", given.clone()).await.unwrap();
    list().await.unwrap();
    app.call(&app.admin, "role_revoke", given).await.unwrap();
    assert!(list().await.unwrap_err().is(&codes::FORBIDDEN));
}

#[tokio::test]
async fn a_key_ends_at_its_moment() {
    let (app, _) = start().await;
    let (secret, _) = key(&app, json!({ "expiresAt": "2026-11-20T13:00:00Z" })).await;
    app.clock.advance(Duration::from_mins(60) - Duration::from_millis(1));
    app.call_by_key(&secret, "fixture_look", note("x")).await.unwrap();
    app.clock.advance(Duration::from_millis(1));
    let fault = app.call_by_key(&secret, "fixture_look", note("x")).await.unwrap_err();
    assert!(fault.is(&codes::KEY_REFUSED), "{fault}");
}
