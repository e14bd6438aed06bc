//! The domain of agents: who they are, and what they do when they are run, on a vendor that does what it is told.

mod below;
mod ending;
mod figures;
mod knowing;
mod learning;
mod registering;
mod remembering;
mod replaying;
mod running;
mod spending;
mod streaming;
mod wire;

use convoke::kernel::fault::Fault;
use convoke::port::models::{ChatRequest, Part, Piece, Stop, Tokens};
use serde_json::{Value, json};

use crate::support::app::{Person, TestApp};
use crate::support::scripted::{Act, USUAL};

/// An agent as little as one can be, with the properties of `more` besides.
fn agent(name: &str, more: &Value) -> Value {
    let mut input = json!({
        "name": name, "description": "Does what a test says.", "instructions": "Be short.", "model": { "name": "test/large" },
    });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

/// Registers an agent of somebody's.
async fn register(app: &TestApp, person: &Person, name: &str, more: Value) -> Value {
    app.call(person, "agent_register", agent(name, &more)).await.unwrap()
}

/// Runs an agent.
async fn invoked(app: &TestApp, person: &Person, input: Value) -> Result<Value, Fault> {
    app.call(person, "agent_invoke", input).await
}

/// Runs an agent on a prompt, which goes well.
async fn invoke(app: &TestApp, person: &Person, id: &str, prompt: &str) -> Value {
    invoked(app, person, json!({ "id": id, "prompt": prompt })).await.unwrap()
}

/// How an agent is, with the transcript of a run where one is named.
async fn status(app: &TestApp, person: &Person, id: &str, execution: &Value) -> Value {
    app.call(person, "agent_status", json!({ "id": id, "executionId": execution })).await.unwrap()
}

/// A call that a model wants.
fn call(id: &str, tool: &str, input: Value) -> (String, String, Value) {
    (id.to_owned(), tool.to_owned(), input)
}

/// A model wants these calls.
pub(super) fn calls(wanted: &[(String, String, Value)]) -> Act {
    answer("", wanted, "tool_calls", USUAL)
}

/// A model says something and wants these calls.
fn calls_with(text: &str, wanted: &[(String, String, Value)]) -> Act {
    answer(text, wanted, "tool_calls", USUAL)
}

/// A model wants these calls and uses so much.
fn calls_using(wanted: &[(String, String, Value)], tokens: Tokens) -> Act {
    answer("", wanted, "tool_calls", tokens)
}

/// A model says something.
pub(super) fn said(text: &str) -> Act {
    answer(text, &[], "end", USUAL)
}

/// A model says something and stops for a reason.
fn said_with(text: &str, stop: &str) -> Act {
    answer(text, &[], stop, USUAL)
}

fn answer(text: &str, wanted: &[(String, String, Value)], stop: &str, tokens: Tokens) -> Act {
    let mut pieces = vec![Piece::Start { model: "large".to_owned(), id: None }];
    pieces.extend(text.split_inclusive(' ').map(|word| Piece::Text { text: word.to_owned() }));
    for (index, (id, name, arguments)) in (0..).zip(wanted) {
        pieces.push(Piece::ToolStart { index, id: id.clone(), name: name.clone(), opaque: None });
        pieces.push(Piece::ToolArguments { index, text: arguments.to_string() });
    }
    let stop = match stop {
        "end" => Stop::End,
        "length" => Stop::Length,
        "tool_calls" => Stop::ToolCalls,
        other => Stop::Other(other.to_owned()),
    };
    pieces.push(Piece::End { stop, tokens: Some(tokens) });
    Act::Pieces(pieces.into_iter().map(Ok).collect())
}

/// What the model was told of a tool in the last message of a question, and whether it failed.
fn result(request: &ChatRequest, at: usize) -> (String, bool) {
    match &request.messages.last().unwrap().parts[at] {
        Part::ToolResult { text, failed, .. } => (text.clone(), *failed),
        other => panic!("{other:?}"),
    }
}
