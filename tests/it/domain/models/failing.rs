//! Models that fail: who is asked next, who is left alone, and what is told.

use std::time::Duration;

use convoke::port::models::{ModelFault, ModelFaultKind};
use serde_json::json;

use super::{ask, code, logged, route};
use crate::support::app::TestApp;
use crate::support::scripted::{Act, fault};

fn busy(wait: Option<Duration>) -> Act {
    Act::Fail(ModelFault {
        retry_after: wait,
        status: Some(429),
        ..ModelFault::new(ModelFaultKind::RateLimited, "slow down")
    })
}

async fn with_two(terms: serde_json::Value) -> TestApp {
    let app = TestApp::start().await;
    let mut input =
        json!({ "name": "two", "candidates": [{ "model": "test/large" }, { "model": "test/third" }], "retries": 0 });
    input.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
    route(&app, input).await;
    app
}

#[tokio::test]
async fn each_kind_of_failure_has_its_code() {
    let app = TestApp::start().await;
    route(&app, json!({ "name": "one", "candidates": [{ "model": "test/large" }], "retries": 0 })).await;
    for (kind, expected) in [
        (ModelFaultKind::Credential, "provider_key_refused"),
        (ModelFaultKind::UnknownModel, "unknown_model"),
        (ModelFaultKind::TooLong, "context_too_long"),
        (ModelFaultKind::Refused, "content_refused"),
        (ModelFaultKind::BadRequest, "model_refused_request"),
        (ModelFaultKind::Unsupported, "unsupported_by_model"),
        (ModelFaultKind::Unavailable, "provider_down"),
        (ModelFaultKind::NotReached, "provider_down"),
        (ModelFaultKind::TimedOut, "provider_timeout"),
        (ModelFaultKind::Broken, "answer_broken"),
        (ModelFaultKind::RateLimited, "provider_busy"),
    ] {
        app.vendor.tell("large", [fault(kind)]);
        let refused = ask(&app, &app.admin, "one", "x").await;
        assert_eq!(code(&refused), expected);
        let fault = refused.unwrap_err();
        assert_eq!(fault.detail().unwrap()["tried"][0]["say"], "so it is", "{fault:?}");
    }
}

#[tokio::test]
async fn the_next_one_is_asked_unless_it_would_say_the_same() {
    let app = with_two(json!({})).await;
    for kind in [
        ModelFaultKind::Unavailable,
        ModelFaultKind::Credential,
        ModelFaultKind::UnknownModel,
        ModelFaultKind::TooLong,
        ModelFaultKind::TimedOut,
        ModelFaultKind::NotReached,
    ] {
        app.vendor.tell("large", [fault(kind)]);
        let answer = ask(&app, &app.admin, "two", "x").await.unwrap();
        assert_eq!(answer["model"], "test/third", "{kind:?}");
    }
    let before = app.vendor.asked().len();
    app.vendor.tell("large", [fault(ModelFaultKind::Refused), fault(ModelFaultKind::BadRequest)]);
    assert_eq!(code(&ask(&app, &app.admin, "two", "x").await), "content_refused");
    assert_eq!(code(&ask(&app, &app.admin, "two", "x").await), "model_refused_request");
    assert_eq!(app.vendor.asked().len(), before + 2);
}

/// All candidates are gone through before anybody waits, and then only those that may do better.
#[tokio::test]
async fn all_are_asked_again_after_a_wait() {
    let app = with_two(json!({ "retries": 2 })).await;
    app.vendor.tell("large", [fault(ModelFaultKind::Unavailable), fault(ModelFaultKind::Unavailable)]);
    app.vendor.tell("third", [fault(ModelFaultKind::UnknownModel)]);
    let answer = ask(&app, &app.admin, "two", "x").await.unwrap();
    assert_eq!(answer["model"], "test/large");
    assert_eq!(app.vendor.asked(), ["large", "third", "large", "large"]);
}

/// Nobody asks sooner than the vendor says; where that is too long to wait for, the caller is told for how long.
#[tokio::test]
async fn a_vendor_that_says_when_is_asked_then() {
    let app = with_two(json!({ "candidates": [{ "model": "test/large" }], "retries": 1 })).await;
    app.vendor.tell("large", [busy(Some(Duration::from_millis(300)))]);
    ask(&app, &app.admin, "two", "x").await.unwrap();
    assert_eq!(app.vendor.asked().len(), 2);
    app.clock.advance(Duration::from_secs(10));
    app.vendor.tell("large", [busy(Some(Duration::from_secs(90)))]);
    let refused = ask(&app, &app.admin, "two", "x").await.unwrap_err();
    assert_eq!((refused.code().name, refused.retry_after()), ("provider_busy", Some(Duration::from_secs(90))));
    // Meanwhile it is left alone, also by calls straight to it.
    let refused = ask(&app, &app.admin, "test/large", "x").await.unwrap_err();
    assert_eq!((refused.code().name, app.vendor.asked().len()), ("provider_down", 3));
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(90)));
    app.clock.advance(Duration::from_secs(90));
    ask(&app, &app.admin, "test/large", "x").await.unwrap();
    // Without a word of when, it is left alone shortly.
    app.vendor.tell("large", [busy(None)]);
    ask(&app, &app.admin, "test/large", "x").await.unwrap();
}

