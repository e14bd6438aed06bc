//! A bound stays with its caller: when their rights change, and in what goes on after the program.

use std::sync::Arc;
use std::time::Duration;

use convoke::capability::bound::{Bound, bounded};
use convoke::capability::caller::Caller;
use convoke::capability::permit::Grants;
use serde_json::json;

use super::fixture::{self, Probe};
use super::{held, start};
use crate::support::app::{TestApp, value};

/// The administrator, who may only read users here.
async fn narrow(app: &TestApp) -> Arc<Caller> {
    let caller = app.identify(app.admin.key.reveal()).await.unwrap();
    bounded(caller, Some(&Bound { grants: Grants::parse("users:read").unwrap(), of: "a test".to_owned() }))
}

#[tokio::test]
async fn a_bound_outlives_a_change_of_rights() {
    let app = TestApp::start().await;
    let caller = narrow(&app).await;
    let again = json!({ "userId": app.admin.user, "role": "member" });
    app.call(&app.admin, "role_assign", again).await.unwrap();
    // Whoever calls is looked up anew now.
    value(app.reply(caller.clone(), "user_me", json!({}), |_| {}).await).unwrap();
    let input = json!({ "email": "new@example.org" });
    let fault = value(app.reply(caller, "user_create", input, |_| {}).await).unwrap_err();
    assert_eq!(fault.code().name, "forbidden");
    assert!(fault.say().contains("a test"), "{fault}");
}

#[tokio::test]
async fn what_goes_on_after_the_program_is_within_its_bound() {
    let (app, probe) = start().await;
    let request = app.request(narrow(&app).await, "fixture_note", held("report"), |_| {});
    app.app.gate().start(request).await.unwrap();
    probe.entered().await;
    assert_eq!(probe.bounded(), 1);
    app.app.close(Duration::ZERO).await;

    let probe = Probe::new();
    let app = app.open_again_with(fixture::with(&probe)).await;
    app.app.gate().take_up().await.unwrap();
    probe.entered().await;
    assert_eq!(probe.bounded(), 1);
    probe.let_go();
}
