//! Events that begin processes: a tool as target, `execution_start`.

use convoke::domain::executions::working::Worker;
use serde_json::{Value, json};

use super::receiver::{letters, listed, started, subscribe, until};
use crate::support::app::TestApp;

/// What begins a process: the event's data are its variables.
fn begins(process: &str) -> Value {
    json!({ "type": "tool", "tool": "execution_start", "input": { "processId": process }, "fields": { "variables": "/data" } })
}

async fn executions(app: &TestApp, process: &str) -> Vec<Value> {
    let told = app.call(&app.member, "execution_list", json!({ "processId": process, "limit": 50 })).await.unwrap();
    told["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_event_begins_one_execution_and_one_that_does_not_fit_is_a_dead_letter() {
    let app = started().await;
    let process = json!({ "name": "Shipping", "variables": { "order": {} }, "edges": [{ "from": "begin", "to": "done" }], "nodes": [
        { "id": "begin", "type": "start" }, { "id": "done", "type": "end", "config": { "result": { "order": "= order" } } },
    ] });
    app.call(&app.member, "process_create", process).await.unwrap();
    app.call(&app.member, "process_publish", json!({ "id": "shipping" })).await.unwrap();
    let made = subscribe(&app, &app.member, &["order.created"], begins("shipping"), json!({})).await;
    let event = json!({ "topic": "order.created", "event": { "order": "A-7" } });
    app.call(&app.member, "event_publish", event).await.unwrap();
    let worker = Worker::new(app.app.gate().clone(), 8).unwrap();
    let ended = until("the execution is over", async || {
        worker.round().await.unwrap();
        executions(&app, "shipping").await.into_iter().find(|one| one["status"] == "completed")
    });
    let ended = ended.await;
    let told = app.call(&app.member, "execution_get", json!({ "id": ended["executionId"] })).await.unwrap();
    assert_eq!(told["result"]["order"], "A-7");
    until("it is delivered", async || (listed(&app, &made).await["lag"]["delivered"] == 1).then_some(())).await;
    assert_eq!(executions(&app, "shipping").await.len(), 1);
    let event = json!({ "topic": "order.created", "event": { "order": "A-8", "weight": 4 } });
    app.call(&app.member, "event_publish", event).await.unwrap();
    let dead = until("a dead letter", async || letters(&app, &made).await.first().cloned()).await;
    assert!(dead["reason"].as_str().unwrap().contains("weight"), "{dead}");
    assert_eq!(executions(&app, "shipping").await.len(), 1);
}

/// A process that publishes what it is begun by.
#[tokio::test]
async fn a_circle_of_events_and_processes_ends_by_its_hops() {
    let app = started().await;
    let again = json!({ "id": "again", "type": "tool", "config": { "tool": "event_publish" }, "input": { "topic": "order.created", "event": {} } });
    let process = json!({ "name": "Echo", "nodes": [{ "id": "begin", "type": "start" }, again, { "id": "done", "type": "end" }],
        "edges": [{ "from": "begin", "to": "again" }, { "from": "again", "to": "done" }] });
    app.call(&app.member, "process_create", process).await.unwrap();
    app.call(&app.member, "process_publish", json!({ "id": "echo" })).await.unwrap();
    let made = subscribe(&app, &app.member, &["order.created"], begins("echo"), json!({})).await;
    let event = json!({ "topic": "order.created", "event": {} });
    app.call(&app.member, "event_publish", event).await.unwrap();
    let dead = until("the circle ends", async || letters(&app, &made).await.first().cloned()).await;
    assert_eq!(dead["code"], "too_many_hops", "{dead}");
    // Two hops each time round: one by the event, one by the step.
    let most = app.app.platform().config.events.most_hops as usize;
    assert_eq!(executions(&app, "echo").await.len(), most / 2);
}
