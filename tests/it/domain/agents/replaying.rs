//! Transcripts: read by those who may, as an answer and as a resource, and replayed without asking anybody.

use std::sync::Arc;

use convoke::capability::caller::{Door, Origin};
use convoke::capability::source::{Body, Sources, Visitor};
use convoke::kernel::codes;
use convoke::port::models::{ModelFaultKind, Piece, Tokens};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::streaming::opened;
use super::{call, calls, calls_using, calls_with, invoke, invoked, register, said, status};
use crate::support::app::{Person, TestApp};
use crate::support::scripted::{Act, fault};

/// A run with two tools, a mended answer and an object in the end.
async fn a_run(app: &TestApp) -> Value {
    let output = json!({ "type": "object", "properties": { "id": { "type": "string" } }, "required": ["id"] });
    let more = json!({ "tools": { "names": ["prompt_get"] }, "output": output, "limits": { "repeats": 1 } });
    register(app, &app.member, "One", more).await;
    let get = |id: &str| call("a", "prompt_get", json!({ "id": id }));
    app.vendor.tell(
        "large",
        [
            calls_with("Hm.", &[get("welcome-mail"), get("gone")]),
            calls(&[get("welcome-mail")]),
            said("welcome-mail"),
            said("{\"id\": \"welcome-mail\"}"),
        ],
    );
    invoke(app, &app.member, "one", "Which?").await
}

/// What must be the same of a run and its replay.
fn told(answer: &Value) -> Value {
    let mut told = answer.clone();
    for name in ["durationMs", "replayOf"] {
        told.as_object_mut().unwrap().remove(name);
    }
    told
}

#[tokio::test]
async fn a_transcript_has_all_that_was_asked_said_and_done() {
    let app = TestApp::start().await;
    let answer = a_run(&app).await;
    let execution = status(&app, &app.member, "one", &answer["executionId"]).await["execution"].clone();
    assert_eq!((&execution["complete"], &execution["stopReason"]), (&json!(true), &json!("end")));
    let steps = execution["steps"].as_array().unwrap();
    assert_eq!((steps.len(), &steps[0]["parts"][0]), (4, &json!({ "type": "text", "text": "Hm." })));
    let codes: Vec<&Value> = steps
        .iter()
        .flat_map(|step| step["calls"].as_array().into_iter().flatten())
        .map(|call| &call["code"])
        .collect();
    assert_eq!(codes, [&Value::Null, &json!("not_found"), &json!("repeated_call")]);
    assert!(steps[0]["calls"][0]["result"].as_str().unwrap().contains("welcome-mail"));
    assert!(steps[0]["calls"][0]["requestId"].is_string() && steps[1]["calls"][0].get("requestId").is_none());
    assert!(steps[2]["mend"].as_str().unwrap().contains("JSON"));
    assert!(execution["messages"][1]["parts"][0]["text"].as_str().unwrap().contains("Which?"));
}

#[tokio::test]
async fn a_run_is_replayed_step_by_step_without_asking_anybody() {
    let app = TestApp::start().await;
    let answer = a_run(&app).await;
    // Later versions change nothing of how it went.
    let later = json!({ "id": "one", "limits": { "steps": 1 }, "without": ["output"] });
    app.call(&app.member, "agent_update", later).await.unwrap();
    let asked = app.vendor.asked().len();
    let before = app.ledger().await;
    let replay = json!({ "id": "one", "replayOf": answer["executionId"] });
    let again = invoked(&app, &app.member, replay.clone()).await.unwrap();
    assert_eq!(told(&again), told(&answer));
    assert_eq!(again["replayOf"], answer["executionId"]);
    assert_eq!(app.vendor.asked().len(), asked);
    // The only thing that was done is the call itself.
    assert_eq!(app.ledger().await.audit, before.audit + 1);
    let figures = app.call(&app.member, "agent_metrics", json!({ "id": "one" })).await.unwrap();
    assert_eq!(figures["runs"]["total"], 1);
    // A retired agent's runs are replayed, too.
    app.call(&app.member, "agent_delete", json!({ "id": "one" })).await.unwrap();
    assert_eq!(told(&invoked(&app, &app.member, replay).await.unwrap()), told(&answer));
}

#[tokio::test]
async fn a_run_that_was_stopped_is_replayed_as_far_as_it_came() {
    let app = TestApp::start().await;
    register(&app, &app.member, "One", json!({ "tools": { "names": ["prompt_get"] }, "limits": { "tokens": 15 } }))
        .await;
    app.vendor.tell("large", [calls(&[call("a", "prompt_get", json!({ "id": "welcome-mail" }))])]);
    let answer = invoke(&app, &app.member, "one", "x").await;
    assert_eq!(answer["stopReason"], "tokens");
    let again = invoked(&app, &app.member, json!({ "id": "one", "replayOf": answer["executionId"] })).await.unwrap();
    assert_eq!(told(&again), told(&answer));
}

#[tokio::test]
async fn a_replay_spends_nothing_of_the_run_above_it() {
    let app = TestApp::start().await;
    let much = Tokens { input: 900, output: 200, ..Tokens::default() };
    app.vendor.tell("large", [calls_using(&[call("a", "prompt_get", json!({ "id": "welcome-mail" }))], much)]);
    let below = invoke(&app, &app.member, "archivist", "Work.").await;
    assert_eq!(below["tokensUsed"], 1115);
    let tools = json!({ "names": ["agent_invoke"], "effects": ["create"], "agents": ["archivist"] });
    register(&app, &app.member, "Lead", json!({ "tools": tools, "limits": { "tokens": 40 } })).await;
    let again = json!({ "id": "archivist", "replayOf": below["executionId"] });
    app.vendor.forget();
    app.vendor.tell("large", [calls(&[call("a", "agent_invoke", again)]), said("Above.")]);
    let asked = app.vendor.asked().len();
    let answer = invoke(&app, &app.member, "lead", "Go through it again.").await;
    assert_eq!((&answer["stopReason"], &answer["response"]), (&json!("end"), &json!("Above.")), "{answer}");
    assert_eq!((&answer["executedTools"], app.vendor.asked().len()), (&json!(["agent_invoke"]), asked + 2));
}

