//! Executions: processes that run, with the worker at work and the clock in hand.

mod altering;
mod batches;
mod measuring;
mod migrating;
mod people;
mod rights;
mod running;
mod stepping;
mod waiting;
mod withdrawing;

use std::time::Duration;

use convoke::domain::executions::working::Worker;
use serde_json::{Value, json};

use crate::support::app::{Person, TestApp};

/// Makes a process of nodes and edges written as `a>b`, and publishes it.
async fn published(app: &TestApp, person: &Person, name: &str, nodes: Value, edges: &str, variables: Value) {
    let edges: Vec<Value> = edges
        .split_whitespace()
        .map(|edge| {
            let (from, to) = edge.split_once('>').unwrap();
            json!({ "from": from, "to": to })
        })
        .collect();
    let input = json!({ "name": name, "nodes": nodes, "edges": edges, "variables": variables });
    app.call(person, "process_create", input).await.unwrap();
    app.call(person, "process_publish", json!({ "id": name })).await.unwrap();
}

/// Starts a process; answers the execution's id.
async fn started(app: &TestApp, person: &Person, process: &str, variables: Value) -> String {
    let input = json!({ "processId": process, "variables": variables });
    let told = app.call(person, "execution_start", input).await.unwrap();
    told["executionId"].as_str().unwrap().to_owned()
}

/// Lets the worker work until an execution is as wanted.
async fn until(app: &TestApp, person: &Person, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let worker = Worker::new(app.app.gate().clone(), 8).unwrap();
    let mut last = Value::Null;
    for _ in 0..1_000 {
        worker.round().await.unwrap();
        last = app.call(person, "execution_get", json!({ "id": id })).await.unwrap();
        if wanted(&last) {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came to that: {last:#}");
}

async fn over(app: &TestApp, person: &Person, id: &str) -> Value {
    let is_over = |told: &Value| !["running", "held", "paused"].contains(&told["status"].as_str().unwrap());
    until(app, person, id, is_over).await
}

/// Lets the worker work until nothing more is due.
async fn rest(app: &TestApp) {
    let worker = Worker::new(app.app.gate().clone(), 8).unwrap();
    let mut quiet = 0;
    while quiet < 20 {
        quiet = if worker.round().await.unwrap() == 0 { quiet + 1 } else { 0 };
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The events of the journal as `event node`.
async fn journal(app: &TestApp, person: &Person, id: &str) -> Vec<String> {
    let told = app.call(person, "execution_history", json!({ "id": id, "limit": 200 })).await.unwrap();
    let line = |line: &Value| format!("{} {}", line["event"].as_str().unwrap(), line["node"].as_str().unwrap_or("-"));
    told["items"].as_array().unwrap().iter().map(line).collect()
}

/// A node that remembers a text.
fn keeps(id: &str, text: &str) -> Value {
    json!({ "id": id, "type": "tool", "config": { "tool": "memory_store" }, "input": { "text": text, "method": "statistical" } })
}

async fn remembered(app: &TestApp, person: &Person, words: &str) -> usize {
    let told = app.call(person, "memory_search", json!({ "query": words })).await.unwrap();
    told["items"].as_array().unwrap().len()
}

fn end(id: &str) -> Value {
    json!({ "id": id, "type": "end" })
}

fn begin() -> Value {
    json!({ "id": "begin", "type": "start" })
}
