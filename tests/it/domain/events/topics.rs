//! Topics: what the program says that it tells of, it tells. The examples of the cards make most of it happen; the rest is made to
//! happen here, or in the tests that are named.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use convoke::domain::MODULES;
use convoke::domain::audit::erasure::carry_out;
use convoke::domain::executions::working::Worker as Executions;
use convoke::domain::schedules::working::Worker as Schedules;
use convoke::domain::tasks::working::Worker as Tasks;
use serde_json::json;

use super::receiver::{Answers, Receiver, publish, started, subscribe};
use crate::tools::{files, text};

/// Topics that no example makes heard, made heard here.
const HERE: &[&str] = &[
    "event.dead_lettered",
    "event.subscription_suspended",
    "execution.failed",
    "graph.node.deleted",
    "memory.consolidated",
    "schedule.completed",
    "schedule.failed",
    "schedule.missed",
    "schedule.run_succeeded",
    "schedule.suspended",
    "subject.erased",
    "task.due",
    "task.follow_up",
    "task.sla_breached",
    "task.sla_warning",
    "user.reactivated",
];

/// Those that need more around them, with the tests that hear them.
const THERE: &[(&str, &str)] = &[
    ("backup.failed", "tests/it/domain/system/schedule.rs"),
    ("model_budget.warning", "tests/it/domain/models/budgets.rs"),
    ("retraining.ended", "tests/it/domain/learning/retraining.rs"),
];

/// What no example makes heard.
pub(super) fn elsewhere() -> BTreeSet<String> {
    HERE.iter().chain(THERE.iter().map(|(topic, _)| topic)).map(|&topic| topic.to_owned()).collect()
}

#[tokio::test]
async fn what_the_examples_do_not_make_happen_is_told_of_too() {
    let app = started().await;
    let mut heard = app.app.platform().hear();
    let call = async |tool: &str, input| app.call(&app.admin, tool, input).await.unwrap();
    let ada = async |tool: &str, input| app.call(&app.member, tool, input).await.unwrap();

    let receiver = Receiver::start().await;
    receiver.answer_always(Answers::Status(410));
    let target = json!({ "type": "webhook", "url": receiver.url() });
    subscribe(&app, &app.member, &["order.*"], target, json!({})).await;
    publish(&app, "order.created", "a", 0).await;
    let target =
        json!({ "type": "tool", "tool": "prompt_update", "input": { "id": "no-such-prompt", "template": "Hello" } });
    subscribe(&app, &app.member, &["bill.*"], target, json!({ "attempts": 1 })).await;
    publish(&app, "bill.sent", "a", 0).await;

    call("user_update", json!({ "id": app.suspended.user, "status": "active" })).await;
    let gone = call("user_create", json!({ "email": "gone@example.org" })).await;
    call("gdpr_delete_request", json!({ "subjectId": gone["id"] })).await;
    let nodes = json!([{ "ref": "one", "type": "Company", "name": "Soon Gone" }]);
    let written = call("graph_upsert", json!({ "nodes": nodes, "visibility": "tenant" })).await;
    call("graph_delete", json!({ "id": written["nodes"][0]["id"] })).await;
    for text in ["Anna drinks green tea", "Anna is drinking a green tea"] {
        ada("memory_store", json!({ "text": text, "separate": true, "method": "statistical" })).await;
    }
    ada("memory_consolidate", json!({ "scope": "user", "apply": true })).await;

    let process = json!({
        "name": "Fails",
        "nodes": [
            { "id": "begin", "type": "start" },
            { "id": "look", "type": "tool", "config": { "tool": "prompt_get" }, "input": { "id": "no-such-prompt" } },
            { "id": "done", "type": "end" },
        ],
        "edges": [{ "from": "begin", "to": "look" }, { "from": "look", "to": "done" }],
    });
    ada("process_create", process).await;
    ada("process_publish", json!({ "id": "fails" })).await;
    ada("execution_start", json!({ "processId": "fails" })).await;

    let publishing = json!({ "topic": "report.wanted", "event": { "kind": "daily" } });
    for timing in [json!({ "at": "2026-11-20T15:00:00Z" }), json!({ "intervalSeconds": 3600, "missed": "skip" })] {
        let mut schedule = json!({ "tool": "event_publish", "variables": publishing });
        schedule.as_object_mut().unwrap().extend(timing.as_object().unwrap().clone());
        ada("schedule_create", schedule).await;
    }
    let missing = json!({ "id": "no-such-prompt", "template": "Hello" });
    ada("schedule_create", json!({ "at": "2026-11-20T15:00:00Z", "tool": "prompt_update", "variables": missing }))
        .await;
    ada("task_create", json!({ "title": "Pay?", "sla": { "hoursToComplete": 10 } })).await;
    let due = json!({ "title": "Go?", "dueAt": "2026-11-20T18:00:00Z", "followUpAt": "2026-11-20T13:00:00Z" });
    ada("task_create", due).await;

    let mut topics = BTreeSet::new();
    let mut work = async |what: &str, wanted: &[&str]| {
        let (platform, gate) = (app.app.platform(), app.app.gate());
        let (tasks, schedules) = (Tasks::new(platform.clone()), Schedules::new(gate.clone()));
        let executions = Executions::new(gate.clone(), 8).unwrap();
        let began = tokio::time::Instant::now();
        while !wanted.iter().all(|topic| topics.contains(*topic)) {
            assert!(began.elapsed() < Duration::from_secs(60), "{what}: of {wanted:?} only {topics:?}");
            tasks.round().await.unwrap();
            schedules.round().await.unwrap();
            executions.round().await.unwrap();
            carry_out(platform).await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
            while let Ok(event) = heard.try_recv() {
                topics.insert(event.topic.clone());
            }
        }
    };
    let at_once = [
        "event.dead_lettered",
        "event.subscription_suspended",
        "execution.failed",
        "graph.node.deleted",
        "user.reactivated",
    ];
    work("at once", &at_once).await;
    app.clock.advance(Duration::from_hours(3));
    work("in three hours", &["schedule.completed", "schedule.failed", "schedule.run_succeeded", "task.follow_up"])
        .await;
    call("user_update", json!({ "id": app.member.user, "status": "suspended" })).await;
    app.clock.advance(Duration::from_hours(24 * 31));
    work("in a month", HERE).await;
}

