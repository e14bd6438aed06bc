//! The exact cache: equal requests are answered once, and only equal ones.

use std::time::Duration;

use convoke::domain::models::CacheState;
use convoke::port::models::{ModelFaultKind, Piece};
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::{ask, asker, code, logged, request, route, wish};
use crate::support::app::TestApp;
use crate::support::scripted::{Act, fault};

async fn cached(seconds: u32) -> TestApp {
    let app = TestApp::start().await;
    let candidates = json!([{ "model": "test/large" }]);
    route(&app, json!({ "name": "kept", "candidates": candidates, "retries": 0, "cacheSeconds": seconds })).await;
    app
}

async fn asked_with(app: &TestApp, more: Value) -> Value {
    let mut input = json!({ "model": "kept", "prompt": "x" });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app.call(&app.admin, "model_complete", input).await.unwrap()
}

#[tokio::test]
async fn an_equal_request_is_answered_from_the_cache_and_costs_nothing() {
    let app = cached(60).await;
    let first = ask(&app, &app.admin, "kept", "x").await.unwrap();
    // Another user of the tenant asks the same.
    let second = ask(&app, &app.member, "kept", "x").await.unwrap();
    assert_eq!((&first["cache"], &second["cache"]), (&json!("miss"), &json!("hit")));
    assert_eq!((&first["text"], &second["cost"]["nanoDollars"]), (&second["text"], &json!(0)));
    let entries = logged(&app).await;
    assert_eq!((&entries[1]["cache"], &entries[1]["cost"]), (&json!("hit"), &json!(0)));
    assert_eq!((&entries[1]["saved"], &entries[1]["tokens"]["input"]), (&entries[0]["cost"], &json!(0)));
    assert_eq!(entries[0]["question"], entries[1]["question"]);
    app.clock.advance(Duration::from_secs(60));
    assert_eq!(ask(&app, &app.admin, "kept", "x").await.unwrap()["cache"], "miss", "it is kept for a time");
    assert_eq!(app.vendor.asked().len(), 2);
}

#[tokio::test]
async fn whatever_differs_is_another_question() {
    let app = cached(60).await;
    let variants = [
        json!({}),
        json!({ "prompt": "X" }),
        json!({ "prompt": "x " }),
        json!({ "system": "x" }),
        json!({ "temperature": 0.1 }),
        json!({ "temperature": 0.2 }),
        json!({ "maxTokens": 10 }),
        json!({ "seed": 1 }),
        json!({ "stop": ["a"] }),
        json!({ "topP": 0.5 }),
        json!({ "json": true }),
        json!({ "schema": { "type": "object" } }),
        json!({ "reasoningEffort": "low" }),
        json!({ "tools": [{ "name": "a", "parameters": {} }] }),
        json!({ "tools": [{ "name": "a", "parameters": {}, "description": "b" }] }),
        json!({ "tools": [{ "name": "a", "parameters": {} }], "toolChoice": "a" }),
        json!({ "parallelTools": true }),
        json!({ "extra": { "a": 1 } }),
        json!({ "model": "default", "cache": "use" }),
    ];
    for variant in &variants {
        assert_eq!(asked_with(&app, variant.clone()).await["cache"], "miss", "{variant}");
    }
    for variant in &variants {
        assert_eq!(asked_with(&app, variant.clone()).await["cache"], "hit", "{variant}");
    }
    assert_eq!(app.vendor.asked().len(), variants.len());
}

#[tokio::test]
async fn tenants_share_no_answers() {
    let app = TestApp::start_with(|settings| settings.config.models.share_keys = true).await;
    for (person, cache) in [(&app.admin, "miss"), (&app.stranger, "miss"), (&app.stranger, "hit")] {
        let input = json!({ "model": "test/large", "prompt": "x", "cache": "use" });
        assert_eq!(app.call(person, "model_complete", input).await.unwrap()["cache"], cache);
    }
}

#[tokio::test]
async fn the_caller_can_go_round_it() {
    let app = cached(60).await;
    for (way, cache) in
        [("skip", "off"), ("refresh", "miss"), ("as_routed", "hit"), ("refresh", "miss"), ("use", "hit")]
    {
        assert_eq!(asked_with(&app, json!({ "cache": way })).await["cache"], cache, "{way}");
    }
    assert_eq!(app.vendor.asked().len(), 3);
    // A failure is not kept.
    app.vendor.tell("large", [fault(ModelFaultKind::BadRequest)]);
    assert_eq!(code(&ask(&app, &app.admin, "kept", "new").await), "model_refused_request");
    assert_eq!(ask(&app, &app.admin, "kept", "new").await.unwrap()["cache"], "miss");
}

