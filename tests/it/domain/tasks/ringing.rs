//! What happens by itself: warnings, due times, follow-ups, escalations, by the clock of the test, once, also over a restart.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ada, answers, dan, happened, made, passes, rings, seen};
use crate::support::app::TestApp;
use crate::support::scene;

#[tokio::test]
async fn warnings_and_the_end_of_the_time_are_told_in_order() {
    let app = TestApp::start().await;
    let id = made(&app, json!({ "title": "Pay?", "sla": { "hoursToComplete": 10, "warnAtPercent": [90, 50] } })).await
        ["taskId"]
        .clone();
    let mut heard = app.app.platform().hear();
    assert_eq!(passes(&app, 4.9).await, 0);
    assert_eq!(passes(&app, 0.1).await, 1);
    assert_eq!(seen(&app, &id).await["slaStatus"], "warned");
    passes(&app, 4.0).await;
    passes(&app, 1.0).await;
    let told = seen(&app, &id).await;
    assert_eq!((&told["slaStatus"], &told["status"]), (&json!("breached"), &json!("assigned")));
    assert_eq!(happened(&app, &id).await, ["created", "sla_warning", "sla_warning", "sla_breached"]);
    let mut topics = Vec::new();
    while let Ok(event) = heard.try_recv() {
        topics.push(event.topic.clone());
    }
    topics.retain(|topic| topic.starts_with("task."));
    assert_eq!(topics, ["task.sla_warning", "task.sla_warning", "task.sla_breached"]);
    answers(&app, &app.member, &id, json!({ "outcome": "approve" })).await.unwrap();
    assert_eq!(seen(&app, &id).await["slaStatus"], "missed");
    assert_eq!(passes(&app, 1000.0).await, 0, "nothing rings any more");
}

/// Whatever lies between, in one go and in order: nothing is told twice and nothing is left out.
#[tokio::test]
async fn a_chain_goes_on_by_itself_to_its_last_outcome() {
    let app = TestApp::start().await;
    let dan = dan(&app).await;
    let chain = json!(["dan@example.org", "group:support", { "afterHours": 6, "outcome": "fail" }]);
    let input = json!({ "title": "Pay?", "sla": { "hoursToComplete": 24 }, "escalationChain": chain });
    let id = made(&app, input.clone()).await["taskId"].clone();
    passes(&app, 24.0).await;
    assert_eq!(seen(&app, &id).await["assignedTo"], json!(scene::DAN.to_string()));
    passes(&app, 23.0).await;
    assert_eq!(seen(&app, &id).await["status"], "assigned");
    passes(&app, 1.0).await;
    assert_eq!(seen(&app, &id).await["status"], "open");
    passes(&app, 6.0).await;
    let told = seen(&app, &id).await;
    assert_eq!(
        (&told["status"], &told["outcome"], &told["slaStatus"]),
        (&json!("failed"), &json!("fail"), &json!("missed"))
    );
    let whole = ["created", "sla_warning", "sla_breached", "escalated", "escalated", "escalated", "completed"];
    assert_eq!(happened(&app, &id).await, whole);
    // A clock that jumps lets the same happen, in the same order.
    let id = made(&app, input.clone()).await["taskId"].clone();
    passes(&app, 8760.0).await;
    assert_eq!(happened(&app, &id).await, whole);
    // One that is answered in between rings no more.
    let id = made(&app, input).await["taskId"].clone();
    passes(&app, 24.0).await;
    answers(&app, &dan, &id, json!({ "outcome": "approve" })).await.unwrap();
    passes(&app, 8760.0).await;
    assert_eq!(
        happened(&app, &id).await,
        ["created", "sla_warning", "sla_breached", "escalated", "answered", "completed"]
    );
}

/// Hours are those of the calendar: from Friday noon eight of them end on Monday at noon.
#[tokio::test]
async fn a_business_calendar_counts_its_own_hours() {
    let app = TestApp::start().await;
    let input = json!({
        "title": "Pay?", "sla": { "hoursToComplete": 8 }, "calendar": "business",
        "escalationChain": ["dan@example.org", { "afterHours": 8, "outcome": "reject" }],
    });
    let told = made(&app, input).await;
    assert_eq!((&told["slaDeadline"], &told["calendar"]), (&json!("2026-11-23T12:00:00.000Z"), &json!("business")));
    assert_eq!(told["escalationChain"][1]["at"], "2026-11-24T12:00:00.000Z");
    passes(&app, 71.9).await;
    assert_eq!(happened(&app, &told["taskId"]).await, ["created", "sla_warning"]);
    passes(&app, 0.1).await;
    assert_eq!(seen(&app, &told["taskId"]).await["slaStatus"], "breached");
    let none = ada(&app, "task_create", json!({ "title": "Pay?", "calendar": "lunar" })).await;
    assert_eq!(super::place(none), "/calendar");
}

