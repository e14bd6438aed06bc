//! `task_respond`: once, of what was shown, told to whoever waits.

use convoke::domain::tasks::Continuations;
use convoke::domain::tasks::model::task::Continuation;
use convoke::domain::tasks::opening::{Asked, Opener, open, withdraw};
use convoke::kernel::id::new_uuid;
use convoke::kernel::time::Timestamp;
use convoke::port::store::Batch;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

use super::{ada, answers, code, dan, happened, made, seen};
use crate::support::app::TestApp;

#[tokio::test]
async fn the_first_answer_stands() {
    let app = TestApp::start().await;
    let id = made(&app, json!({ "title": "Go?" })).await["taskId"].clone();
    let mut heard = app.app.platform().hear();
    answers(&app, &app.member, &id, json!({ "outcome": "approve", "comment": "Fine." })).await.unwrap();
    let mut topics = Vec::new();
    while let Ok(event) = heard.try_recv() {
        topics.push((event.topic.clone(), event.data["outcome"].clone(), event.data["taskId"].clone()));
    }
    assert!(topics.contains(&("task.completed".to_owned(), json!("approve"), id.clone())), "{topics:?}");
    for who in [&app.member, &app.admin] {
        assert_eq!(code(&answers(&app, who, &id, json!({ "outcome": "reject" })).await), "task_over");
    }
    let told = seen(&app, &id).await;
    assert_eq!((&told["outcome"], told["answers"].as_array().unwrap().len()), (&json!("approve"), 1));
    assert_eq!((&told["answers"][0]["door"], &told["answers"][0]["shownHash"]), (&json!("inside"), &told["shownHash"]));
    assert_eq!(happened(&app, &id).await, ["created", "answered", "completed"]);
}

/// Whoever comes in at the same time: one answer is taken, the others are told so.
#[tokio::test]
async fn of_answers_at_once_one_is_taken() {
    let app = TestApp::start().await;
    for _ in 0..5 {
        let task = made(&app, json!({ "title": "Go?" })).await;
        let input = |outcome: &str| json!({ "id": task["taskId"], "outcome": outcome, "shownHash": task["shownHash"] });
        let (one, two, three) = tokio::join!(
            ada(&app, "task_respond", input("approve")),
            app.call(&app.admin, "task_respond", input("reject")),
            ada(&app, "task_respond", input("revise")),
        );
        let all = [one, two, three];
        assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 1, "{all:?}");
        assert!(all.iter().filter(|one| one.is_err()).all(|one| code(one) == "task_over"), "{all:?}");
        assert_eq!(happened(&app, &task["taskId"]).await, ["created", "answered", "completed"]);
    }
}

#[tokio::test]
async fn an_answer_to_something_else_than_was_shown_is_refused() {
    let app = TestApp::start().await;
    let task = made(&app, json!({ "title": "Pay?", "data": { "total": 5 } })).await;
    let (id, shown) = (task["taskId"].clone(), task["shownHash"].clone());
    let said = ada(&app, "task_comment", json!({ "id": id, "text": "Look twice." })).await.unwrap();
    assert_eq!(said["shownHash"], shown, "a comment changes nothing of what is asked");
    let attachment = json!({ "url": "https://example.org/offer.pdf", "name": "The offer" });
    let added = ada(&app, "task_comment", json!({ "id": id, "attachment": attachment })).await.unwrap();
    assert_ne!(added["shownHash"], shown);
    let answer = |hash: &Value| json!({ "id": id, "outcome": "approve", "shownHash": hash });
    let refused = ada(&app, "task_respond", answer(&shown)).await;
    assert_eq!(code(&refused), "task_changed");
    assert_eq!(refused.unwrap_err().detail().unwrap()["shownHash"], added["shownHash"]);
    assert_eq!(ada(&app, "task_respond", answer(&added["shownHash"])).await.unwrap()["status"], "completed");
    // What was decided of is left as it was; it can be spoken of.
    let late = ada(&app, "task_comment", json!({ "id": id, "attachment": { "url": "https://example.org/b" } })).await;
    assert_eq!(code(&late), "task_over");
    ada(&app, "task_comment", json!({ "id": id, "text": "Thanks." })).await.unwrap();
    assert_eq!(happened(&app, &id).await, ["created", "commented", "attached", "answered", "completed", "commented"]);
}

#[tokio::test]
async fn documents_are_added_by_who_may_see_them() {
    let app = TestApp::start().await;
    let id = made(&app, json!({ "title": "Pay?" })).await["taskId"].clone();
    let invoice = crate::support::scene::id(0xe6).to_string();
    let told = ada(&app, "task_comment", json!({ "id": id, "attachment": { "documentId": invoice } })).await.unwrap();
    assert_eq!(told["attachments"][0]["name"], "invoice.txt");
    let none = json!({ "id": id, "attachment": { "documentId": crate::support::scene::id(0x11).to_string() } });
    assert_eq!(code(&ada(&app, "task_comment", none).await), "not_found");
    for attachment in [
        json!({}),
        json!({ "url": "javascript:alert(1)" }),
        json!({ "url": "https://a.example/", "documentId": invoice }),
    ] {
        let refused = ada(&app, "task_comment", json!({ "id": id, "attachment": attachment })).await;
        assert_eq!(code(&refused), "bad_input", "{attachment}");
    }
    assert_eq!(code(&ada(&app, "task_comment", json!({ "id": id })).await), "bad_input");
}

