//! `model_performance` and `model_optimization`: what is read from the calls that were made.

use std::time::Duration;

use convoke::port::models::{ModelFaultKind, Piece, Stop, Tokens};
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::{ask, asker, code, request, wish};
use crate::support::app::TestApp;
use crate::support::scripted::{Act, fault};

fn group<'a>(answer: &'a Value, model: &str) -> &'a Value {
    answer["groups"].as_array().unwrap().iter().find(|group| group["model"] == model).unwrap()
}

#[tokio::test]
async fn latency_errors_and_whole_answers_are_told_by_agent_and_model() {
    let app = TestApp::start().await;
    for millis in 1..=20 {
        app.vendor.tell("large", [Act::Take(Duration::from_millis(millis * 10))]);
        let input = json!({ "model": "test/large", "prompt": "x", "agent": "a" });
        app.call(&app.admin, "model_complete", input).await.unwrap();
    }
    app.vendor.tell("third", [fault(ModelFaultKind::BadRequest), fault(ModelFaultKind::Refused)]);
    for _ in 0..4 {
        let _ = ask(&app, &app.admin, "test/third", "x").await;
    }
    let (router, asker) = asker(&app, &app.admin).await;
    for stop in [Stop::Length, Stop::Refused, Stop::End] {
        let end = Piece::End { stop, tokens: Some(Tokens::default()) };
        app.vendor.tell("small", [Act::Pieces(vec![Ok(end)])]);
        let answering = router.stream(&asker, &wish("test/small"), request("x")).await.unwrap();
        let _: Vec<_> = answering.pieces.collect().await;
    }
    let told = app.call(&app.admin, "model_performance", json!({})).await.unwrap();
    let large = group(&told, "test/large");
    assert_eq!((&large["agent"], &large["latency"]), (&json!("a"), &json!({ "p50": 100, "p95": 190, "p99": 200 })));
    let third = group(&told, "test/third");
    assert_eq!((&third["errorRate"], &third["faults"]["content_refused"]), (&json!(0.5), &json!(1)));
    let quality = &group(&told, "test/small")["quality"];
    assert_eq!((&quality["cutOff"], &quality["refused"], &quality["score"]), (&json!(1), &json!(1), &json!(0.3333)));
    let own = app.call(&app.member, "model_performance", json!({})).await.unwrap();
    assert_eq!(own["groups"], json!([]));
    assert_eq!(code(&app.call(&app.nobody, "model_performance", json!({})).await), "forbidden");
    assert_eq!(app.call(&app.stranger, "model_performance", json!({})).await.unwrap()["groups"], json!([]));
}

#[tokio::test]
async fn savings_are_reckoned_in_money() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        ask(&app, &app.admin, "test/large", "the same").await.unwrap();
    }
    let tools = json!({ "model": "test/large", "prompt": "x", "tools": [{ "name": "a", "parameters": {} }] });
    app.call(&app.admin, "model_complete", tools).await.unwrap();
    let (router, asker) = asker(&app, &app.admin).await;
    app.vendor.tell("third", [Act::Hang(vec![Piece::Text { text: "hello world".to_owned() }])]);
    let mut answering = router.stream(&asker, &wish("test/third"), request("hello world")).await.unwrap();
    answering.pieces.next().await.unwrap().unwrap();
    drop(answering);
    app.app.platform().running().close();
    app.app.platform().running().wait().await;
    let told = app.call(&app.admin, "model_optimization", json!({})).await.unwrap();
    let advice = told["advice"].as_array().unwrap();
    let of = |kind: &str| advice.iter().filter(|one| one["kind"] == kind).collect::<Vec<_>>();
    // Four calls of 10 and 5 tokens: at the large one's price 200,000 each, at the small one's 20,000.
    let cheaper = of("cheaper_model");
    assert_eq!(cheaper.len(), 1, "the third cannot call tools: {told}");
    assert_eq!((&cheaper[0]["instead"], &cheaper[0]["savesNanoDollars"]), (&json!("test/small"), &json!(4 * 180_000)));
    let caching = of("caching");
    assert_eq!((&caching[0]["calls"], &caching[0]["savesNanoDollars"]), (&json!(2), &json!(400_000)));
    let wasted = of("wasted");
    assert_eq!((&wasted[0]["model"], &wasted[0]["savesNanoDollars"]), (&json!("test/third"), &json!(11 * 5_000)));
    // What a cache answered already is no saving to come, nor is what comes hours later.
    let app = TestApp::start().await;
    for _ in 0..2 {
        let input = json!({ "model": "test/unpriced", "prompt": "x", "cache": "use" });
        app.call(&app.admin, "model_complete", input).await.unwrap();
        ask(&app, &app.admin, "test/small", "x").await.unwrap();
        app.clock.advance(Duration::from_hours(2));
    }
    let told = app.call(&app.admin, "model_optimization", json!({})).await.unwrap();
    assert_eq!(told["advice"], json!([]));
}
