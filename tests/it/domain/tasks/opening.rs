//! `task_create` and `task_get`: what a task begins as, and what of it is refused.

use serde_json::{Value, json};

use super::{ada, code, joins, made, place};
use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn a_task_begins_as_the_source_shows_it() {
    let app = TestApp::start().await;
    let dan = scene::DAN.to_string();
    let told = made(
        &app,
        json!({
            "executionId": "exec-789", "title": "Approve Budget Request", "description": "Review $5000 request for project X",
            "assignee": dan,
            "form": { "fields": [
                { "name": "decision", "type": "enum", "options": ["approve", "reject", "revise"] },
                { "name": "comments", "type": "text" },
            ] },
            "sla": { "hoursToComplete": 24 }, "escalationChain": [dan, "ada@example.org"],
        }),
    )
    .await;
    assert_eq!(
        (&told["status"], &told["assignedTo"], &told["assignedToName"]),
        (&json!("assigned"), &json!(dan), &json!("Dan Rivera"))
    );
    assert_eq!(
        (&told["createdAt"], &told["slaDeadline"]),
        (&json!("2026-11-20T12:00:00.000Z"), &json!("2026-11-21T12:00:00.000Z"))
    );
    assert_eq!((&told["response"], &told["outcomes"]), (&Value::Null, &json!(["approve", "reject", "revise"])));
    assert_eq!(told["form"]["properties"]["decision"]["enum"], json!(["approve", "reject", "revise"]));
    // Who has it at the beginning is no step of the chain.
    let chain = told["escalationChain"].as_array().unwrap();
    assert_eq!((chain.len(), &chain[0]["to"]), (1, &json!(scene::ADA.to_string())));
    assert_eq!(chain[0]["at"], "2026-11-21T12:00:00.000Z");
    let again = ada(&app, "task_get", json!({ "id": told["taskId"] })).await.unwrap();
    assert_eq!(again, told);
}

#[tokio::test]
async fn a_task_for_nobody_is_for_who_makes_it() {
    let app = TestApp::start().await;
    let told = made(&app, json!({ "title": "Water the plants" })).await;
    assert_eq!((&told["assignedTo"], &told["mayAnswer"]), (&json!(scene::ADA.to_string()), &json!(true)));
    assert_eq!(told["outcomes"], json!(["approve", "reject", "revise", "defer"]));
    let group = made(&app, json!({ "title": "Water the plants", "assignee": "group:finance" })).await;
    assert_eq!((&group["status"], &group["candidates"]), (&json!("open"), &json!(["group:finance"])));
    let agent = made(&app, json!({ "title": "Sort the mail", "assignee": "agent:Archivist" })).await;
    assert_eq!((&agent["assignedTo"], &agent["mayAnswer"]), (&json!("agent:archivist"), &json!(false)));
}

