//! Answers that are not one value, word of progress, and work that is kept in steps.

use std::sync::Arc;

use convoke::capability::outcome::Outcome;
use convoke::kernel::codes;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use super::asking::Answering;
use super::fixture::COUNTER;
use super::{held, note, start};

#[tokio::test]
async fn a_stream_comes_item_by_item() {
    let (app, _) = start().await;
    let reply = app.call_with(&app.member, "fixture_items", note("x"), |_| {}).await.unwrap();
    let Outcome::Stream(items) = reply.result.unwrap() else { panic!("no stream") };
    let runs: Vec<_> = items.map(|item| item.unwrap()["run"].clone()).collect().await;
    assert_eq!(runs, [1, 2, 3]);
}

#[tokio::test]
async fn a_file_comes_with_its_name_and_type() {
    let (app, _) = start().await;
    let reply = app.call_with(&app.member, "fixture_file", note("it"), |_| {}).await.unwrap();
    let Outcome::Bytes(file) = reply.result.unwrap() else { panic!("no file") };
    assert_eq!((file.name.as_str(), file.media_type.as_str()), ("note.txt", "text/plain"));
    let chunks: Vec<_> = file.chunks.try_collect().await.unwrap();
    assert_eq!(chunks.concat(), b"all of it");
}

#[tokio::test]
async fn progress_is_told_while_the_call_runs() {
    let (app, probe) = start().await;
    let client = Arc::new(Answering::default());
    let given = client.clone();
    let (reply, ()) =
        tokio::join!(app.call_with(&app.member, "fixture_steps", held("x"), |request| request.client = given), async {
            probe.entered().await;
            let heard = client.progress.lock().unwrap().clone();
            assert_eq!((heard.len(), heard[0].done, heard[0].total), (1, 1.0, Some(2.0)));
            probe.let_go();
        });
    assert!(reply.unwrap().result.is_ok());
}

#[tokio::test]
async fn a_kept_step_stays_when_the_rest_fails() {
    let (app, _) = start().await;
    let fault = app.call(&app.member, "fixture_steps", json!({ "text": "x", "fail": true })).await.unwrap_err();
    assert!(fault.is(&codes::CONFLICT));
    assert_eq!(app.counter(COUNTER, "all").await, 1);
    app.call(&app.member, "fixture_steps", note("x")).await.unwrap();
    assert_eq!(app.counter(COUNTER, "all").await, 3);
}

#[tokio::test]
async fn a_read_that_spends_is_audited_as_a_write() {
    let (app, _) = start().await;
    let before = app.ledger().await;
    app.call(&app.member, "fixture_spend", note("x")).await.unwrap();
    let after = app.ledger().await;
    assert_eq!((after.audit, after.usage), (before.audit + 1, before.usage + 1));
}

#[tokio::test]
async fn reads_are_added_up_and_written_together() {
    let (app, _) = start().await;
    for _ in 0..5 {
        app.call(&app.member, "fixture_look", note("x")).await.unwrap();
    }
    let before = app.ledger().await;
    app.app.gate().tidy().await.unwrap();
    assert_eq!(app.ledger().await.usage, before.usage + 1);
    let usage = app.entries(&convoke::capability::gate::usage::USAGE).await;
    assert_eq!(usage.last().unwrap()["calls"], 5);
}