#[tokio::test]
async fn a_step_taken_by_hand_is_not_taken_again() {
    let app = TestApp::start().await;
    let chain = json!([{ "afterHours": 2, "to": "dan@example.org" }, { "afterHours": 2, "outcome": "approve" }]);
    let id = made(&app, json!({ "title": "Pay?", "escalationChain": chain })).await["taskId"].clone();
    ada(&app, "task_escalate", json!({ "id": id })).await.unwrap();
    passes(&app, 2.0).await;
    assert_eq!(happened(&app, &id).await, ["created", "escalated"]);
    passes(&app, 2.0).await;
    let told = seen(&app, &id).await;
    assert_eq!((&told["status"], &told["outcome"]), (&json!("completed"), &json!("approve")));
}

#[tokio::test]
async fn what_is_put_off_comes_back() {
    let app = TestApp::start().await;
    let input = json!({ "title": "Pay?", "dueAt": "2026-11-20T18:00:00Z", "followUpAt": "2026-11-20T13:00:00Z", "candidateUsers": ["ada@example.org"] });
    let id = made(&app, input).await["taskId"].clone();
    passes(&app, 1.0).await;
    assert_eq!(happened(&app, &id).await, ["created", "follow_up"]);
    let put_off = |until: &str| {
        answers(&app, &app.member, &id, json!({ "outcome": "defer", "deferUntil": until, "comment": "later" }))
    };
    assert_eq!(super::place(put_off("2026-11-20T12:30:00Z").await), "/deferUntil");
    let told = put_off("2026-11-20T17:00:00Z").await.unwrap();
    assert_eq!((&told["status"], &told["assignedTo"]), (&json!("deferred"), &json!(app.member.user.to_string())));
    // Put off once more: the earlier moment is forgotten.
    put_off("2026-11-20T17:30:00Z").await.unwrap();
    passes(&app, 4.1).await;
    assert_eq!(seen(&app, &id).await["status"], "deferred");
    passes(&app, 1.0).await;
    assert_eq!(seen(&app, &id).await["status"], "assigned");
    let happened = happened(&app, &id).await;
    assert_eq!(happened, ["created", "follow_up", "deferred", "deferred", "follow_up", "due"]);
    answers(&app, &app.member, &id, json!({ "outcome": "approve" })).await.unwrap();
}

#[tokio::test]
async fn timers_ring_after_a_restart_and_once() {
    let app = TestApp::start().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let input = json!({ "title": "Pay?", "sla": { "hoursToComplete": 2 }, "escalationChain": ["dan@example.org"] });
        ids.push(made(&app, input).await["taskId"].clone());
    }
    // As in a crash: nothing of the first run is closed.
    let app = app.open_again_with(|_| {}).await;
    app.clock.advance(Duration::from_hours(3));
    let (one, two) = tokio::join!(rings(&app), rings(&app));
    assert!(one + two >= 5);
    for id in &ids {
        assert_eq!(happened(&app, id).await, ["created", "sla_warning", "sla_breached", "escalated"]);
        assert_eq!(seen(&app, id).await["assignedTo"], json!(scene::DAN.to_string()));
    }
    assert_eq!(rings(&app).await, 0);
}

/// A worker that dies with its leases loses them; another takes the jobs up when they end.
#[tokio::test]
async fn a_lost_lease_is_taken_up_by_another() {
    let app = TestApp::start().await;
    let id =
        made(&app, json!({ "title": "Pay?", "sla": { "hoursToComplete": 1, "warnAtPercent": [] } })).await["taskId"]
            .clone();
    app.clock.advance(Duration::from_hours(1));
    let store = &app.app.platform().store;
    let now = convoke::kernel::clock::Clock::now(&*app.clock);
    let lost = store.lease("task_timers", now, Duration::from_secs(30), 10).await.unwrap();
    assert_eq!((lost.len(), rings(&app).await), (1, 0));
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(rings(&app).await, 1);
    assert_eq!(happened(&app, &id).await, ["created", "sla_breached"]);
    let _: Value = seen(&app, &id).await;
}

/// A million waiting tasks are not looked at: only what is due is taken.
#[tokio::test]
async fn each_task_has_one_job_and_an_old_one_is_let_go() {
    let app = TestApp::start().await;
    let store = &app.app.platform().store;
    let id = made(&app, json!({ "title": "Pay?", "sla": { "hoursToComplete": 100 } })).await["taskId"].clone();
    assert_eq!(store.depth("task_timers").await.unwrap(), 1);
    for number in 0..3 {
        ada(&app, "task_comment", json!({ "id": id, "text": format!("c{number}") })).await.unwrap();
    }
    assert_eq!(store.depth("task_timers").await.unwrap(), 1, "a comment moves no timer");
    answers(&app, &app.member, &id, json!({ "outcome": "defer", "deferUntil": "2026-11-20T13:00:00Z" })).await.unwrap();
    assert_eq!(store.depth("task_timers").await.unwrap(), 2);
    answers(&app, &app.member, &id, json!({ "outcome": "approve" })).await.unwrap();
    passes(&app, 1000.0).await;
    assert_eq!(store.depth("task_timers").await.unwrap(), 0);
    assert_eq!(
        happened(&app, &id).await,
        ["created", "commented", "commented", "commented", "deferred", "answered", "completed"]
    );
}
