//! `auth_validate`.

use convoke::capability::caller::{Caller, Credential};
use convoke::kernel::codes;
use serde_json::json;

use crate::support::app::{TestApp, value};
use crate::support::scene;

#[tokio::test]
async fn says_who_a_key_speaks_for() {
    let app = TestApp::start().await;
    let until = json!({
        "role": "reviewer", "userId": scene::ADA, "effectiveUntil": "2026-12-24T00:00:00Z",
    });
    app.call(&app.admin, "role_assign", until).await.unwrap();
    let input = json!({ "name": "script", "scopes": ["users:read"], "toolsets": ["identity"], "expiresInDays": 30 });
    let made = app.call(&app.member, "api_key_create", input).await.unwrap();
    let answer = app.call_by_key(made["key"].as_str().unwrap(), "auth_validate", json!({})).await.unwrap();
    let expected = json!({
        "valid": true,
        "credential": "api_key",
        "keyId": made["id"],
        "keyName": "script",
        "userId": scene::ADA,
        "email": "ada@example.org",
        "name": "Ada Lovelace",
        "tenantId": app.admin.tenant,
        "tenant": "default",
        "roles": ["member", "reviewer"],
        "permissions": ["users:read"],
        "toolsets": ["identity"],
        "readOnly": false,
        "expiresAt": "2026-12-20T12:00:00.000Z",
        "rolesChangeAt": "2026-12-24T00:00:00.000Z",
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn knows_the_local_owner_and_everybody_without_a_role() {
    let app = TestApp::start().await;
    let owner = app.app.gate().identify(&Credential::LocalOwner, None).await.unwrap();
    let answer = value(app.reply(owner, "auth_validate", json!({}), |_| {}).await).unwrap();
    assert_eq!((&answer["credential"], &answer["permissions"]), (&json!("local_owner"), &json!(["*"])));
    let answer = app.call(&app.nobody, "auth_validate", json!({})).await.unwrap();
    assert_eq!((&answer["roles"], &answer["permissions"]), (&json!([]), &json!([])));
    let answer = app.call(&app.stranger, "auth_validate", json!({})).await.unwrap();
    assert_eq!((&answer["tenantId"], &answer["tenant"]), (&json!(scene::ELSEWHERE), &json!("elsewhere")));
}

#[tokio::test]
async fn is_refused_without_a_credential() {
    let app = TestApp::start().await;
    let reply = app.reply(std::sync::Arc::new(Caller::anonymous()), "auth_validate", json!({}), |_| {}).await;
    let fault = value(reply).unwrap_err();
    assert!(fault.is(&codes::UNAUTHENTICATED), "{fault}");
}
