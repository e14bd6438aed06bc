//! The prompts domain.

mod assembling;
mod files;
mod library;
mod publishing;
mod testing;
mod writing;

use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// A call as Ada.
async fn ada(app: &TestApp, tool: &str, input: Value) -> Result<Value, Fault> {
    app.call(&app.member, tool, input).await
}

/// A prompt of Ada's with one variable, published as 1.0.0 in production.
async fn published(app: &TestApp, name: &str, template: &str, more: Value) -> Value {
    let mut input = json!({
        "name": name,
        "template": template,
        "variables": [{ "name": "who", "type": "string", "description": "Who it is to." }],
    });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ada(app, "prompt_create", input).await.unwrap();
    let labels = json!([{ "label": "production" }]);
    ada(app, "prompt_publish", json!({ "id": name, "labels": labels })).await.unwrap()
}
