//! The learning domain.

mod contract;
mod datasets;
mod drift;
mod experiments;
mod feedback;
mod going_on;
mod querying;
mod retraining;
mod vendor;

use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// A call as Ada.
async fn ada(app: &TestApp, tool: &str, input: Value) -> Result<Value, Fault> {
    app.call(&app.member, tool, input).await
}

/// The code of what went wrong.
fn code<T: std::fmt::Debug>(answer: &Result<T, Fault>) -> &'static str {
    answer.as_ref().map_or_else(|fault| fault.code().name, |answer| panic!("it went well: {answer:?}"))
}

/// A prompt of Ada's with the variable `who`: 1.0.0, and a second version 1.1.0, half of the sessions each.
async fn split(app: &TestApp) {
    let variables = json!([{ "name": "who", "type": "string", "description": "Who it is to." }]);
    let input = json!({ "name": "hello", "template": "Hello {{ who }}", "variables": variables });
    ada(app, "prompt_create", input).await.unwrap();
    ada(app, "prompt_publish", json!({ "id": "hello", "labels": [{ "label": "production" }] })).await.unwrap();
    ada(app, "prompt_update", json!({ "id": "hello", "template": "Good day {{ who }}" })).await.unwrap();
    let half = |version: &str| json!({ "version": version, "weight": 50 });
    let label = json!({ "label": "production", "split": [half("1.0.0"), half("draft")] });
    ada(app, "prompt_publish", json!({ "id": "hello", "labels": [label] })).await.unwrap();
}
