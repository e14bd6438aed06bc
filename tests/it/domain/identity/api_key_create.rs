//! `api_key_create`.

use std::time::Duration;

use convoke::kernel::codes;
use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Query, Scope};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::scene;

fn key_of(answer: &Value) -> &str {
    answer["key"].as_str().unwrap()
}

#[tokio::test]
async fn shows_the_key_once_and_keeps_only_its_digest() {
    let app = TestApp::start().await;
    let made = app.call(&app.member, "api_key_create", json!({ "name": "script" })).await.unwrap();
    let key = key_of(&made);
    assert!(key.starts_with(made["prefix"].as_str().unwrap()), "{made}");
    assert_eq!(app.call_by_key(key, "user_me", json!({})).await.unwrap()["id"], json!(scene::ADA));
    let id = made["id"].as_str().unwrap().parse().unwrap();
    let store = &app.app.platform().store;
    let kind = &convoke::domain::identity::model::api_key::API_KEY;
    let kept = store.get(Scope::Platform, kind, id).await.unwrap().unwrap();
    assert!(!kept.body.to_string().contains(key), "{}", kept.body);
}

#[tokio::test]
async fn the_secret_is_in_no_log_and_in_no_kept_answer() {
    let app = TestApp::start().await;
    let input = json!({ "name": "script" });
    let once = |request: &mut convoke::capability::gate::Request| request.idempotency_key = Some("one".to_owned());
    let made = app.call_with(&app.member, "api_key_create", input.clone(), once).await.unwrap();
    let made = crate::support::app::value(made).unwrap();
    let again = app.call_with(&app.member, "api_key_create", input, once).await.unwrap();
    assert!(again.result.unwrap_err().is(&codes::ALREADY_EXISTS));
    let (key, platform) = (key_of(&made), app.app.platform());
    let digest = convoke::kernel::seal::sha256_hex(key.as_bytes());
    for log in [&convoke::capability::gate::audit::AUDIT, &convoke::capability::events::EVENTS] {
        let query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 100 };
        for entry in platform.store.entries(Scope::Platform, log, query).await.unwrap() {
            let text = entry.body.to_string();
            assert!(!text.contains(key) && !text.contains(&digest), "{text}");
        }
    }
    let operations = &convoke::capability::gate::operation::OPERATION;
    for operation in platform.store.find(Scope::Platform, operations, Query::newest(Filter::All, 100)).await.unwrap() {
        assert!(!operation.body.to_string().contains(key), "{}", operation.body);
    }
}

#[tokio::test]
async fn is_limited_in_scope_tools_and_mode() {
    let app = TestApp::start().await;
    let input = json!({ "name": "reads users", "scopes": ["users:read"] });
    let made = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let caller = app.identify(key_of(&made)).await.unwrap();
    assert_eq!(caller.grants.iter().map(|one| one.to_string()).collect::<Vec<_>>(), ["users:read"]);
    assert!(app.call_by_key(key_of(&made), "user_create", json!({ "email": "x@example.org" })).await.is_err());

    let input = json!({ "name": "finds tools", "toolsets": ["registry"] });
    let made = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let fault = app.call_by_key(key_of(&made), "user_me", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");

    let made = app.call(&app.admin, "api_key_create", json!({ "name": "looks", "readOnly": true })).await.unwrap();
    assert!(app.call_by_key(key_of(&made), "user_me", json!({})).await.is_ok());
    let fault = app.call_by_key(key_of(&made), "user_create", json!({ "email": "x@example.org" })).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
}

#[tokio::test]
async fn ends_after_its_time_and_its_calls() {
    let app = TestApp::start().await;
    let input = json!({ "name": "short", "expiresInDays": 1 });
    let made = app.call(&app.member, "api_key_create", input).await.unwrap();
    assert_eq!(made["expiresAt"], "2026-11-21T12:00:00.000Z");
    assert!(app.call_by_key(key_of(&made), "user_me", json!({})).await.is_ok());
    app.clock.advance(Duration::from_hours(24));
    let fault = app.call_by_key(key_of(&made), "user_me", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::KEY_REFUSED), "{fault}");

    let made = app.call(&app.member, "api_key_create", json!({ "name": "two calls", "usageLimit": 2 })).await.unwrap();
    for _ in 0..2 {
        app.call_by_key(key_of(&made), "user_me", json!({})).await.unwrap();
    }
    let fault = app.call_by_key(key_of(&made), "user_me", json!({})).await.unwrap_err();
    assert!(fault.is(&codes::KEY_REFUSED), "{fault}");
}