#[tokio::test]
async fn what_does_not_fit_is_told_with_its_place_and_nothing_is_written() {
    let app = TestApp::start().await;
    let before = ada(&app, "task_list", json!({})).await.unwrap();
    for (input, at) in [
        (json!({ "title": " " }), "/title"),
        (json!({ "title": "x", "assignee": "somebody" }), "/assignee"),
        (json!({ "title": "x", "assignee": "nobody@example.com" }), "/assignee"),
        (json!({ "title": "x", "assignee": "agent:none" }), "/assignee"),
        (json!({ "title": "x", "candidateUsers": [scene::EVE.to_string()] }), "/candidateUsers/0"),
        (json!({ "title": "x", "candidateGroups": ["finance", "wizards"] }), "/candidateGroups/1"),
        (json!({ "title": "x", "candidateAgents": ["none"] }), "/candidateAgents/0"),
        (json!({ "title": "x", "form": { "type": "string" } }), "/form"),
        (json!({ "title": "x", "form": { "fields": [{ "type": "text" }] } }), "/form/fields/0/name"),
        (json!({ "title": "x", "form": { "fields": [{ "name": "a", "type": "enum" }] } }), "/form/fields/0/type"),
        (
            json!({ "title": "x", "form": { "properties": { "a": { "type": "string", "$ref": "http://x.example/" } } } }),
            "/form/properties/a/$ref",
        ),
        (json!({ "title": "x", "ui": { "order": ["a"] } }), "/ui/order/0"),
        (json!({ "title": "x", "dueAt": "2026-11-20T11:00:00Z" }), "/dueAt"),
        (json!({ "title": "x", "followUpAt": "2026-11-20T12:00:00Z" }), "/followUpAt"),
        (json!({ "title": "x", "data": { "text": "y".repeat(70_000) } }), "/data"),
        (json!({ "title": "x", "outcomes": ["yes", "yes"] }), "/outcomes/1"),
        (json!({ "title": "x", "outcomes": ["defer"] }), "/outcomes"),
        (
            json!({ "title": "x", "outcomes": ["ok"], "form": { "properties": { "decision": { "type": "string", "enum": ["a"] } } } }),
            "/outcomes",
        ),
        (json!({ "title": "x", "escalationChain": [{ "afterHours": 1 }] }), "/escalationChain/0"),
        (
            json!({ "title": "x", "escalationChain": [{ "to": "ada@example.org", "outcome": "fail" }] }),
            "/escalationChain/0",
        ),
        (json!({ "title": "x", "escalationChain": ["somebody"] }), "/escalationChain/0"),
        (json!({ "title": "x", "assignee": "ada@example.org", "quorum": { "needed": 1 } }), "/assignee"),
        (json!({ "title": "x", "candidateGroups": ["finance"], "quorum": { "needed": 1 } }), "/quorum/of"),
        (json!({ "title": "x", "candidateUsers": ["ada@example.org"], "quorum": { "needed": 2 } }), "/quorum/needed"),
        (
            json!({ "title": "x", "candidateUsers": ["ada@example.org"], "quorum": { "needed": 1, "of": 2 } }),
            "/quorum/of",
        ),
        (json!({ "title": "x", "separation": { "groups": ["wizards"] } }), "/separation/groups/0"),
        (json!({ "title": "x", "separation": { "users": ["wizard@example.org"] } }), "/separation/users/0"),
    ] {
        assert_eq!(place(ada(&app, "task_create", input.clone()).await), at, "{input}");
    }
    assert_eq!(ada(&app, "task_list", json!({})).await.unwrap(), before);
}

#[tokio::test]
async fn only_who_takes_part_sees_it() {
    let app = TestApp::start().await;
    let (finn, gina, hal) =
        (joins(&app, "finn", &["finance"]).await, joins(&app, "gina", &[]).await, joins(&app, "hal", &[]).await);
    let input =
        json!({ "title": "Release it", "candidateGroups": ["finance"], "candidateUsers": ["gina@example.org"] });
    let id = made(&app, input).await["taskId"].clone();
    let get = json!({ "id": id });
    for who in [&finn, &gina, &app.admin, &app.member] {
        assert_eq!(app.call(who, "task_get", get.clone()).await.unwrap()["taskId"], id);
        let listed = app.call(who, "task_list", json!({ "limit": 200 })).await.unwrap();
        assert!(listed["items"].as_array().unwrap().iter().any(|one| one["taskId"] == id));
    }
    let answer = json!({ "id": id, "outcome": "approve", "shownHash": "x" });
    for who in [&hal, &app.stranger] {
        for (tool, input) in [
            ("task_get", get.clone()),
            ("task_history", get.clone()),
            ("task_escalate", get.clone()),
            ("task_assign", get.clone()),
            ("task_respond", answer.clone()),
            ("task_comment", json!({ "id": id, "text": "x" })),
        ] {
            assert_eq!(code(&app.call(who, tool, input).await), "not_found", "{tool}");
        }
        let listed = app.call(who, "task_list", json!({ "limit": 200 })).await.unwrap();
        assert!(!listed["items"].as_array().unwrap().iter().any(|one| one["taskId"] == id));
    }
    assert_eq!(code(&app.call(&app.nobody, "task_get", get).await), "forbidden");
}
