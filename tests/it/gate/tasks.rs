//! Calls that go on after their request, and after the program.

use std::time::Duration;

use convoke::capability::gate::Request;
use convoke::capability::gate::operation::{Operation, State};
use convoke::kernel::codes;
use convoke::kernel::id::OperationId;
use serde_json::{Value, json};

use super::fixture::{self, COUNTER, Probe};
use super::{held, note, start};
use crate::support::app::{Person, TestApp};
use crate::support::scene;

async fn begin(app: &TestApp, person: &Person, tool: &str, input: Value) -> OperationId {
    let caller = app.identify(person.key.reveal()).await.unwrap();
    app.app.gate().start(app.request(caller, tool, input, |_| {})).await.unwrap()
}

async fn look(app: &TestApp, person: &Person, id: OperationId) -> Operation {
    let caller = app.identify(person.key.reveal()).await.unwrap();
    app.app.gate().operation(&caller, id).await.unwrap().value
}

/// The task when it has got as far as this.
async fn when(app: &TestApp, person: &Person, id: OperationId, state: State) -> Operation {
    loop {
        let operation = look(app, person, id).await;
        if operation.state == state {
            return operation;
        }
        assert!(matches!(operation.state, State::Running), "{:?} {:?}", operation.state, operation.fault);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_task_runs_after_its_request() {
    let (app, probe) = start().await;
    let id = begin(&app, &app.member, "fixture_note", held("report")).await;
    probe.entered().await;
    assert_eq!(look(&app, &app.member, id).await.state, State::Running);
    probe.let_go();
    let done = when(&app, &app.member, id, State::Done).await;
    assert_eq!(done.result.unwrap()["text"], "report");
    let ledger = app.ledger().await;
    assert_eq!((ledger.audit, ledger.usage), (1, 1));
}

#[tokio::test]
async fn a_task_is_refused_as_a_call_would_be() {
    let (app, probe) = start().await;
    let caller = app.identify(app.nobody.key.reveal()).await.unwrap();
    for (tool, input, code) in [
        ("user_create", json!({ "email": "x@example.org" }), &codes::FORBIDDEN),
        ("fixture_note", json!({}), &codes::BAD_INPUT),
        ("no_such_tool", json!({}), &codes::UNKNOWN_TOOL),
    ] {
        let refused = app.app.gate().start(app.request(caller.clone(), tool, input, |_| {})).await;
        assert!(refused.as_ref().is_err_and(|fault| fault.is(code)), "{tool}: {refused:?}");
    }
    assert_eq!((probe.runs(), app.ledger().await.operations), (0, 0));
}

#[tokio::test]
async fn a_cancelled_task_stops_and_keeps_nothing() {
    let (app, probe) = start().await;
    let id = begin(&app, &app.member, "fixture_note", held("report")).await;
    probe.entered().await;
    let caller = app.identify(app.member.key.reveal()).await.unwrap();
    app.app.gate().cancel(&caller, id).await.unwrap();
    assert_eq!(look(&app, &app.member, id).await.state, State::Cancelled, "what is acknowledged is on disk");
    assert_eq!((probe.inside(), app.counter(COUNTER, "all").await, app.ledger().await.audit), (0, 0, 0));
    app.app.gate().cancel(&caller, id).await.unwrap();
    assert_eq!(look(&app, &app.member, id).await.state, State::Cancelled, "what has ended stays as it ended");
}

#[tokio::test]
async fn a_failed_task_tells_why() {
    let (app, _) = start().await;
    let id = begin(&app, &app.member, "fixture_note", json!({ "text": "report", "fail": true })).await;
    let failed = when(&app, &app.member, id, State::Failed).await;
    assert_eq!(failed.fault.unwrap().code, codes::CONFLICT.name);
    let id = begin(&app, &app.member, "fixture_blow", note("report")).await;
    let failed = when(&app, &app.member, id, State::Failed).await.fault.unwrap();
    assert_eq!(failed.code, codes::INTERNAL.name);
    assert!(!format!("{failed:?}").contains("secret plan"));
}

#[tokio::test]
async fn nobody_else_sees_a_task() {
    let (app, probe) = start().await;
    let id = begin(&app, &app.member, "fixture_note", held("report")).await;
    probe.entered().await;
    for person in [&app.admin, &app.nobody, &app.stranger] {
        let caller = app.identify(person.key.reveal()).await.unwrap();
        let gate = app.app.gate();
        assert!(gate.operation(&caller, id).await.unwrap_err().is(&codes::NOT_FOUND));
        assert!(gate.cancel(&caller, id).await.unwrap_err().is(&codes::NOT_FOUND));
        assert!(gate.operations(&caller, 100).await.unwrap().is_empty());
    }
    assert_eq!(probe.inside(), 1);
    probe.let_go();
    when(&app, &app.member, id, State::Done).await;
}

#[tokio::test]
async fn a_task_that_asks_waits_and_goes_on_with_the_answer() {
    let (app, probe) = start().await;
    let id = begin(&app, &app.member, "fixture_ask", note("letter to")).await;
    let waiting = when(&app, &app.member, id, State::Waiting).await;
    assert_eq!(waiting.questions.unwrap()["name"]["message"], "What is the name?");
    assert_eq!((probe.runs(), app.ledger().await.audit), (0, 0));

    let caller = app.identify(app.member.key.reveal()).await.unwrap();
    let request = || -> Request { app.request(caller.clone(), "fixture_ask", Value::Null, |_| {}) };
    let gate = app.app.gate();
    let unasked = serde_json::from_value(json!({ "colour": { "content": {} } })).unwrap();
    gate.answer(request(), id, unasked).await.unwrap();
    assert_eq!(look(&app, &app.member, id).await.state, State::Waiting, "an answer to nothing that was asked");

    let answers = json!({ "name": { "action": "accept", "content": { "name": "Ada" } } });
    gate.answer(request(), id, serde_json::from_value(answers).unwrap()).await.unwrap();
    let done = when(&app, &app.member, id, State::Done).await;
    assert_eq!(done.result.unwrap()["text"], "letter to Ada");
    let late = gate.answer(request(), id, convoke::capability::client::Answers::new()).await;
    assert!(late.unwrap_err().is(&codes::CONFLICT));
    assert_eq!(app.ledger().await.audit, 1);
}

#[tokio::test]
async fn a_task_survives_a_restart() {
    let (app, probe) = start().await;
    let id = begin(&app, &app.member, "fixture_note", held("report")).await;
    let asking = begin(&app, &app.member, "fixture_ask", note("letter to")).await;
    when(&app, &app.member, asking, State::Waiting).await;
    probe.entered().await;
    app.app.close(Duration::ZERO).await;
    assert_eq!(probe.inside(), 0);

    let probe = Probe::new();
    let app = app.open_again_with(fixture::with(&probe)).await;
    app.app.gate().take_up().await.unwrap();
    probe.entered().await;
    assert_eq!(look(&app, &app.member, asking).await.state, State::Waiting);
    probe.let_go();
    let done = when(&app, &app.member, id, State::Done).await;
    assert_eq!(done.result.unwrap()["text"], "report");
    assert_eq!(app.counter(COUNTER, "all").await, 1);
}

#[tokio::test]
async fn a_task_is_not_taken_up_for_somebody_who_is_not_allowed_any_more() {
    let (app, probe) = start().await;
    let id = begin(&app, &app.member, "fixture_note", held("report")).await;
    probe.entered().await;
    app.app.close(Duration::ZERO).await;

    let probe = Probe::new();
    let app = app.open_again_with(fixture::with(&probe)).await;
    let suspend = json!({ "id": app.member.user, "status": "suspended" });
    app.call(&app.admin, "user_update", suspend).await.unwrap();
    app.app.gate().take_up().await.unwrap();
    assert_eq!(probe.runs(), 0);
    let kept = app.documents(&convoke::capability::gate::operation::OPERATION).await;
    assert_eq!((kept.len(), kept[0]["state"].as_str()), (1, Some("unknown")), "{id}");
}

#[tokio::test]
async fn the_same_key_starts_a_task_once() {
    let (app, probe) = start().await;
    let caller = app.identify(app.member.key.reveal()).await.unwrap();
    let request = |text: &str| {
        app.request(caller.clone(), "fixture_note", note(text), |request| {
            request.idempotency_key = Some("k1".to_owned());
        })
    };
    let first = app.app.gate().start(request("report")).await.unwrap();
    when(&app, &app.member, first, State::Done).await;
    assert_eq!(app.app.gate().start(request("report")).await.unwrap(), first);
    assert!(app.app.gate().start(request("other")).await.unwrap_err().is(&codes::KEY_REUSED));
    assert_eq!(probe.runs(), 1);
}

#[tokio::test]
async fn a_read_that_writes_is_found_out_as_a_task_too() {
    let (app, _) = start().await;
    let id = begin(&app, &app.member, "fixture_liar", note("report")).await;
    let failed = when(&app, &app.member, id, State::Failed).await;
    assert_eq!(failed.fault.unwrap().code, codes::INTERNAL.name);
    assert_eq!(app.counter(COUNTER, "all").await, 0);
}

#[tokio::test]
async fn the_result_of_a_task_is_kept_for_its_time() {
    let (app, _) = start().await;
    let id = begin(&app, &app.member, "fixture_note", note("report")).await;
    when(&app, &app.member, id, State::Done).await;
    app.clock.advance(Duration::from_hours(24));
    let caller = app.identify(app.member.key.reveal()).await.unwrap();
    assert!(app.app.gate().operation(&caller, id).await.unwrap_err().is(&codes::NOT_FOUND));
}

#[tokio::test]
async fn a_task_called_off_while_the_program_stops_is_not_taken_up() {
    let (app, probe) = start().await;
    let id = begin(&app, &app.member, "fixture_note", held("report")).await;
    probe.entered().await;
    let caller = app.identify(app.member.key.reveal()).await.unwrap();
    let gate = app.app.gate();
    tokio::join!(gate.close(Duration::from_secs(30)), async {
        while !gate.is_closing() {
            tokio::task::yield_now().await;
        }
        gate.cancel(&caller, id).await.unwrap();
    });
    assert_eq!(look(&app, &app.member, id).await.state, State::Cancelled);
}

#[tokio::test]
async fn of_two_who_answer_at_once_one_goes_on() {
    let (app, probe) = start().await;
    let id = begin(&app, &app.member, "fixture_ask", held("letter to")).await;
    when(&app, &app.member, id, State::Waiting).await;
    let caller = app.identify(app.member.key.reveal()).await.unwrap();
    let answer = || {
        let answers = serde_json::from_value(json!({ "name": { "content": { "name": "Ada" } } })).unwrap();
        app.app.gate().answer(app.request(caller.clone(), "fixture_ask", Value::Null, |_| {}), id, answers)
    };
    let (one, other) = tokio::join!(answer(), answer());
    assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1, "{one:?} {other:?}");
    probe.entered().await;
    // Whoever lost has not taken the task off the list of those that run.
    app.app.gate().cancel(&caller, id).await.unwrap();
    assert_eq!((look(&app, &app.member, id).await.state, probe.inside()), (State::Cancelled, 0));
}

#[tokio::test]
async fn a_task_keeps_the_revision_that_its_caller_saw() {
    let (app, probe) = start().await;
    let caller = app.identify(app.admin.key.reveal()).await.unwrap();
    let input = json!({ "id": scene::REVIEWER, "wait": true });
    let request = app.request(caller, "fixture_amend_seen", input, |request| request.if_match = Some(1));
    let id = app.app.gate().start(request).await.unwrap();
    probe.entered().await;
    app.app.close(Duration::ZERO).await;

    let probe = Probe::new();
    let app = app.open_again_with(fixture::with(&probe)).await;
    app.call(&app.admin, "fixture_amend", json!({ "id": scene::REVIEWER })).await.unwrap();
    app.app.gate().take_up().await.unwrap();
    probe.entered().await;
    probe.let_go();
    let failed = when(&app, &app.admin, id, State::Failed).await;
    assert_eq!(failed.fault.unwrap().code, codes::PRECONDITION_FAILED.name);
}

#[tokio::test]
async fn a_task_that_runs_is_not_forgotten() {
    let (app, probe) = start().await;
    let id = begin(&app, &app.member, "fixture_note", held("report")).await;
    probe.entered().await;
    app.clock.advance(Duration::from_hours(25));
    assert_eq!(app.app.gate().forget_expired().await.unwrap(), 0);
    probe.let_go();
    while look_at_all(&app).await != "done" {
        tokio::task::yield_now().await;
    }
    assert_eq!((probe.runs(), app.counter(COUNTER, "all").await), (1, 1));
    assert_eq!(app.app.gate().forget_expired().await.unwrap(), 1, "{id}");
}

async fn look_at_all(app: &TestApp) -> String {
    let kept = app.documents(&convoke::capability::gate::operation::OPERATION).await;
    kept[0]["state"].as_str().unwrap().to_owned()
}
