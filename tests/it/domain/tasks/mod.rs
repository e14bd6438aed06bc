//! The tasks domain.

mod answering;
mod assigning;
mod forms;
mod listing;
mod opening;
mod page;
mod ringing;
mod separating;
mod thinking;

use std::time::Duration;

use convoke::domain::tasks::working::Worker;
use convoke::kernel::fault::Fault;
use serde_json::{Value, json};

use crate::support::app::{Person, TestApp};
use crate::support::scene;

/// A call as Ada.
async fn ada(app: &TestApp, tool: &str, input: Value) -> Result<Value, Fault> {
    app.call(&app.member, tool, input).await
}

/// Somebody with the role member and a key of their own, in these groups.
async fn joins(app: &TestApp, name: &str, groups: &[&str]) -> Person {
    let email = format!("{name}@example.org");
    let made = app.call(&app.admin, "user_create", json!({ "email": email, "groups": groups })).await.unwrap();
    let id = &made["id"];
    let key = app.call(&app.admin, "api_key_create", json!({ "name": "test", "userId": id })).await.unwrap();
    let user = id.as_str().unwrap().parse().unwrap();
    let key = key["key"].as_str().unwrap().to_owned();
    Person { tenant: app.admin.tenant, user, key: convoke::kernel::secret::Secret::new(key) }
}

/// A task that Ada makes.
async fn made(app: &TestApp, input: Value) -> Value {
    ada(app, "task_create", input).await.unwrap()
}

/// Answers a task as somebody, with what is shown now.
async fn answers(app: &TestApp, who: &Person, id: &Value, more: Value) -> Result<Value, Fault> {
    let shown = app.call(who, "task_get", json!({ "id": id })).await?;
    let mut input = more;
    (input["id"], input["shownHash"]) = (id.clone(), shown["shownHash"].clone());
    app.call(who, "task_respond", input).await
}

/// The task as the administrator sees it.
async fn seen(app: &TestApp, id: &Value) -> Value {
    app.call(&app.admin, "task_get", json!({ "id": id })).await.unwrap()
}

/// What happened to a task, in order.
async fn happened(app: &TestApp, id: &Value) -> Vec<String> {
    let told = app.call(&app.admin, "task_history", json!({ "id": id, "limit": 200 })).await.unwrap();
    told["items"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap().to_owned()).collect()
}

/// Lets the clock go on and the timers ring; answers how many jobs were done.
async fn passes(app: &TestApp, hours: f64) -> usize {
    app.clock.advance(Duration::from_secs_f64(hours * 3600.0));
    rings(app).await
}

/// Lets ring what is due.
async fn rings(app: &TestApp) -> usize {
    let worker = Worker::new(app.app.platform().clone());
    let mut count = 0;
    loop {
        match worker.round().await.unwrap() {
            0 => return count,
            more => count += more,
        }
    }
}

/// The code of what went wrong.
fn code<T: std::fmt::Debug>(answer: &Result<T, Fault>) -> &'static str {
    answer.as_ref().map_or_else(|fault| fault.code().name, |answer| panic!("it went well: {answer:?}"))
}

/// The first place that is told.
fn place<T: std::fmt::Debug>(answer: Result<T, Fault>) -> String {
    let fault = answer.unwrap_err();
    fault.places().first().unwrap_or_else(|| panic!("{fault:?}")).pointer.clone()
}

/// Dan of the scene, with a key.
async fn dan(app: &TestApp) -> Person {
    let id = scene::DAN.to_string();
    let key = app.call(&app.admin, "api_key_create", json!({ "name": "test", "userId": id })).await.unwrap();
    let key = convoke::kernel::secret::Secret::new(key["key"].as_str().unwrap().to_owned());
    Person { tenant: app.admin.tenant, user: convoke::kernel::id::UserId::from_uuid(scene::DAN), key }
}
