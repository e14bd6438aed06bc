//! A call with an idempotency key is made once, whatever happens on the way.

use std::time::Duration;

use convoke::capability::gate::Reply;
use convoke::capability::gate::operation::OPERATION;
use convoke::kernel::codes;
use serde_json::Value;

use super::fixture::COUNTER;
use super::{held, note, start};
use crate::support::app::{Person, TestApp, value};

async fn keyed(app: &TestApp, person: &Person, tool: &str, key: &str, input: Value) -> Reply {
    app.call_with(person, tool, input, |request| request.idempotency_key = Some(key.to_owned())).await.unwrap()
}

#[tokio::test]
async fn a_repeated_call_is_answered_as_the_first() {
    let (app, probe) = start().await;
    let first = keyed(&app, &app.member, "fixture_note", "k1", note("milk")).await;
    assert!(!first.replayed);
    let before = app.ledger().await;
    let second = keyed(&app, &app.member, "fixture_note", "k1", note("milk")).await;
    assert!(second.replayed);
    assert_eq!(value(first).unwrap(), value(second).unwrap());
    assert_eq!((probe.runs(), app.counter(COUNTER, "all").await), (1, 1));
    assert_eq!(app.ledger().await, before, "a replay writes nothing");
}

#[tokio::test]
async fn the_order_of_fields_makes_no_other_input() {
    let (app, probe) = start().await;
    let one = serde_json::json!({ "text": "milk", "fail": false });
    let other = serde_json::json!({ "fail": false, "text": "milk" });
    keyed(&app, &app.member, "fixture_note", "k1", one).await;
    let second = keyed(&app, &app.member, "fixture_note", "k1", other).await;
    assert!(second.replayed && second.result.is_ok(), "{:?}", second.result);
    assert_eq!(probe.runs(), 1);
}

#[tokio::test]
async fn a_key_with_another_input_is_refused() {
    let (app, probe) = start().await;
    keyed(&app, &app.member, "fixture_note", "k1", note("milk")).await;
    let other = keyed(&app, &app.member, "fixture_note", "k1", note("bread")).await;
    let fault = other.result.unwrap_err();
    assert!(fault.is(&codes::KEY_REUSED) && fault.code().status == 422, "{fault}");
    assert_eq!(probe.runs(), 1);
}

#[tokio::test]
async fn while_the_first_runs_the_second_is_told_to_wait() {
    let (app, probe) = start().await;
    let (first, second) = tokio::join!(keyed(&app, &app.member, "fixture_note", "k1", held("milk")), async {
        probe.entered().await;
        let second = keyed(&app, &app.member, "fixture_note", "k1", held("milk")).await;
        probe.let_go();
        second
    });
    let fault = second.result.unwrap_err();
    assert!(fault.is(&codes::IN_FLIGHT) && fault.code().status == 409 && fault.retry_after().is_some(), "{fault}");
    assert!(first.result.is_ok());
    assert!(keyed(&app, &app.member, "fixture_note", "k1", held("milk")).await.replayed);
    assert_eq!(probe.runs(), 1);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let (app, probe) = start().await;
    keyed(&app, &app.member, "fixture_note", "k1", note("milk")).await;
    app.clock.advance(Duration::from_hours(24) - Duration::from_millis(1));
    assert!(keyed(&app, &app.member, "fixture_note", "k1", note("milk")).await.replayed);
    app.clock.advance(Duration::from_millis(1));
    let anew = keyed(&app, &app.member, "fixture_note", "k1", note("bread")).await;
    assert!(!anew.replayed && anew.result.is_ok(), "{:?}", anew.result);
    assert_eq!(probe.runs(), 2);
}

#[tokio::test]
async fn expired_keys_are_cleared_away() {
    let (app, _) = start().await;
    keyed(&app, &app.member, "fixture_note", "k1", note("milk")).await;
    assert_eq!(app.app.gate().forget_expired().await.unwrap(), 0);
    app.clock.advance(Duration::from_hours(25));
    assert_eq!(app.app.gate().forget_expired().await.unwrap(), 1);
    assert_eq!(app.ledger().await.operations, 0);
}

#[tokio::test]
async fn the_same_key_of_somebody_else_or_for_another_tool_is_another() {
    let (app, probe) = start().await;
    keyed(&app, &app.member, "fixture_note", "k1", note("milk")).await;
    for (person, tool) in
        [(&app.admin, "fixture_note"), (&app.stranger, "fixture_note"), (&app.member, "fixture_steps")]
    {
        let reply = keyed(&app, person, tool, "k1", note("milk")).await;
        assert!(!reply.replayed && reply.result.is_ok(), "{:?}", reply.result);
    }
    assert_eq!(probe.runs(), 4);
}

