//! The schedules domain.

mod planning;
mod rights;
mod running;
mod several;

use convoke::domain::schedules::working::Worker;
use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use crate::support::app::TestApp;

/// A call as Ada.
async fn ada(app: &TestApp, tool: &str, input: Value) -> Result<Value, Fault> {
    app.call(&app.member, tool, input).await
}

/// Ada's schedule that publishes an event; with what else is wanted of it.
async fn publishing(app: &TestApp, more: Value) -> Value {
    let mut input =
        json!({ "tool": "event_publish", "variables": { "topic": "report.wanted", "event": { "kind": "daily" } } });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ada(app, "schedule_create", input).await.unwrap()
}

/// Deals with everything that is due; answers of how much.
async fn work(app: &TestApp) -> usize {
    Worker::new(app.app.gate().clone()).round().await.unwrap()
}

/// Makes runs of what is due and carries none out.
async fn timers(app: &TestApp) -> usize {
    Worker::new(app.app.gate().clone()).timers().await.unwrap()
}

/// A schedule as it is now.
async fn seen(app: &TestApp, made: &Value) -> Value {
    ada(app, "schedule_get", json!({ "id": made["id"], "runs": 200 })).await.unwrap()
}

/// Of the runs of a schedule, the oldest first, when each was due and how it stands.
fn told(seen: &Value) -> Vec<(String, String)> {
    let runs = seen["runs"].as_array().unwrap().iter().rev();
    let text = |value: &Value| value.as_str().unwrap().replace(":00.000Z", "Z");
    runs.map(|run| (text(&run["dueAt"]), text(&run["status"]))).collect()
}

/// The events of a topic that were told so far.
async fn events(app: &TestApp, topic: &str) -> Vec<Value> {
    let input = json!({ "topic": topic, "fromPosition": 0, "limit": 100 });
    let told = app.call(&app.admin, "event_replay", input).await.unwrap();
    told["items"].as_array().unwrap().iter().map(|item| item["event"].clone()).collect()
}
