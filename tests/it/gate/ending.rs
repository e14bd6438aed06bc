//! How a call ends when it does not end well: by its deadline, called off, by a panic, by a fault. Nothing of it is kept.

use std::time::Duration;

use convoke::capability::outcome::Outcome;
use convoke::kernel::codes;
use convoke::kernel::id::TenantId;
use futures::StreamExt as _;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::fixture::COUNTER;
use super::{held, note, start};
use crate::support::app::value;
use crate::support::scene;

#[tokio::test]
async fn the_deadline_ends_a_call_and_what_it_runs() {
    let (app, probe) = start().await;
    let before = app.ledger().await;
    let reply = app.call_with(&app.member, "fixture_note", held("x"), |request| {
        request.time_limit = Some(Duration::from_millis(1));
    });
    let fault = reply.await.unwrap().result.unwrap_err();
    assert!(fault.is(&codes::DEADLINE) && fault.code().status == 504, "{fault}");
    assert_eq!((probe.runs(), probe.inside()), (1, 0));
    assert_eq!(app.ledger().await, before);
}

#[tokio::test]
async fn cancelling_reaches_what_the_call_runs() {
    let (app, probe) = start().await;
    let before = app.ledger().await;
    let cancel = CancellationToken::new();
    let given = cancel.clone();
    let (reply, ()) =
        tokio::join!(app.call_with(&app.member, "fixture_note", held("x"), |request| request.cancel = given), async {
            probe.entered().await;
            assert_eq!(probe.inside(), 1);
            cancel.cancel();
        });
    assert!(reply.unwrap().result.unwrap_err().is(&codes::CANCELLED));
    assert_eq!(probe.inside(), 0);
    assert_eq!(app.ledger().await, before);
}

#[tokio::test]
async fn a_door_that_drops_the_call_drops_what_it_runs() {
    let (app, probe) = start().await;
    let before = app.ledger().await;
    tokio::select! {
        _ = app.call(&app.member, "fixture_note", held("x")) => unreachable!("nobody lets it go"),
        () = probe.entered() => {}
    }
    assert_eq!(probe.inside(), 0);
    assert_eq!(app.ledger().await, before);
}

#[tokio::test]
async fn a_panic_is_an_internal_fault_and_the_server_goes_on() {
    let (app, probe) = start().await;
    let before = app.ledger().await;
    let fault = app.call(&app.member, "fixture_blow", note("x")).await.unwrap_err();
    assert!(fault.is(&codes::INTERNAL), "{fault}");
    let told = serde_json::to_string(&fault.problem("r1")).unwrap();
    assert!(!told.contains("secret plan"), "the caller learns the cause: {told}");
    assert!(fault.cause().unwrap().to_string().contains("secret plan"), "the log does not learn the cause");
    assert_eq!((probe.inside(), app.ledger().await), (0, before));
    assert!(app.call(&app.member, "fixture_note", note("x")).await.is_ok());
}

#[tokio::test]
async fn a_fault_after_writing_keeps_nothing() {
    let (app, probe) = start().await;
    let before = app.ledger().await;
    let fault = app.call(&app.member, "fixture_note", json!({ "text": "x", "fail": true })).await.unwrap_err();
    assert!(fault.is(&codes::CONFLICT));
    assert_eq!((probe.runs(), app.counter(COUNTER, "all").await, app.ledger().await), (1, 0, before));
}

#[tokio::test]
async fn a_read_that_writes_is_a_fault_of_the_program() {
    let (app, _) = start().await;
    let before = app.ledger().await;
    let fault = app.call(&app.member, "fixture_liar", note("x")).await.unwrap_err();
    assert!(fault.is(&codes::INTERNAL), "{fault}");
    assert_eq!((app.counter(COUNTER, "all").await, app.ledger().await), (0, before));
}

#[tokio::test]
async fn a_refused_call_runs_nothing_and_writes_nothing() {
    let (app, probe) = start().await;
    let before = app.ledger().await;
    let refused = [
        ("no_such_tool", json!({}), &codes::UNKNOWN_TOOL),
        ("fixture_note", json!({}), &codes::BAD_INPUT),
        ("fixture_note", json!([1, 2]), &codes::BAD_INPUT),
        ("fixture_note", json!({ "text": "x", "more": 1 }), &codes::BAD_INPUT),
        ("fixture_note", json!({ "text": 7 }), &codes::BAD_INPUT),
        ("fixture_note", json!({ "text": "x".repeat(101) }), &codes::BAD_INPUT),
        ("user_create", json!({ "email": "x@example.org" }), &codes::FORBIDDEN),
        ("tool_call", json!({ "name": "no_such_tool" }), &codes::UNKNOWN_TOOL),
        ("tool_call", json!({ "name": "fixture_note", "input": {} }), &codes::BAD_INPUT),
        ("tool_call", json!({ "name": "tool_call", "input": {} }), &codes::BAD_INPUT),
        ("tool_read", json!({ "name": "fixture_note", "input": { "text": "x" } }), &codes::BAD_INPUT),
        ("tool_read", json!({ "name": "fixture_spend", "input": { "text": "x" } }), &codes::BAD_INPUT),
    ];
    for (tool, input, code) in refused {
        let fault = app.call(&app.nobody, tool, input.clone()).await.unwrap_err();
        assert!(fault.is(code), "{tool} {input}: {fault}");
    }
    let elsewhere = app.call_with(&app.member, "fixture_note", note("x"), |request| {
        request.tenant = Some(TenantId::from_uuid(scene::ELSEWHERE));
    });
    assert!(elsewhere.await.unwrap().result.unwrap_err().is(&codes::WRONG_TENANT));
    assert_eq!((probe.runs(), app.ledger().await), (0, before));
}

