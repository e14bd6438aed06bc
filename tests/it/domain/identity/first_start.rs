//! The first start, later starts, and the way back when the administrator's key is lost.

use convoke::capability::caller::{Credential, Principal};
use convoke::capability::gate::audit::AUDIT;
use convoke::domain::identity::model::role::Role;
use convoke::domain::identity::reset_admin_key;
use convoke::kernel::clock::Clock as _;
use convoke::kernel::codes;
use convoke::port::logs::LogQuery;
use convoke::port::records::{Document as _, Filter, Query, Scalar, Scope};
use convoke::port::store::{Batch, Expect, Put, Step};
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::scene;

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
async fn a_later_start_writes_built_in_roles_as_the_program_has_them() {
    let app = TestApp::start().await;
    let store = app.app.platform().store.clone();
    let scope = Scope::Tenant(app.admin.tenant);
    let by_name = Filter::is("name", Scalar::Text("viewer".to_owned()));
    let old = store.find(scope, Role::KIND, Query::newest(by_name, 1)).await.unwrap().remove(0);
    let mut body = old.body.clone();
    body["permissions"] = json!(["users:read"]);
    let (kind, expect) = (Role::KIND, Expect::Present);
    let put = Put { kind, id: old.id, expect, owner: None, workspace: None, visibility: old.visibility, body };
    let batch = Batch { tenant: app.admin.tenant, at: app.clock.now(), steps: vec![Step::Put(put)] };
    store.commit(vec![batch]).await.unwrap();
    drop(store);
    let app = app.restart().await;
    let page = app.call(&app.admin, "role_list", json!({ "name": "viewer" })).await.unwrap();
    assert_eq!(page["items"][0]["permissions"], json!(["*:read"]));
    assert_eq!(page["items"][0]["id"], json!(old.id));
}

#[tokio::test]
async fn resetting_brings_back_a_suspended_administrator_without_the_role() {
    let app = TestApp::start().await;
    app.call(&app.admin, "role_assign", json!({ "role": "admin", "userId": scene::ADA })).await.unwrap();
    app.call(&app.member, "role_revoke", json!({ "role": "admin", "userId": app.admin.user })).await.unwrap();
    app.call(&app.member, "user_update", json!({ "id": app.admin.user, "status": "suspended" })).await.unwrap();
    let key = reset_admin_key(app.app.platform()).await.unwrap();
    let me = app.call_by_key(key.reveal(), "user_me", json!({})).await.unwrap();
    assert_eq!((&me["status"], &me["roles"]), (&json!("active"), &json!(["admin"])));
    let page = app.call(&app.member, "role_list", json!({ "name": "admin" })).await.unwrap();
    assert_eq!(page["items"][0]["holders"], 2);
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
