//! What was begun elsewhere and is no longer wanted: tasks of people are withdrawn, processes below called off. And what is held begins nothing.

use std::time::Duration;

use serde_json::{Value, json};

use super::{begin, end, over, published, rest, started, until};
use crate::support::app::TestApp;

fn ask(id: &str) -> Value {
    json!({ "id": id, "type": "human_task", "config": { "assignee": "ada@example.org", "title": id } })
}

fn word(id: &str) -> Value {
    json!({ "id": id, "type": "wait", "config": { "message": id } })
}

/// The tasks of an execution, as `title status`.
async fn tasks(app: &TestApp, id: &str) -> Vec<String> {
    let told = app.call(&app.member, "task_list", json!({ "limit": 100 })).await.unwrap();
    let mut all = Vec::new();
    for one in told["items"].as_array().unwrap() {
        let task = app.call(&app.member, "task_get", json!({ "id": one["taskId"] })).await.unwrap();
        if task["executionId"] == id {
            all.push(format!("{} {}", task["title"].as_str().unwrap(), task["status"].as_str().unwrap()));
        }
    }
    all.sort();
    all
}

fn cancelled(all: &[String]) -> usize {
    all.iter().filter(|one| one.ends_with(" cancelled")).count()
}

#[tokio::test]
async fn with_a_message_that_ends_all_its_tasks_and_children_are_called_off() {
    let app = TestApp::start().await;
    published(
        &app,
        &app.member,
        "Below",
        json!([begin(), word("word"), end("done")]),
        "begin>word word>done",
        json!({}),
    )
    .await;
    let nodes = json!([
        begin(), { "id": "p", "type": "parallel" }, ask("ask"), { "id": "run", "type": "sub_process", "config": { "processId": "below" } },
        word("stop"), end("asked"), end("ran"), { "id": "all", "type": "end", "config": { "kind": "terminate" } },
    ]);
    published(&app, &app.member, "Above", nodes, "begin>p p>ask p>run p>stop ask>asked run>ran stop>all", json!({}))
        .await;
    let ids =
        [started(&app, &app.member, "above", json!({})).await, started(&app, &app.member, "above", json!({})).await];
    rest(&app).await;
    for (id, tool) in ids.iter().zip(["execution_signal", "execution_compensate"]) {
        let children = app.call(&app.member, "execution_list", json!({ "parent": id })).await.unwrap();
        let child = children["items"][0]["executionId"].as_str().unwrap().to_owned();
        assert_eq!(children["items"][0]["status"], "running");
        let mut input = json!({ "id": id });
        if tool == "execution_signal" {
            input["message"] = json!("stop");
        }
        app.call(&app.member, tool, input).await.unwrap();
        assert_eq!(over(&app, &app.member, &child).await["status"], "cancelled", "{tool}");
        let all = tasks(&app, id).await;
        assert_eq!(cancelled(&all), all.len(), "{tool}: {all:?}");
    }
}

#[tokio::test]
async fn what_failed_gives_its_tasks_up_and_recovering_opens_them_anew() {
    let app = TestApp::start().await;
    let look = json!({ "id": "look", "type": "tool", "config": { "tool": "memory_get" }, "input": { "id": "00000000-0000-7000-8000-000000000000" } });
    let nodes =
        json!([begin(), { "id": "p", "type": "parallel" }, ask("ask"), word("go"), look, end("asked"), end("done")]);
    published(&app, &app.member, "Torn", nodes, "begin>p p>ask p>go ask>asked go>look look>done", json!({})).await;
    let id = started(&app, &app.member, "torn", json!({})).await;
    rest(&app).await;
    app.call(&app.member, "execution_signal", json!({ "id": id, "message": "go" })).await.unwrap();
    assert_eq!(over(&app, &app.member, &id).await["status"], "failed");
    let open = app.call(&app.member, "task_list", json!({ "limit": 100 })).await.unwrap();
    let opened = |told: &Value| -> Vec<Value> {
        told["items"].as_array().unwrap().iter().filter(|one| one["title"] == "ask").cloned().collect()
    };
    assert!(opened(&open).iter().all(|one| one["status"] == "cancelled"), "{open:#}");
    app.call(&app.member, "execution_recover", json!({ "id": id, "action": "skip" })).await.unwrap();
    rest(&app).await;
    let open = app.call(&app.member, "task_list", json!({ "limit": 100 })).await.unwrap();
    let open: Vec<Value> = opened(&open).into_iter().filter(|one| one["status"] != "cancelled").collect();
    assert_eq!(open.len(), 1, "one of another attempt");
    app.call(&app.member, "execution_cancel", json!({ "id": id })).await.unwrap();
    let task = app.call(&app.member, "task_get", json!({ "id": open[0]["taskId"] })).await.unwrap();
    assert_eq!(task["status"], "cancelled");
}

#[tokio::test]
async fn an_item_whose_time_is_over_calls_off_what_it_began_and_no_other() {
    let app = TestApp::start().await;
    published(
        &app,
        &app.member,
        "Below",
        json!([begin(), word("word"), end("done")]),
        "begin>word word>done",
        json!({ "n": {} }),
    )
    .await;
    let nodes = json!([
        begin(),
        { "id": "all", "type": "for_each", "config": { "items": "[1, 2]", "as": "n", "node": "run" } },
        { "id": "run", "type": "sub_process", "config": { "processId": "below" }, "input": { "n": "= n" }, "timeout": { "after": "PT1H", "outcome": "skip" } },
        end("done"),
    ]);
    published(&app, &app.member, "Above", nodes, "begin>all all>done", json!({})).await;
    let id = started(&app, &app.member, "above", json!({})).await;
    rest(&app).await;
    app.clock.advance(Duration::from_secs(3_601));
    rest(&app).await;
    let children = app.call(&app.member, "execution_list", json!({ "parent": id })).await.unwrap();
    let mut all: Vec<&str> =
        children["items"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect();
    all.sort_unstable();
    assert_eq!(all, ["cancelled", "running"]);
}

#[tokio::test]
async fn one_that_is_held_begins_nothing_and_knows_its_variables() {
    let app = TestApp::start().await;
    let nodes = json!([begin(), ask("ask"), end("done")]);
    published(&app, &app.member, "Held", nodes, "begin>ask ask>done", json!({ "n": {}, "m": { "default": 2 } })).await;
    let start = json!({ "processId": "held", "hold": true, "variables": { "n": 7 } });
    let told = app.call(&app.member, "execution_start", start).await.unwrap();
    let id = told["executionId"].as_str().unwrap().to_owned();
    assert_eq!((&told["state"]["variables"]["n"], &told["state"]["tokens"]), (&json!(7), &json!([])), "{told:#}");
    rest(&app).await;
    assert_eq!(tasks(&app, &id).await, Vec::<String>::new());
    app.call(&app.member, "execution_resume", json!({ "id": id })).await.unwrap();
    let asks = until(&app, &app.member, &id, |told| told["currentNode"] == "ask").await;
    assert_eq!((&asks["state"]["variables"]["n"], &asks["state"]["variables"]["m"]), (&json!(7), &json!(2)));
    rest(&app).await;
    assert_eq!(tasks(&app, &id).await.len(), 1);
}