#[tokio::test]
async fn never_reaches_beyond_its_maker() {
    let app = TestApp::start().await;
    let beyond = |fault: convoke::kernel::fault::Fault| assert_eq!(fault.code().name, "beyond_own_rights");
    beyond(app.call(&app.member, "api_key_create", json!({ "name": "x", "scopes": ["*"] })).await.unwrap_err());

    // A key made with a limited key is limited as that one is.
    let input = json!({
        "name": "maker", "scopes": ["keys:create"], "toolsets": ["identity"], "expiresInDays": 2,
    });
    let maker = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let made = app.call_by_key(key_of(&maker), "api_key_create", json!({ "name": "made" })).await.unwrap();
    for property in ["scopes", "toolsets", "expiresAt"] {
        assert_eq!(made[property], maker[property], "{property}");
    }
    for more in [
        json!({ "name": "x", "scopes": ["users:read"] }),
        json!({ "name": "x", "toolsets": ["registry"] }),
        json!({ "name": "x", "expiresInDays": 3 }),
    ] {
        beyond(app.call_by_key(key_of(&maker), "api_key_create", more).await.unwrap_err());
    }
    let limited = app.call(&app.admin, "api_key_create", json!({ "name": "l", "usageLimit": 9 })).await.unwrap();
    beyond(app.call_by_key(key_of(&limited), "api_key_create", json!({ "name": "x" })).await.unwrap_err());
}

#[tokio::test]
async fn a_key_for_somebody_else_needs_to_manage_keys_and_does_not_outgrow_its_maker() {
    let app = TestApp::start().await;
    let for_dan = json!({ "name": "for Dan", "userId": scene::DAN });
    let fault = app.call(&app.member, "api_key_create", for_dan.clone()).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
    let scopes = [
        "keys:*",
        "agents:*",
        "runs:*",
        "documents:*",
        "feedback:*",
        "graph:*",
        "learning:*",
        "users:read",
        "roles:read",
        "tools:read",
        "events:*",
        "audit:read",
        "completions:*",
        "memories:*",
        "models:read",
        "personas:*",
        "prompts:*",
        "executions:*",
        "flows:*",
        "processes:*",
        "rules:*",
        "schedules:*",
        "tasks:*",
        "spending:*",
    ];
    let input = json!({ "name": "keeper", "scopes": scopes });
    let keeper = app.call(&app.admin, "api_key_create", input).await.unwrap();
    let made = app.call_by_key(key_of(&keeper), "api_key_create", for_dan.clone()).await.unwrap();
    app.call(&app.admin, "role_assign", json!({ "role": "admin", "userId": scene::DAN })).await.unwrap();
    let caller = app.identify(key_of(&made)).await.unwrap();
    assert_eq!(caller.roles, ["admin", "member", "reviewer"]);
    assert_eq!(caller.grants, app.identify(key_of(&keeper)).await.unwrap().grants);
    let fault = app.call_by_key(key_of(&keeper), "api_key_create", for_dan).await.unwrap_err();
    assert_eq!(fault.code().name, "beyond_own_rights");
}

#[tokio::test]
async fn bad_input_is_told_by_place() {
    let app = TestApp::start().await;
    let cases = [
        (json!({ "name": "x", "scopes": ["users:read", "nothing:read"] }), "/scopes/1"),
        (json!({ "name": "x", "toolsets": ["nonesuch"] }), "/toolsets/0"),
        (json!({ "name": "x", "expiresAt": "2026-11-20T12:00:00Z" }), "/expiresAt"),
        (json!({ "name": "x", "expiresAt": "2027-01-01T00:00:00Z", "expiresInDays": 1 }), "/expiresInDays"),
        (json!({ "name": "x", "usageLimit": 0 }), "/usageLimit"),
        (json!({ "name": "" }), "/name"),
        (json!({}), "/name"),
    ];
    for (input, place) in cases {
        let fault = app.call(&app.admin, "api_key_create", input.clone()).await.unwrap_err();
        assert!(fault.is(&codes::BAD_INPUT), "{input}: {fault}");
        assert_eq!(fault.places()[0].pointer, place, "{input}");
    }
}

#[tokio::test]
async fn another_tenants_user_gets_no_key() {
    let app = TestApp::start().await;
    let input = json!({ "name": "x", "userId": scene::DAN });
    let fault = app.call(&app.stranger, "api_key_create", input).await.unwrap_err();
    assert!(fault.is(&codes::NOT_FOUND), "{fault}");
    let fault = app.call(&app.nobody, "api_key_create", json!({ "name": "x" })).await.unwrap_err();
    assert!(fault.is(&codes::FORBIDDEN), "{fault}");
}
