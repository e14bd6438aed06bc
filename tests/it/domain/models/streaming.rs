//! Streams: pieces as they come, what breaks off, who goes away.

use convoke::domain::models::CacheState;
use convoke::kernel::fault::Fault;
use convoke::port::models::{ModelFault, ModelFaultKind, Piece, Stop, Tokens};
use futures::StreamExt as _;
use serde_json::json;

use super::{asker, code, logged, request, route, wish};
use crate::support::app::TestApp;
use crate::support::scripted::{Act, fault};

fn text(text: &str) -> Piece {
    Piece::Text { text: text.to_owned() }
}

fn start() -> Piece {
    Piece::Start { model: "large".to_owned(), id: None }
}

fn end(tokens: Option<Tokens>) -> Piece {
    Piece::End { stop: Stop::End, tokens }
}

/// The text of a stream, and how it ended.
async fn heard(pieces: impl futures::Stream<Item = Result<Piece, Fault>>) -> (String, Result<(), Fault>) {
    let mut pieces = std::pin::pin!(pieces);
    let (mut said, mut ended) = (String::new(), None);
    while let Some(piece) = pieces.next().await {
        assert!(ended.is_none(), "nothing comes after the end");
        match piece {
            Ok(Piece::Text { text }) => said.push_str(&text),
            Ok(Piece::End { .. }) => ended = Some(Ok(())),
            Ok(_) => {}
            Err(fault) => ended = Some(Err(fault)),
        }
    }
    (said, ended.expect("a stream ends by its last piece or by a fault"))
}

#[tokio::test]
async fn pieces_come_and_are_counted_once() {
    let app = TestApp::start().await;
    let (router, asker) = asker(&app, &app.member).await;
    let tokens = Tokens { input: 1000, cached: 900, output: 50, ..Tokens::default() };
    app.vendor.tell("large", [Act::Pieces(vec![Ok(start()), Ok(text("a ")), Ok(text("b")), Ok(end(Some(tokens)))])]);
    let answering = router.stream(&asker, &wish("test/large"), request("x")).await.unwrap();
    assert_eq!((answering.model.as_str(), answering.cache), ("test/large", CacheState::Off));
    let (said, ended) = heard(answering.pieces).await;
    assert_eq!(said, "a b");
    ended.unwrap();
    let entries = logged(&app).await;
    assert_eq!(entries.len(), 1);
    assert_eq!((&entries[0]["end"], &entries[0]["manner"]), (&json!("answered"), &json!("stream")));
    assert_eq!(
        (&entries[0]["tokens"]["output"], &entries[0]["cost"]),
        (&json!(50), &json!(1_000_000 * 10 + 1_000_000))
    );
    assert!(entries[0]["firstMicros"].is_u64());
}

#[tokio::test]
async fn before_the_first_piece_another_model_is_asked_and_after_it_none() {
    let app = TestApp::start().await;
    let candidates = json!([{ "model": "test/large" }, { "model": "test/third" }]);
    route(&app, json!({ "name": "two", "candidates": candidates, "retries": 0 })).await;
    let (router, asker) = asker(&app, &app.admin).await;
    app.vendor.tell("large", [fault(ModelFaultKind::Unavailable)]);
    let answering = router.stream(&asker, &wish("two"), request("x")).await.unwrap();
    assert_eq!(answering.model, "test/third");
    heard(answering.pieces).await.1.unwrap();

    let broken = ModelFault::new(ModelFaultKind::Broken, "the connection went");
    app.vendor.tell("large", [Act::Pieces(vec![Ok(start()), Ok(text("half")), Err(broken)])]);
    let answering = router.stream(&asker, &wish("two"), request("x")).await.unwrap();
    let (said, ended) = heard(answering.pieces).await;
    assert_eq!((said.as_str(), code(&ended)), ("half", "answer_broken"));
    assert_eq!(app.vendor.asked(), ["large", "third", "large"]);
}

/// What ends without its last piece was cut off, however clean the connection closed.
#[tokio::test]
async fn a_stream_that_is_cut_off_ends_in_a_fault_and_what_came_is_paid_for() {
    let app = TestApp::start().await;
    let (router, asker) = asker(&app, &app.admin).await;
    app.vendor.tell("large", [Act::Pieces(vec![Ok(start()), Ok(text("hello world"))])]);
    let answering = router.stream(&asker, &wish("test/large"), request("hello world")).await.unwrap();
    let (said, ended) = heard(answering.pieces).await;
    assert_eq!((said.as_str(), code(&ended)), ("hello world", "answer_broken"));
    app.app.platform().running().close();
    app.app.platform().running().wait().await;
    let entries = logged(&app).await;
    assert_eq!(
        (entries.len(), &entries[0]["end"], &entries[0]["fault"]),
        (1, &json!("failed"), &json!("answer_broken"))
    );
    assert_eq!((&entries[0]["tokens"]["input"], &entries[0]["tokens"]["output"]), (&json!(9), &json!(2)));
    assert_eq!(entries[0]["counted"], true);
}

#[tokio::test]
async fn whoever_stops_reading_closes_the_connection_and_pays_for_what_came() {
    let app = TestApp::start().await;
    let (router, asker) = asker(&app, &app.admin).await;
    app.vendor.tell("large", [Act::Hang(vec![start(), text("hello "), text("world")])]);
    let mut answering = router.stream(&asker, &wish("test/large"), request("x")).await.unwrap();
    for _ in 0..3 {
        answering.pieces.next().await.unwrap().unwrap();
    }
    app.vendor.runs(1).await;
    drop(answering);
    app.vendor.runs(0).await;
    app.app.platform().running().close();
    app.app.platform().running().wait().await;
    let entries = logged(&app).await;
    assert_eq!((entries.len(), &entries[0]["end"], &entries[0]["tokens"]["output"]), (1, &json!("aborted"), &json!(2)));
}

#[tokio::test]
async fn what_the_vendor_does_not_count_the_program_counts_beside_the_call() {
    let app = TestApp::start().await;
    let (router, asker) = asker(&app, &app.admin).await;
    app.vendor.tell("small", [Act::Say("hello world", None), Act::Say("hello world", None)]);
    let answering = router.stream(&asker, &wish("test/small"), request("hello world")).await.unwrap();
    heard(answering.pieces).await.1.unwrap();
    let answer = router.complete(&asker, &wish("test/small"), request("hello world")).await.unwrap();
    assert!(answer.about && answer.tokens.input > 0);
    app.app.platform().running().close();
    app.app.platform().running().wait().await;
    for entry in logged(&app).await {
        assert_eq!((&entry["tokens"]["input"], &entry["tokens"]["output"]), (&json!(9), &json!(2)), "{entry}");
        assert_eq!((&entry["counted"], &entry["cost"]), (&json!(true), &json!(13_000)));
    }
}
