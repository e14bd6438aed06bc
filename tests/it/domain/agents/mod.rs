//! The domain of agents: who they are.

mod registering;

use serde_json::{Value, json};

use crate::support::app::{Person, TestApp};

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
