//! A call that reaches outside says so before it does: after a crash nobody claims to know how it ended.

use convoke::capability::gate::audit::AUDIT;
use convoke::capability::gate::operation::OPERATION;
use convoke::kernel::codes;
use serde_json::json;

use super::fixture::{self, Probe};
use super::{held, note, start};
use crate::support::app::TestApp;

#[tokio::test]
async fn the_intent_is_on_disk_before_the_call_runs() {
    let (app, probe) = start().await;
    let (reply, seen) = tokio::join!(app.call(&app.member, "fixture_reach", held("parcel")), async {
        probe.entered().await;
        let seen = (app.documents(&OPERATION).await, app.entries(&AUDIT).await);
        probe.let_go();
        seen
    });
    assert!(reply.is_ok(), "{reply:?}");
    let (operations, entries) = seen;
    assert_eq!((operations.len(), operations[0]["state"].as_str()), (1, Some("running")));
    assert!(entries.is_empty(), "what has not happened yet has no entry: the operation is the intent");
    assert_eq!(app.documents(&OPERATION).await[0]["state"], "done");
    let outcomes: Vec<_> = app.entries(&AUDIT).await.iter().map(|entry| entry["outcome"].clone()).collect();
    assert_eq!(outcomes, ["done"]);
}

#[tokio::test]
async fn a_failure_is_told_of_the_intent() {
    let (app, _) = start().await;
    let input = json!({ "text": "parcel", "fail": true });
    assert!(app.call(&app.member, "fixture_reach", input).await.unwrap_err().is(&codes::CONFLICT));
    assert_eq!(app.documents(&OPERATION).await[0]["state"], "failed");
}

#[test]
fn after_a_crash_the_outcome_is_unknown() {
    let (app, key) = crash_in("fixture_reach");
    tokio::runtime::Runtime::new().unwrap().block_on(async move {
        let probe = Probe::new();
        let app = app.open_again_with(fixture::with(&probe)).await;
        app.app.gate().take_up().await.unwrap();
        assert_eq!(app.documents(&OPERATION).await[0]["state"], "unknown");
        assert_eq!(probe.runs(), 0, "nobody knows whether it happened: it must not happen twice");
        let again = app
            .call_with(&app.member, "fixture_reach", held("parcel"), |request| request.idempotency_key = Some(key))
            .await
            .unwrap();
        assert!(again.result.unwrap_err().is(&codes::OUTCOME_UNKNOWN));
        let other = app.call(&app.member, "fixture_reach", note("letter")).await;
        assert!(other.is_ok(), "{other:?}");
    });
}

#[test]
fn a_write_that_crashed_before_its_commit_never_happened() {
    let (app, key) = crash_in("fixture_note");
    tokio::runtime::Runtime::new().unwrap().block_on(async move {
        let probe = Probe::new();
        let app = app.open_again_with(fixture::with(&probe)).await;
        app.app.gate().take_up().await.unwrap();
        assert_eq!(app.counter(fixture::COUNTER, "all").await, 0);
        let again = app
            .call_with(&app.member, "fixture_note", note("parcel"), |request| request.idempotency_key = Some(key))
            .await
            .unwrap();
        assert!(!again.replayed && again.result.is_ok(), "{:?}", again.result);
        assert_eq!(app.counter(fixture::COUNTER, "all").await, 1);
    });
}

#[tokio::test]
async fn reading_from_outside_leaves_nothing() {
    let (app, _) = start().await;
    let before = app.ledger().await;
    app.call(&app.member, "fixture_fetch", note("weather")).await.unwrap();
    assert_eq!(app.ledger().await, before);
}

/// The program after it went down inside a call of a tool that has an idempotency key.
fn crash_in(tool: &'static str) -> (TestApp, String) {
    let key = "k1".to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let given = key.clone();
    let app = runtime.block_on(async move {
        let (app, probe) = start().await;
        let caller = app.identify(app.member.key.reveal()).await.unwrap();
        let request = app.request(caller, tool, held("parcel"), |request| request.idempotency_key = Some(given));
        let gate = app.app.gate().clone();
        tokio::spawn(async move { gate.call(request).await });
        probe.entered().await;
        app
    });
    // Whatever was running stops where it stands, without being called off first.
    runtime.shutdown_background();
    (app, key)
}
