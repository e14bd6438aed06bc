//! The first start, later starts, and the way back when the administrator's key is lost.

use convoke::capability::caller::{Credential, Principal};
use convoke::capability::gate::audit::AUDIT;
use convoke::domain::identity::reset_admin_key;
use convoke::kernel::codes;
use convoke::port::logs::LogQuery;
use convoke::port::records::{Filter, Scope};
use serde_json::json;

use crate::support::app::TestApp;

#[tokio::test]
async fn makes_an_administrator_who_may_do_everything() {
    let app = TestApp::start().await;
    let me = app.call(&app.admin, "user_me", json!({})).await.unwrap();
    assert_eq!(me["roles"], json!(["admin"]));
    assert_eq!(me["email"], "admin@localhost");
    let caller = app.identify(app.admin.key.reveal()).await.unwrap();
    assert_eq!(caller.grants, convoke::capability::permit::Grants::ALL);
}

#[tokio::test]
async fn the_local_owner_is_the_administrator() {
    let app = TestApp::start().await;
    let owner = app.app.gate().identify(&Credential::LocalOwner, None).await.unwrap();
    assert_eq!((owner.tenant, owner.user), (app.admin.tenant, app.admin.user));
    assert_eq!(owner.principal, Principal::LocalOwner);
}

#[tokio::test]
async fn a_later_start_shows_no_key_and_keeps_everything() {
    let app = TestApp::start().await.restart().await;
    assert!(app.app.first_key().is_none());
    assert!(app.call(&app.admin, "user_me", json!({})).await.is_ok());
    assert!(app.call(&app.stranger, "user_me", json!({})).await.is_ok());
}

#[tokio::test]
async fn resetting_refuses_the_old_keys_and_leaves_a_trace() {
    let app = TestApp::start().await;
    app.call(&app.admin, "user_me", json!({})).await.unwrap();
    let key = reset_admin_key(app.app.platform()).await.unwrap();
    let refused = app.call(&app.admin, "user_me", json!({})).await.unwrap_err();
    assert!(refused.is(&codes::KEY_REFUSED), "{refused}");
    let me = app.call_by_key(key.reveal(), "user_me", json!({})).await.unwrap();
    assert_eq!(me["roles"], json!(["admin"]));
    assert!(app.call(&app.member, "user_me", json!({})).await.is_ok());
    let query = LogQuery { filter: Filter::All, beyond: None, descending: true, limit: 1 };
    let entries = app.app.platform().store.entries(Scope::Tenant(app.admin.tenant), &AUDIT, query).await.unwrap();
    assert_eq!(entries[0].body["action"], "keys_reset");
    assert_eq!(entries[0].body["changes"], json!({ "revokedKeys": 1 }));
}

#[tokio::test]
async fn made_up_and_altered_keys_are_not_valid() {
    let app = TestApp::start().await;
    let key = app.admin.key.reveal();
    let mut altered = key.to_owned();
    let last = altered.pop().unwrap();
    altered.push(if last == 'x' { 'y' } else { 'x' });
    for wrong in ["", "cvk_", "nonsense", &altered, &key[..key.len() - 1], &format!("{key}x")] {
        let fault = app.identify(wrong).await.unwrap_err();
        assert!(fault.is(&codes::UNAUTHENTICATED), "{wrong}: {fault}");
    }
}

#[tokio::test]
async fn a_suspended_account_is_refused() {
    let app = TestApp::start().await;
    let fault = app.identify(app.suspended.key.reveal()).await.unwrap_err();
    assert!(fault.is(&codes::KEY_REFUSED), "{fault}");
}
