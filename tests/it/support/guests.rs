//! Tools that a tenant adds while the program runs.

use std::sync::Arc;

use convoke::capability::cx::Cx;
use convoke::capability::outcome::Outcome;
use convoke::capability::permit::Permit;
use convoke::capability::spec::{Domain, Effect};
use convoke::capability::tool::{Card, Definition, Runner, Tool};
use convoke::kernel::fault::Fault;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::app::{Person, TestApp};

struct Guest;

impl Runner for Guest {
    fn run<'a>(&'a self, _: &'a Cx, _: Value) -> BoxFuture<'a, Result<Outcome, Fault>> {
        Box::pin(async { Ok(Outcome::Value(json!(["not", "an", "object"]))) })
    }
}

/// Adds a tool to the tenant of somebody.
pub(crate) fn add(app: &TestApp, to: &Person, name: &str) {
    let definition = Definition {
        name: name.to_owned(),
        description: "A guest.".to_owned(),
        domain: Domain::System,
        effect: Effect::Read,
        permit: Permit::Own,
        reaches: false,
        input: Arc::new(json!({ "type": "object", "properties": {} }).as_object().unwrap().clone()),
        output: Arc::new(json!({ "type": "array" }).as_object().unwrap().clone()),
        card: Card::default(),
    };
    assert!(app.app.platform().registry.add(to.tenant, &Arc::new(Tool::added(definition, Arc::new(Guest)))));
}
