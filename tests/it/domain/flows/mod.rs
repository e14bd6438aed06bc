//! The flows domain.

mod depending;
mod executing;
mod registering;

use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// A call as Ada.
async fn ada(app: &TestApp, tool: &str, input: Value) -> Result<Value, Fault> {
    app.call(&app.member, tool, input).await
}

/// Registers a custom flow of one step, with what else is wanted of it.
async fn registered(app: &TestApp, id: &str, more: Value) -> Value {
    let mut input = json!({ "id": id, "type": "custom", "nodes": [{ "id": "only", "type": "step" }] });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ada(app, "flow_register", input).await.unwrap()
}

/// Executes a flow; answers the execution's id.
async fn executed(app: &TestApp, id: &str, parameters: Value) -> String {
    let told = ada(app, "flow_execute", json!({ "id": id, "parameters": parameters })).await.unwrap();
    told["executionId"].as_str().unwrap().to_owned()
}

/// Executes a flow elsewhere and reports that it completed with a result.
async fn completed(app: &TestApp, id: &str, result: Value) {
    let execution = executed(app, id, json!({})).await;
    let report = json!({ "id": execution, "status": "completed", "result": result });
    ada(app, "flow_execution_status", report).await.unwrap();
}

/// The newest execution of a flow.
async fn newest(app: &TestApp, id: &str) -> Value {
    let told = ada(app, "flow_executions", json!({ "id": id, "limit": 1 })).await.unwrap();
    told["items"][0].clone()
}