#[test]
fn what_is_heard_elsewhere_is_heard_there() {
    for (topic, place) in THERE {
        assert!(text(Path::new(place)).contains(&format!("\"{topic}\"")), "{place} says nothing of {topic}");
    }
}

/// Whatever its examples and tests do: of a topic that is declared there is a place that tells it.
#[test]
fn every_declared_topic_is_told_of_by_some_line() {
    let mut silent = Vec::new();
    for module in MODULES.iter().filter(|module| !module.topics.is_empty()) {
        let domain = module.domain.name();
        let declared = text(Path::new(&format!("src/domain/{domain}/topics.rs")));
        // Events of events are told by the relay, too.
        let folders = [format!("src/domain/{domain}"), "src/runtime/relay".to_owned()];
        let telling: Vec<String> = folders
            .iter()
            .flat_map(|folder| files(folder, "rs"))
            .filter(|path| !path.ends_with("topics.rs"))
            .flat_map(|path| text(&path).lines().map(str::to_owned).collect::<Vec<_>>())
            .filter(|line| !line.trim_start().starts_with("use ") && !line.trim_start().starts_with("//"))
            .collect();
        for topic in module.topics {
            let named = format!(": &str = \"{}\";", topic.name);
            let by = declared.lines().find_map(|line| {
                let before = line.strip_suffix(named.as_str())?;
                Some(before.rsplit(' ').next().unwrap_or_default().to_owned())
            });
            let literal = format!("\"{}\"", topic.name);
            let tells = |line: &String| line.contains(&literal) || by.as_ref().is_some_and(|name| has_word(line, name));
            if !telling.iter().any(tells) {
                silent.push(topic.name);
            }
        }
    }
    assert!(silent.is_empty(), "declared and told by nobody: {silent:?}");
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').any(|one| one == word)
}

/// Those that the source of the design names, by the names that it gives them. What fires `integration.synced` is not there yet.
#[test]
fn the_topics_that_were_promised_are_declared() {
    let declared: Vec<&str> = MODULES.iter().flat_map(|module| module.topics).map(|topic| topic.name).collect();
    for topic in [
        "process.created",
        "process.updated",
        "execution.started",
        "execution.completed",
        "execution.failed",
        "task.created",
        "task.responded",
        "agent.invoked",
        "document.extracted",
    ] {
        assert!(declared.contains(&topic), "{topic}");
    }
}