#[tokio::test]
async fn only_who_it_is_for_may_answer() {
    let app = TestApp::start().await;
    let dan = dan(&app).await;
    let id = made(&app, json!({ "title": "Go?", "assignee": "dan@example.org" })).await["taskId"].clone();
    // Who made it sees it, and does not answer it in Dan's place.
    assert_eq!(code(&answers(&app, &app.member, &id, json!({ "outcome": "approve" })).await), "task_not_yours");
    let mine = ada(&app, "task_get", json!({ "id": id })).await.unwrap();
    assert_eq!((&mine["mayAnswer"], mine["mayNotBecause"].is_string()), (&json!(false), true));
    answers(&app, &dan, &id, json!({ "outcome": "approve" })).await.unwrap();
    // Who manages tasks may.
    let other = made(&app, json!({ "title": "Go?", "assignee": "dan@example.org" })).await["taskId"].clone();
    answers(&app, &app.admin, &other, json!({ "outcome": "approve" })).await.unwrap();
}

#[tokio::test]
async fn a_quorum_decides_and_each_answers_once() {
    let app = TestApp::start().await;
    let dan = dan(&app).await;
    let finn = super::joins(&app, "finn", &["finance"]).await;
    let input = json!({ "title": "Pay?", "candidateGroups": ["finance"], "outcomes": ["approve", "reject"], "quorum": { "needed": 2, "of": 3 } });
    let id = made(&app, input.clone()).await["taskId"].clone();
    let answer = |who, outcome: &str| answers(&app, who, &id, json!({ "outcome": outcome }));
    assert_eq!(answer(&dan, "approve").await.unwrap()["status"], "open");
    assert_eq!(code(&answer(&dan, "reject").await), "task_answered");
    // Managing all tasks makes nobody a member.
    assert_eq!(code(&answer(&app.admin, "approve").await), "task_not_yours");
    assert_eq!(code(&ada(&app, "task_assign", json!({ "id": id, "action": "claim" })).await), "bad_input");
    assert_eq!(answer(&finn, "reject").await.unwrap()["status"], "open");
    let told = answer(&app.member, "approve").await.unwrap();
    assert_eq!(
        (&told["status"], &told["outcome"], told["answers"].as_array().unwrap().len()),
        (&json!("completed"), &json!("approve"), 3)
    );
    // Where none can have enough any more, it ends so.
    let mut three = input;
    three["quorum"] = json!({ "needed": 3, "of": 3, "otherwise": "escalate" });
    let id = made(&app, three).await["taskId"].clone();
    answers(&app, &dan, &id, json!({ "outcome": "approve" })).await.unwrap();
    let told = answers(&app, &finn, &id, json!({ "outcome": "reject" })).await.unwrap();
    assert_eq!((&told["status"], &told["outcome"]), (&json!("completed"), &json!("escalate")));
}

/// A part of the program that opens a task in its own commit, as processes do, gets a job in the commit in which the task ends.
#[tokio::test]
async fn what_opened_a_task_goes_on_with_its_outcome() {
    let app = TestApp::start_with(|settings| {
        let services = std::mem::take(&mut settings.services);
        settings.services = services.with(Arc::new(Continuations(vec!["test_steps"])));
    })
    .await;
    let platform = app.app.platform();
    let asked =
        || serde_json::from_value::<Asked>(json!({ "title": "Go?", "executionId": "e1", "nodeId": "n1" })).unwrap();
    let opener = |queue: &str| Opener {
        starter: app.member.user,
        continuation: Some(Continuation { queue: queue.to_owned(), key: json!({ "token": 7 }) }),
    };
    let tenant = app.member.tenant;
    assert!(open(platform, tenant, new_uuid(app.clock_now()), asked(), opener("elsewhere")).await.is_err());
    let mut ids = Vec::new();
    for _ in 0..2 {
        let written = open(platform, tenant, new_uuid(app.clock_now()), asked(), opener("test_steps")).await.unwrap();
        let at = app.clock_now();
        platform.store.commit(vec![Batch { tenant, at, steps: written.steps }]).await.unwrap();
        ids.push(json!(written.id));
    }
    assert_eq!(platform.store.depth("test_steps").await.unwrap(), 0);
    answers(&app, &app.member, &ids[0], json!({ "outcome": "approve", "comment": "yes" })).await.unwrap();
    let written = withdraw(platform, tenant, ids[1].as_str().unwrap().parse().unwrap()).await.unwrap().unwrap();
    platform.store.commit(vec![Batch { tenant, at: app.clock_now(), steps: written.steps }]).await.unwrap();
    assert!(withdraw(platform, tenant, ids[1].as_str().unwrap().parse().unwrap()).await.unwrap().is_none());
    let jobs = platform.store.lease("test_steps", app.clock_now(), Duration::from_secs(5), 10).await.unwrap();
    let told: Vec<Value> = jobs.into_iter().map(|job| job.body).collect();
    assert_eq!(
        (told.len(), &told[0]["task"], &told[0]["outcome"], &told[0]["key"]["token"]),
        (2, &ids[0], &json!("approve"), &json!(7))
    );
    assert_eq!((&told[0]["by"], &told[1]["status"]), (&json!(app.member.user.to_string()), &json!("cancelled")));
    assert_eq!(seen(&app, &ids[1]).await["status"], "cancelled");
    assert_eq!(code(&answers(&app, &app.member, &ids[1], json!({ "outcome": "approve" })).await), "task_over");
}

impl TestApp {
    fn clock_now(&self) -> Timestamp {
        use convoke::kernel::clock::Clock as _;
        self.clock.now()
    }
}
