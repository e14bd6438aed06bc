//! What calls leave behind: every write, run by the examples of its card, leaves one audit entry and one usage row in the
//! same commit; every read leaves none.

use std::collections::BTreeSet;

use convoke::capability::gate::audit::AUDIT;
use convoke::capability::gate::usage::USAGE;

use crate::lists;
use crate::support::app::TestApp;
use crate::support::examples;

/// What commits in steps: each has an entry of its own, and the call one row of usage.
const IN_STEPS: &[&str] = &["agent_learn", "execution_run", "knowledge_ingest"];

#[tokio::test]
async fn every_write_leaves_one_entry_and_every_read_none() {
    let mut wrong = Vec::new();
    for (tool, example) in examples::all() {
        let app = TestApp::start().await;
        let before = app.ledger().await;
        let reply = app.call_with(&app.admin, &tool.name, example.input.clone(), |_| {}).await.unwrap();
        if let Err(fault) = &reply.result {
            wrong.push(format!("{}, \"{}\": {fault}", tool.name, example.say));
            continue;
        }
        let ran = reply.via.clone().unwrap_or_else(|| tool.clone());
        let writes = !ran.effect.reads() || ran.spends;
        let done = usize::from(writes);
        let after = app.ledger().await;
        let left = (after.audit - before.audit, after.usage - before.usage);
        let in_steps = IN_STEPS.contains(&ran.name.as_ref()) && left.0 >= 1 && left.1 == 1;
        if left != (done, done) && !in_steps {
            wrong.push(format!("{}, \"{}\": left {left:?} audit entries and usage rows", tool.name, example.say));
            continue;
        }
        if !writes {
            continue;
        }
        let entries = app.entries(&AUDIT).await;
        let entry = entries.last().unwrap();
        let usage = app.entries(&USAGE).await;
        let told = [
            // What was recorded from elsewhere is told as that, and by which tool.
            ("action", entry["action"] == *ran.name || entry["recorded"]["by"] == *ran.name),
            ("effect", entry["effect"] == ran.effect.name()),
            ("actor", entry["actor"] == app.admin.user.to_string()),
            ("tenant", entry["tenantId"] == app.admin.tenant.to_string()),
            ("request", entry["requestId"] == reply.id.to_string()),
            ("time", entry["timestamp"] == "2026-11-20T12:00:00.000Z"),
            ("outcome", entry["outcome"] == "done"),
            ("usage", usage.last().unwrap()["tool"] == *ran.name),
        ];
        for (what, _) in told.iter().filter(|(_, fits)| !fits) {
            wrong.push(format!("{}, \"{}\": the {what} of {entry}", tool.name, example.say));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn no_example_leaves_a_secret_in_the_logs() {
    for (tool, example) in examples::all().into_iter().filter(|(tool, _)| tool.shows_secret) {
        let app = TestApp::start().await;
        let answer = app.call(&app.admin, &tool.name, example.input).await.unwrap();
        // Of the targets of a subscription only a webhook has a secret.
        if tool.name.as_ref() == "event_subscribe" && answer["target"]["type"] != "webhook" {
            continue;
        }
        let shown = ["key", "secret", "path"].into_iter().find_map(|name| answer[name].as_str());
        let shown = shown.unwrap_or_else(|| panic!("{} shows no secret", tool.name));
        for log in [&AUDIT, &USAGE, &convoke::capability::events::EVENTS] {
            assert!(!format!("{:?}", app.entries(log).await).contains(shown), "{} in {}", tool.name, log.name);
        }
    }
}

#[test]
fn every_tool_has_an_example() {
    let with: BTreeSet<String> = examples::all().iter().map(|(tool, _)| tool.name.to_string()).collect();
    let all: BTreeSet<String> = crate::tools::built().iter().map(|tool| tool.name.to_string()).collect();
    lists::hold("without_examples.txt", &all.difference(&with).cloned().collect());
}