/// Ten equal requests at the same moment are one call, and one bill.
#[tokio::test]
async fn ten_equal_requests_make_one_call() {
    let app = cached(60).await;
    app.vendor.tell("large", [Act::Wait]);
    let (router, asker) = asker(&app, &app.admin).await;
    let kept = wish("kept");
    let mut all = Box::pin(futures::future::join_all((0..10).map(|_| router.complete(&asker, &kept, request("x")))));
    // All of them are under way before the model answers.
    while app.vendor.asked().is_empty() {
        assert!(futures::poll!(&mut all).is_pending());
        tokio::task::yield_now().await;
    }
    for _ in 0..10 {
        assert!(futures::poll!(&mut all).is_pending());
        tokio::task::yield_now().await;
    }
    app.vendor.let_go(1);
    let states: Vec<CacheState> = all.await.into_iter().map(|answer| answer.unwrap().cache).collect();
    let of = |wanted: CacheState| states.iter().filter(|state| **state == wanted).count();
    assert_eq!((of(CacheState::Miss), of(CacheState::Shared)), (1, 9), "{states:?}");
    assert_eq!(app.vendor.asked().len(), 1);
    let entries = logged(&app).await;
    assert_eq!(entries.len(), 10);
    let paid: u64 = entries.iter().map(|entry| entry["cost"].as_u64().unwrap()).sum();
    assert_eq!(paid, 10 * 10_000 + 5 * 20_000, "as much as one");
}

/// Whoever led goes away: those who wait with it have their answer all the same, and when all have gone so has the call.
#[tokio::test]
async fn the_call_lives_as_long_as_somebody_waits() {
    let app = cached(60).await;
    app.vendor.tell("large", [Act::Wait]);
    let (router, asker) = asker(&app, &app.admin).await;
    let kept = wish("kept");
    let leads = Box::pin(router.complete(&asker, &kept, request("x")));
    let follows = router.complete(&asker, &kept, request("x"));
    let leads = match futures::future::select(leads, Box::pin(app.vendor.asked_times(1))).await {
        futures::future::Either::Right(((), leads)) => leads,
        futures::future::Either::Left(_) => unreachable!("nobody let it go"),
    };
    let mut follows = Box::pin(follows);
    assert!(futures::poll!(&mut follows).is_pending());
    drop(leads);
    assert!(futures::poll!(&mut follows).is_pending());
    app.vendor.let_go(1);
    assert_eq!(follows.await.unwrap().cache, CacheState::Shared);
    assert_eq!(app.vendor.asked().len(), 1);
    // All go.
    app.vendor.tell("large", [Act::Wait]);
    let alone = Box::pin(router.complete(&asker, &kept, request("y")));
    drop(futures::future::select(alone, Box::pin(app.vendor.asked_times(2))).await);
    app.vendor.runs(0).await;
}

#[tokio::test]
async fn streams_are_kept_and_replayed_piece_by_piece() {
    let app = cached(60).await;
    let (router, asker) = asker(&app, &app.admin).await;
    let mut heard = Vec::new();
    for cache in [CacheState::Miss, CacheState::Hit] {
        let answering = router.stream(&asker, &wish("kept"), request("one two")).await.unwrap();
        assert_eq!(answering.cache, cache);
        let pieces: Vec<Piece> = answering.pieces.map(|piece| piece.unwrap()).collect().await;
        assert!(
            matches!(pieces.first(), Some(Piece::Start { .. })) && matches!(pieces.last(), Some(Piece::End { .. }))
        );
        let said: String = pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Text { text } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        heard.push(said);
    }
    assert_eq!(heard, ["You said: one two"; 2]);
    // The same whole, from the same place.
    assert_eq!(router.complete(&asker, &wish("kept"), request("one two")).await.unwrap().cache, CacheState::Hit);
    // One that was not read to its end is not kept.
    let answering = router.stream(&asker, &wish("kept"), request("other")).await.unwrap();
    let mut pieces = answering.pieces;
    pieces.next().await.unwrap().unwrap();
    drop(pieces);
    let answering = router.stream(&asker, &wish("kept"), request("other")).await.unwrap();
    assert_eq!(answering.cache, CacheState::Miss);
}

/// What is cached is listed, and can be emptied.
#[tokio::test]
async fn an_operator_can_empty_it() {
    let app = cached(60).await;
    ask(&app, &app.admin, "kept", "x").await.unwrap();
    let stats = app.call(&app.admin, "system_cache_stats", json!({})).await.unwrap();
    assert!(stats.to_string().contains("model answers"), "{stats}");
    app.call(&app.admin, "system_cache_clear", json!({ "names": ["model answers"] })).await.unwrap();
    assert_eq!(ask(&app, &app.admin, "kept", "x").await.unwrap()["cache"], "miss");
}
