//! Separation of duties: held in the one path, whatever else somebody may.

use serde_json::{Value, json};

use super::{ada, answers, code, dan, joins, made};
use crate::support::app::TestApp;

#[tokio::test]
async fn who_is_excluded_does_not_answer_by_any_right() {
    let app = TestApp::start().await;
    let (dan, finn, gina) =
        (dan(&app).await, joins(&app, "finn", &["finance"]).await, joins(&app, "gina", &["legal"]).await);
    let everybody = json!({ "title": "Pay?", "candidateUsers": ["ada@example.org", "dan@example.org", "finn@example.org", "gina@example.org"] });
    let with = |separation: Value| {
        let mut input = everybody.clone();
        input["separation"] = separation;
        input
    };
    for (separation, rule, refused, taken) in [
        (json!({ "starter": true }), "starter", &app.member, &dan),
        (json!({ "starterGroups": true }), "starterGroups", &finn, &gina),
        (json!({ "users": ["dan@example.org"] }), "users", &dan, &finn),
        (json!({ "groups": ["support"] }), "groups", &dan, &finn),
    ] {
        let id = made(&app, with(separation.clone())).await["taskId"].clone();
        let answer = answers(&app, refused, &id, json!({ "outcome": "approve" })).await;
        assert_eq!(code(&answer), "task_duties_separated", "{separation}");
        assert_eq!(answer.unwrap_err().detail().unwrap()["rule"], rule);
        assert_eq!(code(&app.call(refused, "task_assign", json!({ "id": id })).await), "task_duties_separated");
        // Given it is not answering it.
        ada(&app, "task_assign", json!({ "id": id, "action": "assign", "assignee": refused.user.to_string() }))
            .await
            .unwrap();
        assert_eq!(code(&answers(&app, refused, &id, json!({ "outcome": "approve" })).await), "task_duties_separated");
        ada(&app, "task_assign", json!({ "id": id, "action": "assign", "assignee": taken.user.to_string() }))
            .await
            .unwrap();
        answers(&app, taken, &id, json!({ "outcome": "approve" })).await.unwrap();
    }
    // Managing all tasks is no way around.
    let own = json!({ "title": "Pay?", "assignee": "dan@example.org", "separation": { "starter": true } });
    let id = app.call(&app.admin, "task_create", own).await.unwrap()["taskId"].clone();
    assert_eq!(code(&answers(&app, &app.admin, &id, json!({ "outcome": "approve" })).await), "task_duties_separated");
}

#[tokio::test]
async fn who_answered_before_in_the_execution_does_not_answer_again() {
    let app = TestApp::start().await;
    let dan = dan(&app).await;
    let task = |execution: &str, rule: bool| {
        json!({
            "title": "Pay?", "executionId": execution, "candidateUsers": ["ada@example.org", "dan@example.org"],
            "separation": { "earlierAnswerers": rule },
        })
    };
    let first = made(&app, task("e1", false)).await["taskId"].clone();
    let second = made(&app, task("e1", true)).await["taskId"].clone();
    let elsewhere = made(&app, task("e2", true)).await["taskId"].clone();
    answers(&app, &dan, &first, json!({ "outcome": "approve" })).await.unwrap();
    assert_eq!(code(&answers(&app, &dan, &second, json!({ "outcome": "approve" })).await), "task_duties_separated");
    answers(&app, &dan, &elsewhere, json!({ "outcome": "approve" })).await.unwrap();
    answers(&app, &app.member, &second, json!({ "outcome": "approve" })).await.unwrap();
    // Two at once of one person: one of them is taken.
    let (one, two) = (made(&app, task("e3", true)).await, made(&app, task("e3", true)).await);
    let input = |task: &Value| json!({ "id": task["taskId"], "outcome": "approve", "shownHash": task["shownHash"] });
    let (one, two) =
        tokio::join!(app.call(&dan, "task_respond", input(&one)), app.call(&dan, "task_respond", input(&two)));
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    let refused = one.err().or_else(|| two.err()).unwrap();
    assert_eq!(refused.code().name, "task_duties_separated");
}
