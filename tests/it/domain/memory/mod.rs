//! The memory domain.

mod consolidating;
mod forgetting;
mod keeping;
mod meaning;
mod reindexing;
mod reranking;
mod searching;
mod thinking;

use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// A call as Ada.
async fn ada(app: &TestApp, tool: &str, input: Value) -> Result<Value, Fault> {
    app.call(&app.member, tool, input).await
}

/// Ada has something remembered, as she says it.
async fn store(app: &TestApp, input: Value) -> Value {
    ada(app, "memory_store", input).await.unwrap()
}

/// Ada has a fact of her own remembered.
async fn fact(app: &TestApp, text: &str) -> Value {
    store(app, json!({ "text": text })).await
}

/// What Ada finds, as texts.
async fn texts(app: &TestApp, input: Value) -> Vec<String> {
    let found = ada(app, "memory_search", input).await.unwrap();
    let items = found["items"].as_array().unwrap();
    items.iter().map(|item| item["text"].as_str().unwrap().to_owned()).collect()
}

/// The code of what went wrong.
fn code(answer: &Result<Value, Fault>) -> &'static str {
    answer.as_ref().map_or_else(|fault| fault.code().name, |answer| panic!("it went well: {answer}"))
}