#[tokio::test]
async fn a_run_without_an_answer_is_not_replayed() {
    let app = TestApp::start().await;
    app.vendor.tell("large", [fault(ModelFaultKind::Refused)]);
    let failed = invoked(&app, &app.member, json!({ "id": "archivist", "prompt": "x" })).await.unwrap_err();
    let failed = failed.detail().unwrap()["executionId"].clone();
    app.vendor.tell("large", [Act::Hang(vec![Piece::Text { text: "half".to_owned() }])]);
    let mut stream = opened(&app, &app.member, json!({ "id": "archivist", "prompt": "x" })).await.unwrap();
    let called_off = stream.next().await.unwrap().unwrap()["executionId"].clone();
    drop(stream);
    for (execution, code) in [(failed, Some(json!("content_refused"))), (called_off, None)] {
        let replay = json!({ "id": "archivist", "replayOf": execution });
        let fault = invoked(&app, &app.member, replay).await.unwrap_err();
        assert_eq!(fault.code().name, "run_unanswered");
        assert_eq!(fault.detail().map(|detail| detail["code"].clone()), code, "{fault}");
    }
}

async fn read(app: &TestApp, person: &Person, uri: &str) -> Option<Value> {
    let caller = app.identify(person.key.reveal()).await.unwrap();
    let origin = Origin { door: Door::Inside, address: None };
    let visitor = Visitor { gate: Arc::clone(app.app.gate()), caller, origin, cancel: CancellationToken::new() };
    for source in &app.app.platform().service::<Sources>().unwrap().0 {
        if let Some(contents) = source.read(&visitor, uri).await.unwrap() {
            let Body::Text(text) = &contents[0].body else { panic!("{contents:?}") };
            return Some(serde_json::from_str(text).unwrap());
        }
    }
    None
}

#[tokio::test]
async fn a_transcript_is_its_users_and_of_those_who_manage_runs() {
    let app = TestApp::start().await;
    let answer = invoke(&app, &app.admin, "archivist", "A secret of mine.").await;
    let execution = answer["executionId"].as_str().unwrap();
    let by_member = json!({ "id": "archivist", "executionId": execution });
    assert!(app.call(&app.member, "agent_status", by_member).await.unwrap_err().is(&codes::NOT_FOUND));
    let replay = json!({ "id": "archivist", "replayOf": execution });
    for person in [&app.member, &app.stranger] {
        assert!(invoked(&app, person, replay.clone()).await.unwrap_err().is(&codes::NOT_FOUND));
    }
    let uri = format!("convoke://agents/archivist/executions/{execution}");
    assert_eq!(read(&app, &app.admin, &uri).await.unwrap()["executionId"], execution);
    for person in [&app.member, &app.nobody, &app.stranger] {
        assert!(read(&app, person, &uri).await.is_none());
    }
    assert!(read(&app, &app.admin, &uri.replace("archivist", "other")).await.is_none());
    let own = invoke(&app, &app.member, "archivist", "x").await;
    let uri = format!("convoke://agents/archivist/executions/{}", own["executionId"].as_str().unwrap());
    assert!(read(&app, &app.member, &uri).await.is_some() && read(&app, &app.admin, &uri).await.is_some());
    for (input, place) in
        [(json!({ "id": "archivist", "replayOf": "" }), "/replayOf"), (json!({ "id": "archivist" }), "/prompt")]
    {
        assert_eq!(invoked(&app, &app.member, input).await.unwrap_err().places()[0].pointer, place);
    }
}

/// A model that reads as much as one likes.
const WIDE: &str = r#"
name = "wide"
dialect = "openai"
base_url = "http://vendor.test/v1"
[[models]]
name = "endless"
abilities = ["chat", "streaming", "tools"]
"#;

#[tokio::test]
async fn what_is_too_long_is_left_out_and_then_not_replayed() {
    let app = TestApp::start_with(|settings| {
        std::fs::write(settings.data.join("providers/wide.toml"), WIDE).unwrap();
    })
    .await;
    // Two dozen answers of 64 KiB each.
    let long = format!("{}\n", "-".repeat(60)).repeat(2_500);
    app.call(&app.member, "prompt_create", json!({ "name": "Long", "template": long })).await.unwrap();
    let more = json!({ "model": { "name": "wide/endless" }, "tools": { "names": ["prompt_get"] }, "limits": { "repeats": 100 } });
    register(&app, &app.member, "One", more).await;
    let many: Vec<_> = (0..24).map(|at| call(&format!("c{at}"), "prompt_get", json!({ "id": "long" }))).collect();
    app.vendor.tell("endless", [calls(&many), said("Long.")]);
    let answer = invoke(&app, &app.member, "one", "x").await;
    let told = status(&app, &app.member, "one", &answer["executionId"]).await;
    assert_eq!(told["execution"]["complete"], false);
    assert!(told.to_string().len() < 100_000);
    let fault =
        invoked(&app, &app.member, json!({ "id": "one", "replayOf": answer["executionId"] })).await.unwrap_err();
    assert_eq!(fault.code().name, "transcript_cut");
}