#[tokio::test]
async fn a_failed_call_may_be_made_again_with_its_key() {
    let (app, probe) = start().await;
    let input = serde_json::json!({ "text": "milk", "fail": true });
    assert!(keyed(&app, &app.member, "fixture_note", "k1", input.clone()).await.result.is_err());
    assert!(keyed(&app, &app.member, "fixture_note", "k1", note("milk")).await.result.is_ok());
    assert!(keyed(&app, &app.member, "fixture_reach", "k2", input).await.result.is_err());
    assert!(keyed(&app, &app.member, "fixture_reach", "k2", note("milk")).await.result.is_ok());
    assert_eq!((probe.runs(), app.counter(COUNTER, "all").await), (4, 2));
}

#[tokio::test]
async fn a_secret_is_shown_once_and_never_kept() {
    let (app, probe) = start().await;
    let first = keyed(&app, &app.member, "fixture_reveal", "k1", note("hush-hush")).await;
    assert!(first.result.is_ok());
    let second = keyed(&app, &app.member, "fixture_reveal", "k1", note("hush-hush")).await;
    assert!(second.result.unwrap_err().is(&codes::ALREADY_EXISTS));
    assert_eq!(probe.runs(), 1);
    let kept = app.documents(&OPERATION).await;
    assert!(!format!("{kept:?}").contains("hush-hush"), "{kept:?}");
}

#[tokio::test]
async fn the_key_of_a_read_changes_nothing() {
    let (app, probe) = start().await;
    for _ in 0..2 {
        let reply = keyed(&app, &app.member, "fixture_look", "k1", note("milk")).await;
        assert!(!reply.replayed && reply.result.is_ok());
    }
    assert_eq!((probe.runs(), app.ledger().await.operations), (2, 0));
}

/// A call that ends after a part of it was committed: whoever repeats it must not do that part again.
#[tokio::test]
async fn what_failed_halfway_is_not_done_again() {
    let (app, probe) = start().await;
    let input = serde_json::json!({ "text": "milk", "fail": true });
    let first = keyed(&app, &app.member, "fixture_steps", "k1", input.clone()).await;
    assert!(first.result.unwrap_err().say().contains("as it was asked to"));
    let second = keyed(&app, &app.member, "fixture_steps", "k1", input).await.result.unwrap_err();
    assert!(second.is(&codes::CONFLICT) && second.say().contains("after a part of it was committed"), "{second}");
    assert!(second.detail().unwrap()["problem"]["detail"].as_str().unwrap().contains("as it was asked to"));
    assert_eq!((probe.runs(), app.counter(COUNTER, "all").await), (1, 1));
    assert_eq!(app.documents(&OPERATION).await[0]["state"], "failed");
}

#[tokio::test]
async fn who_is_called_off_while_a_step_is_kept_knows_that_it_was() {
    let (app, _) = start().await;
    let first = keyed(&app, &app.member, "fixture_cut_step", "k1", note("milk")).await;
    assert!(first.result.unwrap_err().is(&codes::CANCELLED));
    assert_eq!(app.counter(COUNTER, "all").await, 1, "the step was kept");
    assert_eq!(app.documents(&OPERATION).await[0]["state"], "unknown");
    let second = keyed(&app, &app.member, "fixture_cut_step", "k1", note("milk")).await;
    assert!(second.result.unwrap_err().is(&codes::OUTCOME_UNKNOWN));
}

#[tokio::test]
async fn a_call_that_reaches_outside_and_asks_goes_on_with_its_key() {
    let (app, probe) = start().await;
    let asked = keyed(&app, &app.member, "fixture_ask_outside", "k1", note("letter to")).await;
    assert!(asked.result.unwrap_err().is(&codes::INPUT_REQUIRED));
    let answers: convoke::capability::client::Answers =
        serde_json::from_value(serde_json::json!({ "name": { "content": { "name": "Ada" } } })).unwrap();
    for replayed in [false, true] {
        let answered = app.call_with(&app.member, "fixture_ask_outside", note("letter to"), |request| {
            request.idempotency_key = Some("k1".to_owned());
            request.answers = answers.clone();
        });
        let answered = answered.await.unwrap();
        assert_eq!(answered.replayed, replayed);
        assert_eq!(value(answered).unwrap()["text"], "letter to Ada");
    }
    assert_eq!(probe.runs(), 1);
}

#[tokio::test]
async fn many_expired_keys_are_cleared_away_at_once() {
    let (app, _) = start().await;
    for number in 0..1001 {
        keyed(&app, &app.member, "fixture_note", &format!("k{number}"), note("milk")).await;
    }
    app.clock.advance(Duration::from_hours(25));
    assert_eq!(app.app.gate().forget_expired().await.unwrap(), 1001);
    assert_eq!(app.ledger().await.operations, 0);
}
