//! Events that begin processes: a tool as target, `execution_start`.

use convoke::domain::executions::working::Worker;
use serde_json::{Value, json};

use super::receiver::{letters, listed, publish, started, subscribe, until};
use crate::support::app::TestApp;

/// A process that passes on what it was begun with.
async fn published(app: &TestApp, name: &str, steps: Value) {
    let mut nodes = vec![json!({ "id": "begin", "type": "start" })];
    nodes.extend(steps.as_array().unwrap().iter().cloned());
    nodes.push(json!({ "id": "done", "type": "end", "config": { "result": "= order" } }));
    let between = nodes.windows(2).map(|pair| json!({ "from": pair[0]["id"], "to": pair[1]["id"] }));
    let edges: Vec<Value> = between.collect();
    let input = json!({ "name": name, "nodes": nodes, "edges": edges, "variables": { "order": {}, "number": {} } });
    app.call(&app.member, "process_create", input).await.unwrap();
    app.call(&app.member, "process_publish", json!({ "id": name })).await.unwrap();
}

/// What an event begins: its data are the variables.
fn begins(process: &str) -> Value {
    json!({ "type": "tool", "tool": "execution_start", "input": { "processId": process }, "fields": { "variables": "/data" } })
}

async fn executions(app: &TestApp) -> Vec<Value> {
    let told = app.call(&app.member, "execution_list", json!({ "limit": 50 })).await.unwrap();
    told["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn an_event_begins_one_execution_and_one_that_does_not_fit_is_a_dead_letter() {
    let app = started().await;
    published(&app, "Shipping", json!([])).await;
    let made = subscribe(&app, &app.member, &["order.created"], begins("shipping"), json!({})).await;
    let event = json!({ "topic": "order.created", "event": { "order": "A-7" } });
    app.call(&app.member, "event_publish", event).await.unwrap();
    let worker = Worker::new(app.app.gate().clone(), 8).unwrap();
    let ended = until("the execution is over", async || {
        worker.round().await.unwrap();
        executions(&app).await.into_iter().find(|one| one["status"] == "completed")
    });
    let ended = ended.await;
    let told = app.call(&app.member, "execution_get", json!({ "id": ended["executionId"] })).await.unwrap();
    assert_eq!(told["result"], "A-7");
    until("it is delivered", async || (listed(&app, &made).await["lag"]["delivered"] == 1).then_some(())).await;
    assert_eq!(executions(&app).await.len(), 1);
    let event = json!({ "topic": "order.created", "event": { "order": "A-8", "weight": 4 } });
    app.call(&app.member, "event_publish", event).await.unwrap();
    let dead = until("a dead letter", async || letters(&app, &made).await.first().cloned()).await;
    assert!(dead["reason"].as_str().unwrap().contains("weight"), "{dead}");
    assert_eq!(executions(&app).await.len(), 1);
}

/// A process that publishes what it is begun by.
#[tokio::test]
async fn a_circle_of_events_and_processes_ends_by_its_hops() {
    let app = started().await;
    let again = json!([{ "id": "again", "type": "tool", "config": { "tool": "event_publish" },
        "input": { "topic": "order.created", "event": { "order": "= order" } } }]);
    published(&app, "Echo", again).await;
    subscribe(&app, &app.member, &["order.created"], begins("echo"), json!({})).await;
    publish(&app, "order.created", "a", 0).await;
    let worker = Worker::new(app.app.gate().clone(), 8).unwrap();
    let most = app.app.platform().config.events.most_hops as usize;
    let seen = until("the circle ends", async || {
        worker.round().await.unwrap();
        let seen = executions(&app).await;
        seen.iter().any(|one| one["status"] == "failed").then_some(seen)
    });
    let seen = seen.await;
    assert!(seen.len() <= most, "{} executions", seen.len());
}
