//! The knowledge domain.

mod answering;
mod asking;
mod ingesting;
mod looking;
mod mirroring;
mod upserting;

use serde_json::{Value, json};

use crate::support::app::{Person, TestApp};

/// Puts into the graph.
async fn put(app: &TestApp, who: &Person, input: Value) -> Value {
    app.call(who, "graph_upsert", input).await.unwrap()
}

/// The id of the node of a place in an answer.
fn id(answer: &Value, at: usize) -> String {
    answer["nodes"][at]["id"].as_str().unwrap().to_owned()
}

/// The outcomes of the nodes.
fn outcomes(answer: &Value) -> Vec<&str> {
    answer["nodes"].as_array().unwrap().iter().map(|node| node["outcome"].as_str().unwrap()).collect()
}

/// A person of a key.
fn person(key: &str, name: &str) -> Value {
    json!({ "ref": key, "type": "Person", "key": key, "name": name })
}

/// The ids of the nodes around one.
async fn around(app: &TestApp, who: &Person, input: Value) -> Vec<String> {
    let found = app.call(who, "graph_neighbors", input).await.unwrap();
    found["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect()
}
