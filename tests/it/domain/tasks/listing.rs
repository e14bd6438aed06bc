//! `task_list` and `task_history`.

use serde_json::{Value, json};

use super::{ada, answers, dan, joins, made, place};
use crate::support::app::TestApp;

async fn titles(app: &TestApp, who: &crate::support::app::Person, input: Value) -> Vec<String> {
    let told = app.call(who, "task_list", input).await.unwrap();
    told["items"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn tasks_are_found_by_whose_they_are_and_how_they_stand() {
    let app = TestApp::start().await;
    let (dan, finn) = (dan(&app).await, joins(&app, "finn", &["finance"]).await);
    made(
        &app,
        json!({ "title": "A", "assignee": "dan@example.org", "priority": 90, "processId": "p1", "taskType": "t" }),
    )
    .await;
    made(
        &app,
        json!({ "title": "B", "assignee": "dan@example.org", "dueAt": "2026-11-21T00:00:00Z", "executionId": "e1" }),
    )
    .await;
    let done =
        made(&app, json!({ "title": "C", "assignee": "dan@example.org", "sla": { "hoursToComplete": 4 } })).await;
    made(&app, json!({ "title": "D", "candidateUsers": ["dan@example.org"], "sla": { "hoursToComplete": 4 } })).await;
    made(&app, json!({ "title": "E" })).await;
    answers(&app, &dan, &done["taskId"], json!({ "outcome": "approve" })).await.unwrap();
    let of = |input: Value| titles(&app, &dan, input);
    assert_eq!(of(json!({ "whose": "mine" })).await, ["B", "A"]);
    // The scene's printer is for finance, where Dan is.
    assert_eq!(of(json!({ "whose": "claimable" })).await, ["D", "Approve the new printer"]);
    assert_eq!(of(json!({ "whose": "created" })).await, Vec::<String>::new());
    assert_eq!(of(json!({ "whose": "mine", "status": ["completed"] })).await, ["C"]);
    assert_eq!(of(json!({ "whose": "mine", "order": "priority" })).await, ["A", "B"]);
    assert_eq!(of(json!({ "whose": "mine", "order": "due" })).await, ["A", "B"]);
    assert_eq!(of(json!({ "slaStatus": ["on_track"] })).await, ["D"]);
    assert_eq!(of(json!({ "slaStatus": ["met"], "status": ["completed"] })).await, ["C"]);
    assert_eq!(of(json!({ "processId": "p1" })).await, ["A"]);
    assert_eq!(of(json!({ "executionId": "e1" })).await, ["B"]);
    assert_eq!(of(json!({ "taskType": "t" })).await, ["A"]);
    assert_eq!(of(json!({ "minPriority": 80 })).await, ["A"]);
    assert_eq!(of(json!({ "dueBefore": "2026-11-21T12:00:00Z" })).await, ["B"]);
    assert_eq!(titles(&app, &app.member, json!({ "assignee": "dan@example.org" })).await, ["B", "A"]);
    assert_eq!(titles(&app, &finn, json!({ "assignee": "group:finance" })).await, ["Approve the new printer"]);
    assert_eq!(titles(&app, &app.stranger, json!({ "status": ["open", "completed"] })).await, Vec::<String>::new());
    assert_eq!(place(ada(&app, "task_list", json!({ "assignee": "wizard" })).await), "/assignee");
}

#[tokio::test]
async fn pages_hold_everything_once() {
    let app = TestApp::start().await;
    let finn = joins(&app, "finn", &["finance", "support"]).await;
    for number in 0..7 {
        // Finn is twice a candidate of each.
        let input = json!({ "title": format!("T{number}"), "candidateGroups": ["finance"], "candidateUsers": ["finn@example.org"] });
        made(&app, input).await;
    }
    let (mut all, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut input = json!({ "limit": 3, "taskType": null });
        if token.is_string() {
            input["pageToken"] = token;
        }
        let page = app.call(&finn, "task_list", input).await.unwrap();
        all.extend(page["items"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap().to_owned()));
        token = page["nextPageToken"].clone();
        if token.is_null() {
            break;
        }
    }
    all.retain(|title| title.len() == 2);
    assert_eq!(all, ["T6", "T5", "T4", "T3", "T2", "T1", "T0"]);
}

#[tokio::test]
async fn history_is_told_in_pages_and_by_what_happened() {
    let app = TestApp::start().await;
    let id = made(&app, json!({ "title": "A" })).await["taskId"].clone();
    for number in 0..5 {
        ada(&app, "task_comment", json!({ "id": id, "text": format!("c{number}") })).await.unwrap();
    }
    let first = ada(&app, "task_history", json!({ "id": id, "limit": 4 })).await.unwrap();
    let second =
        ada(&app, "task_history", json!({ "id": id, "limit": 4, "pageToken": first["nextPageToken"] })).await.unwrap();
    let texts =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|one| one["text"].clone()).collect::<Vec<_>>();
    assert_eq!(texts(&first), [Value::Null, json!("c0"), json!("c1"), json!("c2")]);
    assert_eq!((texts(&second), &second["nextPageToken"]), (vec![json!("c3"), json!("c4")], &Value::Null));
    let only = ada(&app, "task_history", json!({ "id": id, "what": ["created"] })).await.unwrap();
    assert_eq!(only["items"].as_array().unwrap().len(), 1);
    let other =
        ada(&app, "task_history", json!({ "id": id, "what": ["created"], "pageToken": first["nextPageToken"] })).await;
    assert_eq!(super::code(&other), "bad_page_token");
}