#[tokio::test]
async fn all_places_that_do_not_fit_are_told_at_once() {
    let (app, _) = start().await;
    let input = json!({ "wait": "yes", "fail": 1, "more": true });
    let fault = app.call(&app.member, "fixture_note", input.clone()).await.unwrap_err();
    let mut places: Vec<_> = fault.places().iter().map(|place| place.pointer.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["/fail", "/more", "/text", "/wait"], "{:?}", fault.places());
    let forwarded = json!({ "name": "fixture_note", "input": input });
    let fault = app.call(&app.member, "tool_call", forwarded).await.unwrap_err();
    assert!(fault.places().iter().all(|place| place.pointer.starts_with("/input/")), "{:?}", fault.places());
}

#[tokio::test]
async fn a_null_for_an_optional_field_counts_as_left_out() {
    let (app, _) = start().await;
    app.call(&app.member, "fixture_note", json!({ "text": "x", "wait": null })).await.unwrap();
    assert!(app.call(&app.member, "fixture_note", json!({ "text": null })).await.unwrap_err().is(&codes::BAD_INPUT));
}

#[tokio::test]
async fn a_forwarded_call_is_judged_and_counted_as_the_tool_that_it_names() {
    let (app, _) = start().await;
    let before = app.ledger().await;
    let reply = app
        .call_with(&app.member, "tool_call", json!({ "name": "fixture_note", "input": { "text": "x" } }), |_| {})
        .await
        .unwrap();
    assert_eq!(reply.via.as_ref().unwrap().name.as_ref(), "fixture_note");
    let answer = value(reply).unwrap();
    assert_eq!((answer["tool"].as_str(), answer["result"]["text"].as_str()), (Some("fixture_note"), Some("x")));
    let after = app.ledger().await;
    assert_eq!((after.audit, after.usage), (before.audit + 1, before.usage + 1));
    let entries = app.entries(&convoke::capability::gate::audit::AUDIT).await;
    assert_eq!(entries.last().unwrap()["action"], "fixture_note");
    let read = app.call(&app.member, "tool_read", json!({ "name": "fixture_look", "input": { "text": "x" } })).await;
    assert_eq!(read.unwrap()["result"]["text"], "x");
    assert_eq!(app.ledger().await, after);
}

#[tokio::test]
async fn every_unknown_field_is_told() {
    let (app, _) = start().await;
    let fault = app.call(&app.member, "fixture_note", json!({ "text": "x", "one": 1, "a/b": 2 })).await.unwrap_err();
    let mut places: Vec<_> = fault.places().iter().map(|place| place.pointer.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["/a~1b", "/one"], "{:?}", fault.places());
    let many: serde_json::Map<String, serde_json::Value> =
        (0..1000).map(|number| (format!("field{number}"), json!(1))).collect();
    let fault = app.call(&app.member, "fixture_note", many.into()).await.unwrap_err();
    assert_eq!(fault.places().len(), 32);
    assert!(fault.places()[31].message.contains("more places"), "{:?}", fault.places());
}

/// A part must not look like the whole.
#[tokio::test]
async fn a_stream_that_is_cut_ends_by_a_fault() {
    let (app, _) = start().await;
    let cancel = CancellationToken::new();
    for (limit, called_off, code) in
        [(Duration::from_millis(50), false, &codes::DEADLINE), (Duration::from_secs(60), true, &codes::CANCELLED)]
    {
        let reply = app.call_with(&app.member, "fixture_drip", note("x"), |request| {
            request.time_limit = Some(limit);
            request.cancel = cancel.clone();
        });
        let Ok(Outcome::Stream(mut items)) = reply.await.unwrap().result else { panic!("no stream") };
        assert_eq!(items.next().await.unwrap().unwrap()["text"], "x");
        if called_off {
            cancel.cancel();
        }
        assert!(items.next().await.unwrap().unwrap_err().is(code));
        assert!(items.next().await.is_none());
    }
}

#[tokio::test]
async fn a_revision_that_nothing_is_held_against_is_refused() {
    let (app, probe) = start().await;
    let before = app.ledger().await;
    for tool in ["fixture_note", "fixture_steps"] {
        let reply = app.call_with(&app.member, tool, note("x"), |request| request.if_match = Some(7)).await.unwrap();
        let fault = reply.result.unwrap_err();
        assert!(fault.is(&codes::PRECONDITION_FAILED), "{tool}: {fault}");
        if tool == "fixture_note" {
            assert_eq!(app.ledger().await, before);
        }
    }
    assert_eq!(probe.runs(), 2);
    let reply = app.call_with(&app.member, "fixture_look", note("x"), |request| request.if_match = Some(7)).await;
    assert!(reply.unwrap().result.is_ok(), "a read is held against nothing");
}
