//! Callers that an operation goes on for after a restart: with the rights of now, or not at all.

use std::time::Duration;

use convoke::capability::caller::{Caller, Principal};
use convoke::capability::gate::identify::Identities as _;
use convoke::domain::identity::directory::Directory;
use convoke::kernel::id::{TenantId, UserId};
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::scene;

async fn resume(app: &TestApp, tenant: TenantId, user: UserId, principal: Principal) -> Option<Caller> {
    Directory.resume(app.app.platform(), tenant, user, principal).await.unwrap()
}

#[tokio::test]
async fn a_key_is_resumed_with_the_rights_of_now() {
    let app = TestApp::start().await;
    let key = app.identify(app.member.key.reveal()).await.unwrap().principal;
    let (tenant, user) = (app.member.tenant, app.member.user);
    assert_eq!(resume(&app, tenant, user, key).await.unwrap().roles, ["member"]);
    app.call(&app.admin, "role_assign", json!({ "role": "viewer", "userId": scene::ADA })).await.unwrap();
    assert_eq!(resume(&app, tenant, user, key).await.unwrap().roles, ["member", "viewer"]);
    app.call(&app.admin, "user_update", json!({ "id": scene::ADA, "status": "suspended" })).await.unwrap();
    assert!(resume(&app, tenant, user, key).await.is_none());
}

#[tokio::test]
async fn nobody_is_resumed_by_what_is_not_theirs_or_has_ended() {
    let app = TestApp::start().await;
    let (tenant, user) = (app.member.tenant, app.member.user);
    let key = app.identify(app.member.key.reveal()).await.unwrap().principal;
    assert!(resume(&app, app.stranger.tenant, user, key).await.is_none());
    assert!(resume(&app, tenant, app.nobody.user, key).await.is_none());
    assert!(resume(&app, tenant, user, Principal::LocalOwner).await.is_none());
    assert!(resume(&app, tenant, user, Principal::Anonymous).await.is_none());
    assert!(resume(&app, app.admin.tenant, app.admin.user, Principal::LocalOwner).await.is_some());

    let made = app.call(&app.member, "api_key_create", json!({ "name": "short", "expiresInDays": 1 })).await.unwrap();
    let short = app.identify(made["key"].as_str().unwrap()).await.unwrap().principal;
    assert!(resume(&app, tenant, user, short).await.is_some());
    app.clock.advance(Duration::from_hours(24));
    assert!(resume(&app, tenant, user, short).await.is_none());
    app.call(&app.member, "api_key_revoke", json!({ "id": made["id"] })).await.unwrap();
    assert!(resume(&app, tenant, user, short).await.is_none());
}
