//! Steps of people.

use std::time::Duration;

use serde_json::{Value, json};

use super::{begin, end, over, published, rest, started, until};
use crate::support::app::{Person, TestApp};

async fn approval(app: &TestApp) {
    let nodes = json!([
        begin(),
        { "id": "approve", "type": "human_task", "name": "Approve the expense", "config": {
            "assignee": "= approver", "due": "P2D",
            "form": { "type": "object", "properties": { "note": { "type": "string" } }, "required": ["note"] },
            "outcomes": ["approve", "reject"],
          }, "input": { "amount": "= amount" }, "output": { "outcome": "= result.outcome", "note": "= result.note" } },
        { "id": "late", "type": "boundary_timeout", "config": { "attachedTo": "approve", "after": "P3D" } },
        end("done"), end("unanswered"),
    ]);
    let variables =
        json!({ "approver": { "required": true }, "amount": { "required": true }, "outcome": {}, "note": {} });
    published(app, &app.member, "Expenses", nodes, "begin>approve approve>done late>unanswered", variables).await;
}

async fn tasks(app: &TestApp, person: &Person) -> Vec<Value> {
    let told = app.call(person, "task_list", json!({})).await.unwrap();
    let of_process = |one: &&Value| one["processId"] == "expenses";
    told["items"].as_array().unwrap().iter().filter(of_process).cloned().collect()
}

async fn asked(app: &TestApp) -> (String, Value) {
    approval(app).await;
    let id =
        started(app, &app.member, "expenses", json!({ "approver": app.admin.user.to_string(), "amount": 120 })).await;
    rest(app).await;
    let all = tasks(app, &app.admin).await;
    assert_eq!(all.len(), 1, "{all:?}");
    let task = app.call(&app.admin, "task_get", json!({ "id": all[0]["taskId"] })).await.unwrap();
    (id, task)
}

#[tokio::test]
async fn a_person_is_asked_and_the_execution_goes_on_with_the_answer() {
    let app = TestApp::start().await;
    let (id, task) = asked(&app).await;
    assert_eq!(
        (&task["title"], &task["executionId"], &task["data"]["amount"]),
        (&json!("Approve the expense"), &json!(id), &json!(120)),
        "{task:#}"
    );
    let answer = json!({ "id": task["taskId"], "outcome": "approve", "response": { "note": "fine" }, "shownHash": task["shownHash"] });
    app.call(&app.admin, "task_respond", answer.clone()).await.unwrap();
    assert!(app.call(&app.admin, "task_respond", answer).await.is_err());
    let told = over(&app, &app.member, &id).await;
    let variables = &told["state"]["variables"];
    assert_eq!(
        (&told["status"], &variables["outcome"], &variables["note"]),
        (&json!("completed"), &json!("approve"), &json!("fine")),
        "{told:#}"
    );
}

#[tokio::test]
async fn what_takes_too_long_is_withdrawn_and_another_way_taken() {
    let app = TestApp::start().await;
    let (id, task) = asked(&app).await;
    app.clock.advance(Duration::from_hours(73));
    let told = over(&app, &app.member, &id).await;
    assert_eq!(told["state"]["nodeStates"]["unanswered"], "completed", "{told:#}");
    let task = app.call(&app.admin, "task_get", json!({ "id": task["taskId"] })).await.unwrap();
    assert_eq!(task["status"], "cancelled");
}

#[tokio::test]
async fn with_the_execution_its_tasks_are_called_off() {
    let app = TestApp::start().await;
    let (id, task) = asked(&app).await;
    let told = app.call(&app.member, "execution_cancel", json!({ "id": id, "reason": "asked twice" })).await.unwrap();
    assert_eq!(told["status"], "cancelled");
    let task = app.call(&app.admin, "task_get", json!({ "id": task["taskId"] })).await.unwrap();
    assert_eq!(task["status"], "cancelled");
    rest(&app).await;
    let told = until(&app, &app.member, &id, |_| true).await;
    assert_eq!(told["status"], "cancelled");
}
