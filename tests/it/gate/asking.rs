//! A call that asks the other side: at once where the door can wait for an answer, in another round where it cannot.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use convoke::capability::client::{Answers, Client, Level, Progress, Questions};
use convoke::kernel::codes;
use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use super::{note, start};
use crate::support::app::value;

/// A client that answers every question the same way and keeps what it hears.
#[derive(Default)]
pub(super) struct Answering {
    pub(super) answers: Answers,
    pub(super) progress: Mutex<Vec<Progress>>,
    pub(super) asked: Mutex<usize>,
}

#[async_trait]
impl Client for Answering {
    fn progress(&self, progress: Progress) {
        self.progress.lock().unwrap().push(progress);
    }

    fn say(&self, _: Level, _: &str, _: Value) {}

    async fn ask(&self, _: &Questions) -> Option<Result<Answers, Fault>> {
        *self.asked.lock().unwrap() += 1;
        Some(Ok(self.answers.clone()))
    }
}

pub(super) fn ada() -> Answers {
    serde_json::from_value(json!({ "name": { "action": "accept", "content": { "name": "Ada" } } })).unwrap()
}

#[tokio::test]
async fn a_door_that_can_wait_is_asked_while_the_call_runs() {
    let (app, probe) = start().await;
    let client = Arc::new(Answering { answers: ada(), ..Answering::default() });
    let given = client.clone();
    let reply = app.call_with(&app.member, "fixture_ask", note("letter to"), |request| request.client = given).await;
    assert_eq!(value(reply.unwrap()).unwrap()["text"], "letter to Ada");
    assert_eq!((*client.asked.lock().unwrap(), probe.runs()), (1, 1));
}

#[tokio::test]
async fn elsewhere_the_questions_are_the_answer_and_the_call_is_made_again() {
    let (app, probe) = start().await;
    let fault = app.call(&app.member, "fixture_ask", note("letter to")).await.unwrap_err();
    assert!(fault.is(&codes::INPUT_REQUIRED), "{fault}");
    assert_eq!(fault.detail().unwrap()["questions"]["name"]["message"], "What is the name?");
    assert_eq!((probe.runs(), app.ledger().await.audit), (0, 0), "asking comes before writing");

    let reply =
        app.call_with(&app.member, "fixture_ask", note("letter to"), |request| request.answers = ada()).await.unwrap();
    assert_eq!(value(reply).unwrap()["text"], "letter to Ada");
    assert_eq!(app.ledger().await.audit, 1);
}
