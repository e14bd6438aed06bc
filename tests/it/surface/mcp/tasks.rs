//! Tasks: durable, their starter's alone.

use serde_json::{Value, json};

use super::wire::Wire;
use crate::gate::fixture::{Probe, with};
use crate::support::app::{Person, TestApp};

fn door(app: &TestApp, person: &Person) -> Wire {
    let mut wire = Wire::of(app, person);
    wire.capabilities = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    wire
}

fn call(wait: bool) -> Value {
    json!({ "name": "fixture_long", "arguments": { "text": "hello", "wait": wait } })
}

async fn get(wire: &Wire, id: &str) -> Value {
    wire.modern("tasks/get", json!({ "taskId": id })).await.result()
}

/// The task once it stands so.
async fn until(wire: &Wire, id: &str, status: &str) -> Value {
    loop {
        let task = get(wire, id).await;
        if task["status"] == status {
            return task;
        }
        tokio::task::yield_now().await;
    }
}

fn id_of(created: &Value) -> String {
    assert_eq!(created["resultType"], "task", "{created}");
    created["taskId"].as_str().unwrap().to_owned()
}

fn answers() -> Value {
    json!({ "name": { "action": "accept", "content": { "name": "Ada" } }, "nobody_asked": {} })
}

#[tokio::test]
async fn a_task_waits_over_a_restart_and_goes_on_when_answered() {
    let probe = Probe::new();
    let app = TestApp::start_with(with(&probe)).await;
    let wire = door(&app, &app.admin);
    let id = id_of(&wire.modern("tools/call", call(false)).await.result());
    let waiting = until(&wire, &id, "input_required").await;
    assert_eq!(waiting["inputRequests"]["name"]["method"], "elicitation/create");

    app.app.close(std::time::Duration::from_secs(5)).await;
    let app = app.open_again_with(with(&probe)).await;
    let wire = door(&app, &app.admin);
    assert_eq!(get(&wire, &id).await["status"], "input_required");
    wire.modern("tasks/update", json!({ "taskId": id, "inputResponses": answers() })).await.result();
    let done = until(&wire, &id, "completed").await;
    assert_eq!(done["result"]["structuredContent"]["text"], "hello Ada");
    assert_eq!(done["result"]["isError"], false);
    // What has ended takes an answer and a cancellation without a word.
    wire.modern("tasks/update", json!({ "taskId": id, "inputResponses": answers() })).await.result();
    wire.modern("tasks/cancel", json!({ "taskId": id })).await.result();
    assert_eq!(get(&wire, &id).await["status"], "completed");
}

#[tokio::test]
async fn a_running_task_runs_again_after_a_crash() {
    let probe = Probe::new();
    let app = TestApp::start_with(with(&probe)).await;
    let wire = door(&app, &app.admin);
    let id = id_of(&wire.modern("tools/call", call(true)).await.result());
    until(&wire, &id, "input_required").await;
    wire.modern("tasks/update", json!({ "taskId": id, "inputResponses": answers() })).await.result();
    probe.entered().await;
    assert_eq!(get(&wire, &id).await["status"], "working");

    app.app.close(std::time::Duration::ZERO).await;
    let again = Probe::new();
    let app = app.open_again_with(with(&again)).await;
    app.app.gate().take_up().await.unwrap();
    let wire = door(&app, &app.admin);
    again.entered().await;
    again.let_go();
    assert_eq!(until(&wire, &id, "completed").await["result"]["structuredContent"]["text"], "hello Ada");
}

#[tokio::test]
async fn a_task_is_its_starters_alone() {
    let app = TestApp::start_with(with(&Probe::new())).await;
    let wire = door(&app, &app.admin);
    let id = id_of(&wire.modern("tools/call", call(false)).await.result());
    for stranger in [&app.member, &app.stranger] {
        let theirs = door(&app, stranger);
        for method in ["tasks/get", "tasks/cancel"] {
            assert_eq!(theirs.modern(method, json!({ "taskId": id })).await.error(), -32602);
        }
        let update = json!({ "taskId": id, "inputResponses": answers() });
        assert_eq!(theirs.modern("tasks/update", update).await.error(), -32602);
    }
    assert_eq!(wire.modern("tasks/get", json!({ "taskId": "made-up" })).await.error(), -32602);
    assert_eq!(wire.modern("tasks/list", json!({})).await.error(), -32601);
}

#[tokio::test]
async fn a_cancelled_task_ends_inside() {
    let probe = Probe::new();
    let app = TestApp::start_with(with(&probe)).await;
    let wire = door(&app, &app.admin);
    let id = id_of(&wire.modern("tools/call", call(true)).await.result());
    until(&wire, &id, "input_required").await;
    wire.modern("tasks/update", json!({ "taskId": id, "inputResponses": answers() })).await.result();
    probe.entered().await;
    wire.modern("tasks/cancel", json!({ "taskId": id })).await.result();
    until(&wire, &id, "cancelled").await;
    assert_eq!(probe.inside(), 0);
}

#[tokio::test]
async fn who_cannot_follow_a_task_is_answered_at_once() {
    let app = TestApp::start_with(with(&Probe::new())).await;
    let mut wire = Wire::of(&app, &app.admin);
    wire.capabilities = json!({ "elicitation": {} });
    assert_eq!(wire.modern("tools/call", call(false)).await.result()["resultType"], "input_required");
    let refused = wire.modern("tasks/get", json!({ "taskId": "x" })).await;
    assert_eq!((refused.status.as_u16(), refused.error()), (400, -32021));
}

#[tokio::test]
async fn a_repeated_key_is_one_task() {
    let app = TestApp::start_with(with(&Probe::new())).await;
    let wire = door(&app, &app.admin);
    let mut keyed = call(false);
    keyed["_meta"] = json!({ "convoke/idempotencyKey": "k" });
    let first = id_of(&wire.modern("tools/call", keyed.clone()).await.result());
    until(&wire, &first, "input_required").await;
    let again = wire.modern("tools/call", keyed).await.result();
    assert_eq!(id_of(&again), first);
}
