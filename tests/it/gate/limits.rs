//! How much callers may do: calls a minute, calls of a key in all, calls at once.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use convoke::capability::caller::Credential;
use convoke::capability::gate::limit::Allowance;
use convoke::kernel::codes;
use convoke::kernel::secret::Secret;
use serde_json::json;

use super::{held, note, start, start_with};

#[tokio::test]
async fn calls_a_minute_are_counted_and_told() {
    let (app, _) = start_with(|settings| {
        settings.config.limits.reads_per_minute = 3;
        settings.config.limits.writes_per_minute = 1;
    })
    .await;
    for (remaining, reset_seconds) in [(2, 20), (1, 40), (0, 60)] {
        let reply = app.call_with(&app.member, "fixture_look", note("x"), |_| {}).await.unwrap();
        assert_eq!(reply.allowance, Some(Allowance { limit: 3, remaining, reset_seconds }));
    }
    let fault = app.call(&app.member, "fixture_look", note("x")).await.unwrap_err();
    assert!(fault.is(&codes::RATE_LIMITED) && fault.code().status == 429, "{fault}");
    assert_eq!(fault.retry_after(), Some(Duration::from_secs(20)));
    app.call(&app.member, "fixture_note", note("x")).await.unwrap();
    assert!(app.call(&app.member, "fixture_note", note("x")).await.unwrap_err().is(&codes::RATE_LIMITED));
    app.call(&app.nobody, "fixture_look", note("x")).await.unwrap();
    app.clock.advance(Duration::from_secs(19));
    assert!(app.call(&app.member, "fixture_look", note("x")).await.is_err());
    app.clock.advance(Duration::from_secs(1));
    app.call(&app.member, "fixture_look", note("x")).await.unwrap();
    assert!(app.call(&app.member, "fixture_look", note("x")).await.is_err());
}

#[tokio::test]
async fn a_forwarded_call_counts_once_as_what_it_names() {
    let (app, _) = start_with(|settings| settings.config.limits.writes_per_minute = 2).await;
    let input = json!({ "name": "fixture_note", "input": { "text": "x" } });
    for _ in 0..2 {
        app.call(&app.member, "tool_call", input.clone()).await.unwrap();
    }
    assert!(app.call(&app.member, "tool_call", input).await.unwrap_err().is(&codes::RATE_LIMITED));
}

#[tokio::test]
async fn guessing_keys_is_slow_for_the_address_that_guesses() {
    let (app, _) = start_with(|settings| settings.config.limits.anonymous_per_minute = 2).await;
    let guesser = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
    let guess = |text: &str| Credential::Bearer(Secret::new(text.to_owned()));
    let gate = app.app.gate();
    for (guessed, code) in [("a", &codes::UNAUTHENTICATED), ("b", &codes::UNAUTHENTICATED), ("c", &codes::RATE_LIMITED)]
    {
        let fault = gate.identify(&guess(guessed), guesser).await.unwrap_err();
        assert!(fault.is(code), "{guessed}: {fault}");
    }
    let elsewhere = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8)));
    assert!(gate.identify(&guess("d"), elsewhere).await.unwrap_err().is(&codes::UNAUTHENTICATED));
    let good = Credential::Bearer(app.member.key.clone());
    assert!(gate.identify(&good, guesser).await.is_ok(), "a good key is not held up by the guesses of a neighbour");
    app.clock.advance(Duration::from_secs(60));
    assert!(gate.identify(&guess("e"), guesser).await.unwrap_err().is(&codes::UNAUTHENTICATED));
}

#[tokio::test]
async fn callers_without_a_credential_are_counted_by_address() {
    let (app, _) = start_with(|settings| settings.config.limits.anonymous_per_minute = 2).await;
    let caller = app.app.gate().identify(&Credential::None, None).await.unwrap();
    for _ in 0..2 {
        assert!(app.reply(caller.clone(), "fixture_open", note("x"), |_| {}).await.result.is_ok());
    }
    let reply = app.reply(caller.clone(), "fixture_open", note("x"), |_| {}).await;
    assert!(reply.result.unwrap_err().is(&codes::RATE_LIMITED));
    let elsewhere = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 8)));
    let reply = app.reply(caller, "fixture_open", note("x"), |request| request.origin.address = elsewhere).await;
    assert!(reply.result.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_may_be_used_exactly_as_often_as_it_may() {
    let (app, probe) = start().await;
    let made = app.call(&app.admin, "api_key_create", json!({ "name": "limited", "usageLimit": 25 })).await.unwrap();
    let key = made["key"].as_str().unwrap().to_owned();
    let app = std::sync::Arc::new(app);
    let calls = (0..60).map(|_| {
        let (app, key) = (app.clone(), key.clone());
        tokio::spawn(async move { app.call_by_key(&key, "fixture_look", note("x")).await })
    });
    let mut served = 0;
    for call in futures::future::join_all(calls).await {
        match call.unwrap() {
            Ok(_) => served += 1,
            Err(fault) => assert!(fault.is(&codes::KEY_REFUSED), "{fault}"),
        }
    }
    assert_eq!((served, probe.runs()), (25, 25));
}

#[tokio::test]
async fn a_restart_neither_gives_nor_takes_calls_of_a_key() {
    let (app, _) = start().await;
    let made = app.call(&app.admin, "api_key_create", json!({ "name": "limited", "usageLimit": 40 })).await.unwrap();
    let key = made["key"].as_str().unwrap().to_owned();
    for _ in 0..3 {
        app.call_by_key(&key, "user_me", json!({})).await.unwrap();
    }
    let app = app.restart().await;
    for _ in 0..37 {
        app.call_by_key(&key, "user_me", json!({})).await.unwrap();
    }
    assert!(app.call_by_key(&key, "user_me", json!({})).await.unwrap_err().is(&codes::KEY_REFUSED));
}

#[tokio::test]
async fn a_refused_call_does_not_use_up_a_key() {
    let (app, _) = start().await;
    let made = app.call(&app.admin, "api_key_create", json!({ "name": "limited", "usageLimit": 1 })).await.unwrap();
    let key = made["key"].as_str().unwrap();
    assert!(app.call_by_key(key, "fixture_look", json!({})).await.unwrap_err().is(&codes::BAD_INPUT));
    assert!(app.call_by_key(key, "no_such_tool", json!({})).await.unwrap_err().is(&codes::UNKNOWN_TOOL));
    app.call_by_key(key, "fixture_look", note("x")).await.unwrap();
    assert!(app.call_by_key(key, "fixture_look", note("x")).await.unwrap_err().is(&codes::KEY_REFUSED));
}

#[tokio::test]
async fn no_more_calls_run_at_once_than_may() {
    let (app, probe) = start_with(|settings| settings.config.limits.concurrent_calls = 1).await;
    let (first, second) = tokio::join!(app.call(&app.member, "fixture_look", held("x")), async {
        probe.entered().await;
        let second = app.call(&app.member, "fixture_look", note("x")).await;
        probe.let_go();
        second
    });
    assert!(first.is_ok());
    let fault = second.unwrap_err();
    assert!(fault.is(&codes::UNAVAILABLE) && fault.retry_after().is_some(), "{fault}");
    app.call(&app.member, "fixture_look", note("x")).await.unwrap();
}
