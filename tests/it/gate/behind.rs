//! A call that asks something outside which keeps nothing of it, as a model does, waits for no disk: no record before it, and its
//! entry behind it. Yet each that was answered has its entry, and a store that takes nothing is not outrun for long.

use convoke::capability::gate::audit::AUDIT;
use convoke::capability::gate::operation::OPERATION;
use convoke::capability::gate::usage::USAGE;
use convoke::kernel::codes;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{held, note, start};

#[tokio::test]
async fn a_call_that_asks_waits_for_no_disk_and_has_its_entry() {
    let (app, _) = start().await;
    let before = app.ledger().await;
    // Somebody else writes: no commit of the program goes through meanwhile.
    let mut other = rusqlite::Connection::open(app.data().join("convoke.db")).unwrap();
    let writing = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    let mut waits = Box::pin(app.call(&app.member, "fixture_note", note("a write")));
    for _ in 0..3 {
        tokio::select! {
            biased;
            answer = app.call(&app.member, "fixture_consult", note("x")) => assert!(answer.is_ok(), "{answer:?}"),
            answer = &mut waits => panic!("a write was answered while nothing can be written: {answer:?}"),
        }
    }
    drop(writing);
    assert!(waits.await.is_ok());
    let after = app.ledger().await;
    assert_eq!(after.audit, before.audit + 4);
    assert_eq!((calls(&app, "fixture_consult").await, calls(&app, "fixture_note").await), (3, 1));
    assert_eq!(after.operations, before.operations, "no record of it is kept");
    let actions = app.entries(&AUDIT).await.into_iter().map(|entry| entry["action"].clone());
    assert_eq!(actions.filter(|action| action == "fixture_consult").count(), 3);
}

#[tokio::test]
async fn whoever_reads_the_audit_log_finds_all_that_was_answered() {
    let (app, _) = start().await;
    app.call(&app.member, "fixture_consult", note("x")).await.unwrap();
    let found = app.call(&app.admin, "audit_query", json!({ "action": "fixture_consult" })).await.unwrap();
    assert_eq!(found["items"][0]["outcome"], "done", "{found}");
}

#[tokio::test]
async fn entries_are_written_when_the_program_ends() {
    let (app, _) = start().await;
    app.call(&app.member, "fixture_consult", note("x")).await.unwrap();
    let app = app.restart().await;
    let actions: Vec<_> = app.entries(&AUDIT).await.into_iter().map(|entry| entry["action"].clone()).collect();
    assert!(actions.contains(&json!("fixture_consult")), "{actions:?}");
}

#[tokio::test]
async fn one_that_was_stopped_is_told_of_as_unknown() {
    let (app, probe) = start().await;
    let cancel = CancellationToken::new();
    let given = cancel.clone();
    let call = app.call_with(&app.member, "fixture_consult", held("x"), |request| request.cancel = given);
    let (reply, ()) = tokio::join!(call, async {
        probe.entered().await;
        cancel.cancel();
    });
    assert!(reply.unwrap().result.unwrap_err().is(&codes::CANCELLED));
    let entry = app.entries(&AUDIT).await.pop().unwrap();
    assert_eq!((&entry["action"], &entry["outcome"]), (&json!("fixture_consult"), &json!("unknown")));
}

#[tokio::test]
async fn one_that_was_stopped_is_asked_anew_with_the_same_key() {
    let (app, probe) = start().await;
    for times in 1..=2 {
        let cancel = CancellationToken::new();
        let given = cancel.clone();
        let call = app.call_with(&app.member, "fixture_consult", held("x"), |request| {
            request.cancel = given;
            request.idempotency_key = Some("k".into());
        });
        let (reply, ()) = tokio::join!(call, async {
            probe.entered().await;
            cancel.cancel();
        });
        assert!(reply.unwrap().result.unwrap_err().is(&codes::CANCELLED));
        let entries = app.entries(&AUDIT).await;
        assert_eq!(entries.iter().filter(|entry| entry["outcome"] == "unknown").count(), times);
    }
}

#[tokio::test]
async fn one_that_fails_by_itself_leaves_no_entry() {
    let (app, _) = start().await;
    let before = app.ledger().await;
    let input = json!({ "text": "x", "fail": true });
    assert!(app.call(&app.member, "fixture_consult", input).await.unwrap_err().is(&codes::CONFLICT));
    assert_eq!(app.ledger().await.audit, before.audit);
}

#[tokio::test]
async fn with_a_key_it_happens_once_as_all_that_reaches_outside() {
    let (app, probe) = start().await;
    let call = || {
        app.call_with(&app.member, "fixture_consult", note("x"), |request| request.idempotency_key = Some("k".into()))
    };
    assert!(!call().await.unwrap().replayed);
    assert!(call().await.unwrap().replayed);
    assert_eq!((probe.runs(), app.documents(&OPERATION).await.len()), (1, 1));
}

#[tokio::test]
async fn what_it_writes_is_on_disk_before_the_answer() {
    let (app, _) = start().await;
    app.call(&app.member, "fixture_consult_and_note", note("x")).await.unwrap();
    let query = convoke::port::logs::LogQuery {
        filter: convoke::port::records::Filter::All,
        beyond: None,
        descending: true,
        limit: 1,
    };
    let scope = convoke::port::records::Scope::Platform;
    let entries = app.app.platform().store.entries(scope, &AUDIT, query).await.unwrap();
    assert_eq!(entries[0].body["action"], "fixture_consult_and_note");
}

#[tokio::test]
async fn a_store_that_takes_nothing_is_not_outrun_for_long() {
    let (app, _) = start().await;
    let before = app.ledger().await;
    let frozen = app.app.platform().store.freeze().await.unwrap();
    let mut answered = 0;
    let fault = loop {
        match app.call(&app.member, "fixture_consult", note("x")).await {
            Ok(_) => answered += 1,
            Err(fault) => break fault,
        }
        assert!(answered <= 2_000, "they go on and on");
    };
    assert!(fault.is(&codes::UNAVAILABLE), "{fault}");
    assert!(answered > 0);
    drop(frozen);
    app.call(&app.member, "fixture_consult", note("x")).await.unwrap();
    let after = app.ledger().await;
    // The one that was refused ran, and nobody knows what became of it.
    assert_eq!(after.audit, before.audit + answered + 1 + unknown(&app).await);
    assert_eq!(calls(&app, "fixture_consult").await, answered as u64 + 1);
}

/// The calls of a tool that ended well, as usage has them.
async fn calls(app: &crate::support::app::TestApp, tool: &str) -> u64 {
    let of = app.entries(&USAGE).await.into_iter().filter(|row| row["tool"] == tool);
    of.map(|row| row["calls"].as_u64().unwrap() - row["faults"].as_u64().unwrap()).sum()
}

async fn unknown(app: &crate::support::app::TestApp) -> usize {
    app.entries(&AUDIT).await.iter().filter(|entry| entry["outcome"] == "unknown").count()
}