#[tokio::test]
async fn a_model_that_keeps_failing_is_left_alone_and_tried_by_one() {
    let app = with_two(json!({})).await;
    for _ in 0..5 {
        app.vendor.tell("large", [fault(ModelFaultKind::Unavailable)]);
        ask(&app, &app.admin, "two", "x").await.unwrap();
    }
    ask(&app, &app.admin, "two", "x").await.unwrap();
    let asked = app.vendor.asked();
    assert_eq!((asked.iter().filter(|model| *model == "large").count(), asked.len()), (5, 11), "it is left alone");
    let circuit = async || {
        let input = json!({ "name": "two" });
        let listed = app.call(&app.admin, "model_route_list", input).await.unwrap();
        listed["items"][0]["candidates"][0]["health"]["circuit"].clone()
    };
    assert_eq!(circuit().await, "open");
    app.clock.advance(Duration::from_secs(10));
    assert_eq!(circuit().await, "half_open");
    // One call tries it; another that comes meanwhile does not.
    app.vendor.tell("large", [Act::Wait]);
    let trying = ask(&app, &app.admin, "two", "x");
    let meanwhile = async {
        app.vendor.asked_times(12).await;
        let answer = ask(&app, &app.admin, "two", "x").await.unwrap();
        app.vendor.let_go(1);
        answer
    };
    let (tried, meanwhile) = tokio::join!(trying, meanwhile);
    assert_eq!((&tried.unwrap()["model"], &meanwhile["model"]), (&json!("test/large"), &json!("test/third")));
    assert_eq!(circuit().await, "closed");
}

/// A caller who goes away ends the call to the vendor, and nobody waits for its place for ever.
#[tokio::test]
async fn a_call_that_is_called_off_ends_at_the_vendor() {
    let app = TestApp::start_with(|settings| settings.config.models.calls_at_once = 1).await;
    app.vendor.tell("large", [Act::Wait]);
    let cancel = tokio_util::sync::CancellationToken::new();
    let (token, vendor) = (cancel.clone(), app.vendor.clone());
    let calling =
        app.call_with(&app.admin, "model_complete", json!({ "model": "test/large", "prompt": "x" }), |request| {
            request.cancel = token;
        });
    let calling_off = async {
        vendor.runs(1).await;
        cancel.cancel();
        vendor.runs(0).await;
    };
    let (reply, ()) = tokio::join!(calling, calling_off);
    assert_eq!(code(&reply.unwrap().result), "cancelled");
    ask(&app, &app.admin, "test/large", "y").await.unwrap();
    app.app.platform().running().close();
    app.app.platform().running().wait().await;
    let entry = &logged(&app).await;
    let aborted = entry.iter().find(|entry| entry["end"] == "aborted").unwrap();
    // What the vendor may have read is counted, once.
    assert_eq!(
        (&aborted["tokens"]["input"], &aborted["tokens"]["output"], &aborted["counted"]),
        (&json!(8), &json!(0), &json!(true))
    );
    assert_eq!(entry.len(), 2);
}

/// A slow model is overtaken by a second one that is asked beside it.
#[tokio::test]
async fn a_second_model_is_asked_beside_a_slow_one() {
    let app = with_two(json!({ "hedge": { "percentile": 90, "atLeastMillis": 1 } })).await;
    for _ in 0..16 {
        app.vendor.tell("large", [Act::Take(Duration::from_millis(5))]);
        ask(&app, &app.admin, "two", "x").await.unwrap();
    }
    assert!(app.vendor.asked().iter().all(|model| model == "large"), "who is fast is asked alone");
    app.vendor.tell("large", [Act::Wait]);
    let answer = ask(&app, &app.admin, "two", "x").await.unwrap();
    assert_eq!(answer["model"], "test/third");
    app.vendor.runs(0).await;
    // Where both fail it is told of both.
    app.vendor.tell("large", [Act::Wait, fault(ModelFaultKind::Unavailable)]);
    app.vendor.tell("third", [fault(ModelFaultKind::Unavailable)]);
    let asking = ask(&app, &app.admin, "two", "x");
    let letting = async {
        app.vendor.asked_times(20).await;
        app.vendor.let_go(1);
    };
    let (refused, ()) = tokio::join!(asking, letting);
    assert_eq!(refused.unwrap_err().detail().unwrap()["tried"].as_array().unwrap().len(), 2);
}
