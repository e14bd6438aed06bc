//! `agent_stream`: a run piece by piece, in order, and what becomes of it when nobody reads any more.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use convoke::capability::client::{Answers, Client, Level, Progress, Questions};
use convoke::capability::outcome::{Items, Outcome};
use convoke::domain::agents::Runs;
use convoke::kernel::fault::Fault;
use convoke::port::models::{ModelFault, ModelFaultKind, Piece};
use futures::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};

use super::{call, calls_with, said};
use crate::support::app::{Person, TestApp};
use crate::support::scripted::Act;

pub(super) async fn opened(app: &TestApp, person: &Person, input: Value) -> Result<Items, Fault> {
    match app.call_with(person, "agent_stream", input, |_| {}).await?.result? {
        Outcome::Stream(items) => Ok(items),
        other => panic!("{other:?}"),
    }
}

fn ask() -> Value {
    json!({ "id": "archivist", "prompt": "Look." })
}

#[tokio::test]
async fn pieces_come_in_order_and_the_whole_answer_last() {
    let app = TestApp::start().await;
    let wanted =
        [call("a", "prompt_get", json!({ "id": "welcome-mail" })), call("b", "prompt_get", json!({ "id": "gone" }))];
    app.vendor.tell("large", [calls_with("Let me look.", &wanted), said("Here it is.")]);
    let mut items = Vec::new();
    let mut stream = opened(&app, &app.member, ask()).await.unwrap();
    while let Some(item) = stream.next().await {
        items.push(item.unwrap());
    }
    let kinds: Vec<&str> = items.iter().map(|item| item["type"].as_str().unwrap()).collect();
    let text = |at: usize| items[at]["text"].as_str().unwrap();
    assert_eq!(kinds[..5], ["start", "step", "text", "text", "text"]);
    assert_eq!(format!("{}{}{}", text(2), text(3), text(4)), "Let me look.");
    let mut tools: Vec<(&str, &str)> =
        items[5..9].iter().map(|item| (item["id"].as_str().unwrap(), item["type"].as_str().unwrap())).collect();
    assert_eq!(tools[0].1, "tool_started");
    tools.sort_unstable();
    let each = [("a", "tool_ended"), ("a", "tool_started"), ("b", "tool_ended"), ("b", "tool_started")];
    assert_eq!(tools, each);
    let failed = items.iter().find(|item| item["type"] == "tool_ended" && item["id"] == "b").unwrap();
    assert_eq!((&failed["failed"], &failed["code"]), (&json!(true), &json!("not_found")));
    assert_eq!(kinds[9..], ["step", "text", "text", "text", "end"]);
    let end = items.last().unwrap();
    assert_eq!((&end["response"], &end["status"]), (&json!("Here it is."), &json!("completed")));
    assert_eq!((&end["executionId"], &end["tokensUsed"]), (&items[0]["executionId"], &json!(30)));
    assert_eq!(end["cost"]["known"], true);
}

#[tokio::test]
async fn what_breaks_off_ends_by_a_fault_and_what_cannot_begin_is_one() {
    let app = TestApp::start().await;
    let broken = ModelFault::new(ModelFaultKind::Broken, "the connection went");
    app.vendor.tell("large", [Act::Pieces(vec![Ok(Piece::Text { text: "half".to_owned() }), Err(broken)])]);
    let all: Vec<Result<Value, Fault>> = opened(&app, &app.member, ask()).await.unwrap().collect().await;
    let last = all.last().unwrap().as_ref().unwrap_err();
    assert_eq!((last.code().name, all.len()), ("answer_broken", 4));
    for (person, code) in [(&app.nobody, "forbidden"), (&app.stranger, "not_found")] {
        assert_eq!(opened(&app, person, ask()).await.err().unwrap().code().name, code);
    }
    let wrong = json!({ "id": "archivist", "prompt": "x", "model": "test/third" });
    assert_eq!(opened(&app, &app.member, wrong).await.err().unwrap().code().name, "bad_input");
}

#[tokio::test]
async fn whoever_stops_reading_calls_the_run_off() {
    let app = TestApp::start().await;
    app.vendor.tell("large", [Act::Hang(vec![Piece::Text { text: "half".to_owned() }])]);
    let mut stream = opened(&app, &app.member, ask()).await.unwrap();
    for expected in ["start", "step", "text"] {
        assert_eq!(stream.next().await.unwrap().unwrap()["type"], expected);
    }
    app.vendor.runs(1).await;
    drop(stream);
    app.vendor.runs(0).await;
    let told = app.call(&app.member, "agent_status", json!({ "id": "archivist" })).await.unwrap();
    assert_eq!(told["lastRun"]["status"], "cancelled");
}

#[tokio::test]
async fn a_run_is_written_though_whoever_had_it_written_went_away() {
    let app = TestApp::start().await;
    app.vendor.tell("large", [Act::Hang(vec![Piece::Text { text: "half".to_owned() }])]);
    let mut stream = opened(&app, &app.member, ask()).await.unwrap();
    let start = stream.next().await.unwrap().unwrap();
    for expected in ["step", "text"] {
        assert_eq!(stream.next().await.unwrap().unwrap()["type"], expected);
    }
    drop(stream);
    app.vendor.runs(0).await;
    // It waits to be written: who begins with it does not stay for the end.
    let platform = app.app.platform();
    let runs = platform.service::<Runs>().unwrap();
    assert!(runs.flush(platform).now_or_never().is_none(), "nothing was to be written");
    let told = json!({ "id": "archivist", "executionId": start["executionId"] });
    let told = app.call(&app.member, "agent_status", told).await.unwrap();
    assert_eq!(told["execution"]["stopReason"], "cancelled");
}

/// Hears of progress.
#[derive(Default)]
struct Hearing(Mutex<Vec<(f64, String)>>);

#[async_trait]
impl Client for Hearing {
    fn progress(&self, progress: Progress) {
        self.0.lock().unwrap().push((progress.done, progress.message.unwrap_or_default()));
    }

    fn say(&self, _: Level, _: &str, _: Value) {}

    async fn ask(&self, _: &Questions) -> Option<Result<Answers, Fault>> {
        None
    }
}

#[tokio::test]
async fn progress_tells_of_steps_and_tools_and_of_words_where_they_are_streamed() {
    for (tool, expected) in [
        ("agent_invoke", vec!["step 1", "calls prompt_get", "prompt_get answered", "step 2"]),
        ("agent_stream", vec!["step 1", "calls prompt_get", "prompt_get answered", "step 2", "Here ", "it ", "is."]),
    ] {
        let app = TestApp::start().await;
        app.vendor.tell(
            "large",
            [calls_with("", &[call("a", "prompt_get", json!({ "id": "welcome-mail" }))]), said("Here it is.")],
        );
        let hearing = Arc::new(Hearing::default());
        let client = hearing.clone();
        let reply = app.call_with(&app.member, tool, ask(), |request| request.client = client).await.unwrap();
        if let Outcome::Stream(stream) = reply.result.unwrap() {
            stream.collect::<Vec<_>>().await;
        }
        let told = hearing.0.lock().unwrap();
        assert!(told.is_sorted_by(|one, other| one.0 < other.0), "{told:?}");
        let messages: Vec<&str> = told.iter().map(|(_, message)| message.as_str()).collect();
        assert_eq!(messages, expected, "{tool}");
    }
}
