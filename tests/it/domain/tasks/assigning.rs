//! `task_assign`: claimed, passed on, given back, given anew.

use serde_json::{Value, json};

use super::{ada, answers, code, dan, happened, joins, made, place};
use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn a_candidate_claims_it_once_and_gives_it_back() {
    let app = TestApp::start().await;
    let (dan, finn) = (dan(&app).await, joins(&app, "finn", &["finance"]).await);
    let id = made(&app, json!({ "title": "Pay?", "candidateGroups": ["finance"] })).await["taskId"].clone();
    let assign = |who, more: Value| {
        let (app, mut input) = (&app, more);
        input["id"] = id.clone();
        async move { app.call(who, "task_assign", input).await }
    };
    let (one, two) = tokio::join!(assign(&dan, json!({})), assign(&finn, json!({ "action": "claim" })));
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    let (has, hasnt) = if one.is_ok() { (&dan, &finn) } else { (&finn, &dan) };
    assert_eq!(code(&assign(hasnt, json!({})).await), "task_taken");
    assert_eq!(code(&answers(&app, hasnt, &id, json!({ "outcome": "approve" })).await), "task_taken");
    assert_eq!(code(&assign(hasnt, json!({ "action": "release" })).await), "task_not_yours");
    assert_eq!(
        code(&assign(hasnt, json!({ "action": "delegate", "assignee": "ada@example.org" })).await),
        "task_not_yours"
    );
    // Claiming what one has changes nothing.
    assert_eq!(assign(has, json!({})).await.unwrap()["assignedTo"], json!(has.user.to_string()));
    let told = assign(has, json!({ "action": "release", "reason": "no time" })).await.unwrap();
    assert_eq!((&told["status"], &told["assignedTo"]), (&json!("open"), &Value::Null));
    assert_eq!(assign(hasnt, json!({})).await.unwrap()["status"], "assigned");
    assert_eq!(happened(&app, &id).await, ["created", "claimed", "released", "claimed"]);
}

#[tokio::test]
async fn it_is_passed_on_by_who_has_it_and_given_anew_by_who_made_it() {
    let app = TestApp::start().await;
    let (dan, finn) = (dan(&app).await, joins(&app, "finn", &[]).await);
    let id = made(&app, json!({ "title": "Pay?", "assignee": "dan@example.org" })).await["taskId"].clone();
    let to = |who: &str| json!({ "id": id, "assignee": who });
    let told = app.call(&dan, "task_assign", to("finn@example.org")).await.unwrap();
    assert_eq!(
        (&told["assignedTo"], &told["delegatedBy"]),
        (&json!(finn.user.to_string()), &json!([scene::DAN.to_string()]))
    );
    // Who passed it on still sees it, and it is not theirs any more.
    assert_eq!(code(&app.call(&dan, "task_assign", to("ada@example.org")).await), "task_not_yours");
    assert_eq!(
        code(&app.call(&finn, "task_assign", json!({ "id": id, "action": "release" })).await),
        "task_without_candidates"
    );
    assert_eq!(place(app.call(&finn, "task_assign", json!({ "id": id, "action": "delegate" })).await), "/assignee");
    assert_eq!(place(ada(&app, "task_assign", to("wizard@example.org")).await), "/assignee");
    let told = ada(&app, "task_assign", to("group:finance")).await.unwrap();
    assert_eq!((&told["status"], &told["candidates"]), (&json!("open"), &json!(["group:finance"])));
    assert_eq!(code(&answers(&app, &finn, &id, json!({ "outcome": "approve" })).await), "not_found");
    answers(&app, &dan, &id, json!({ "outcome": "approve" })).await.unwrap();
    assert_eq!(code(&ada(&app, "task_assign", to("dan@example.org")).await), "task_over");
}

#[tokio::test]
async fn it_is_sent_up_its_chain_by_hand() {
    let app = TestApp::start().await;
    let finn = joins(&app, "finn", &["finance"]).await;
    let chain = json!(["dan@example.org", { "to": "group:finance" }, { "outcome": "expired" }]);
    let id = made(&app, json!({ "title": "Pay?", "escalationChain": chain })).await["taskId"].clone();
    let escalate = |who| app.call(who, "task_escalate", json!({ "id": id, "reason": "it burns" }));
    assert_eq!(escalate(&app.member).await.unwrap()["assignedTo"], json!(scene::DAN.to_string()));
    assert_eq!(escalate(&app.member).await.unwrap()["status"], "open");
    assert_eq!(code(&escalate(&finn).await), "task_not_yours");
    let told = escalate(&app.admin).await.unwrap();
    assert_eq!((&told["status"], &told["outcome"]), (&json!("completed"), &json!("expired")));
    assert_eq!(code(&escalate(&app.member).await), "task_over");
    assert_eq!(happened(&app, &id).await, ["created", "escalated", "escalated", "escalated", "completed"]);
    let none = made(&app, json!({ "title": "Pay?" })).await["taskId"].clone();
    assert_eq!(code(&ada(&app, "task_escalate", json!({ "id": none })).await), "escalation_ended");
}
