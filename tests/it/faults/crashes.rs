//! A process with a node of each kind that waits, works or branches, crashed at every write of its way and gone on with after a start: what
//! it writes here is there once, what it asks outside is asked at least once, and it always comes to its end.
//!
//! Each third boundary is tried in an ordinary run; with `CRASH_EVERY=1` all of them are.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use convoke::capability::gate::audit::AUDIT;
use convoke::domain::executions::working::Worker;
use convoke::kernel::clock::Clock as _;
use serde_json::{Value, json};

use crate::domain::events::receiver::{Receiver, to_this_machine};
use crate::support::app::TestApp;
use crate::support::breaking::{Break, BreakingStore};

/// How many steps of the process keep something here, each once.
const KEPT: usize = 9;

/// More writes than the process has: the sweep ends where an execution ends without meeting its crash.
const MOST: i64 = 400;

fn keeps(id: &str) -> Value {
    json!({
        "id": id, "type": "tool", "config": { "tool": "memory_store" },
        "input": { "text": format!("= \"Run \" + string(run) + \" was at {id}\""), "method": "statistical" },
    })
}

fn plain(id: &str, of: &str) -> Value {
    json!({ "id": id, "type": of })
}

async fn publish(app: &TestApp, name: &str, nodes: Vec<Value>, edges: &[(&str, &str)], variables: Value) {
    let edges: Vec<Value> = edges
        .iter()
        .map(|(from, to)| match to.split_once(" if ") {
            Some((to, condition)) => json!({ "from": from, "to": to, "condition": format!("= {condition}") }),
            None => json!({ "from": from, "to": to }),
        })
        .collect();
    let input = json!({ "name": name, "nodes": nodes, "edges": edges, "variables": variables });
    app.call(&app.member, "process_create", input).await.unwrap();
    app.call(&app.member, "process_publish", json!({ "id": name })).await.unwrap();
}

/// Publishes the process: a list of sub-processes and a saga are among its steps.
async fn lay(app: &TestApp, outside: &str) {
    let prompt = json!({ "name": "Greeting", "description": "Greets.", "template": "Greet {{ who }}.", "variables": [{ "name": "who", "schema": { "type": "string" } }] });
    app.call(&app.member, "prompt_create", prompt).await.unwrap();
    let agent = json!({ "name": "Helper", "description": "Helps.", "instructions": "Be short.", "model": { "name": "test/large" } });
    app.call(&app.member, "agent_register", agent).await.unwrap();
    let below = vec![plain("begin", "start"), keeps("below"), plain("done", "end")];
    let run = json!({ "run": { "required": true } });
    publish(app, "Below", below, &[("begin", "below"), ("below", "done")], run).await;
    let nodes = vec![
        plain("begin", "start"),
        json!({ "id": "reckon", "type": "script", "config": { "steps": [{ "name": "twice", "value": "run * 2" }] }, "output": { "twice": "= result.twice" } }),
        keeps("first"),
        plain("choose", "exclusive"),
        keeps("never"),
        plain("merge", "exclusive"),
        plain("fork", "parallel"),
        keeps("left"),
        keeps("right"),
        plain("join", "parallel"),
        plain("some", "inclusive"),
        keeps("much"),
        plain("together", "inclusive"),
        json!({ "id": "each", "type": "for_each", "config": { "items": "[1, 2]", "as": "one", "node": "child", "mode": "parallel", "atOnce": 2 } }),
        json!({ "id": "child", "type": "sub_process", "config": { "processId": "below" }, "input": { "run": "= run" } }),
        json!({ "id": "greet", "type": "prompt", "config": { "promptId": "greeting", "model": "test/large" }, "input": { "who": "= \"run \" + string(run)" } }),
        json!({ "id": "help", "type": "agent", "config": { "agentId": "helper", "message": "= \"Help with run \" + string(run)" },
            "retry": { "attempts": 3, "wait": "PT1S", "on": ["outcome_unknown"] } }),
        json!({ "id": "decide", "type": "decision", "config": { "ruleSet": "discounts" }, "input": { "amount": "= 150", "tier": "gold" } }),
        json!({ "id": "send", "type": "integration", "config": { "url": outside }, "input": { "run": "= run" } }),
        keeps("book"),
        json!({ "id": "unbooks", "type": "compensation", "config": { "attachedTo": "book", "by": "unbook" } }),
        keeps("unbook"),
        json!({ "id": "back", "type": "compensate", "config": { "only": ["book"] } }),
        json!({ "id": "pause", "type": "timer", "config": { "after": "PT10M" } }),
        json!({ "id": "word", "type": "wait", "config": { "message": "word" } }),
        json!({ "id": "ask", "type": "human_task", "name": "Agree", "config": { "assignee": "= approver", "outcomes": ["approve"] } }),
        json!({ "id": "late", "type": "boundary_timeout", "config": { "attachedTo": "ask", "after": "P30D" } }),
        json!({ "id": "look", "type": "tool", "config": { "tool": "document_get" }, "input": { "id": "00000000-0000-7000-8000-000000000000" } }),
        json!({ "id": "missing", "type": "boundary_error", "config": { "attachedTo": "look", "codes": ["not_found"] } }),
        keeps("last"),
        plain("done", "end"),
        plain("unanswered", "end"),
    ];
    let edges = [
        ("begin", "reckon"),
        ("reckon", "first"),
        ("first", "choose"),
        ("choose", "never if twice < 0"),
        ("choose", "merge if twice >= 0"),
        ("never", "merge"),
        ("merge", "fork"),
        ("fork", "left"),
        ("fork", "right"),
        ("left", "join"),
        ("right", "join"),
        ("join", "some"),
        ("some", "much if twice >= 0"),
        ("some", "together if twice < 0"),
        ("much", "together"),
        ("together", "each"),
        ("each", "greet"),
        ("greet", "help"),
        ("help", "decide"),
        ("decide", "send"),
        ("send", "book"),
        ("book", "back"),
        ("back", "pause"),
        ("pause", "word"),
        ("word", "ask"),
        ("ask", "look"),
        ("late", "unanswered"),
        ("look", "last"),
        ("missing", "last"),
        ("last", "done"),
    ];
    let variables = json!({ "run": { "required": true }, "approver": { "required": true }, "twice": {} });
    publish(app, "Everything", nodes, &edges, variables).await;
}

/// Where an execution got to.
enum Came {
    ToItsEnd,
    ToTheCrash,
}

/// Lets an execution go on, doing what it waits for, until it ends or the store is lost.
async fn drive(app: &TestApp, id: &str, breaks: &Break) -> Came {
    let worker = Worker::new(app.app.gate().clone(), 8).unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let mut idle = 0;
    let mut told = Value::Null;
    while Instant::now() < until {
        let worked = worker.round().await.unwrap_or(0);
        if breaks.is_broken() {
            return Came::ToTheCrash;
        }
        told = app.call(&app.member, "execution_get", json!({ "id": id })).await.unwrap();
        if told["status"] == "completed" {
            return Came::ToItsEnd;
        }
        assert_eq!(told["status"], "running", "{told:#}");
        idle = if worked == 0 { idle + 1 } else { 0 };
        let stage = told["state"]["tokens"][0]["stage"].as_str().unwrap_or_default();
        match (stage, told["currentNode"].as_str().unwrap_or_default()) {
            ("waiting_for_time", _) => app.clock.advance(Duration::from_secs(601)),
            // What is said or answered may be lost with the store; then it is said again.
            ("waiting_for_message", _) => {
                let _ = app.call(&app.member, "execution_signal", json!({ "id": id, "message": "word" })).await;
            }
            (_, "ask") => answer(app, id).await,
            _ => {}
        }
        // A lease that was left behind ends.
        if idle > 20 {
            app.clock.advance(Duration::from_secs(61));
            idle = 0;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("it never came to an end: {told:#}");
}

async fn answer(app: &TestApp, id: &str) {
    let Ok(told) = app.call(&app.admin, "task_list", json!({ "executionId": id })).await else { return };
    for task in told["items"].as_array().unwrap() {
        let Ok(task) = app.call(&app.admin, "task_get", json!({ "id": task["taskId"] })).await else { return };
        let answer = json!({ "id": task["taskId"], "outcome": "approve", "shownHash": task["shownHash"] });
        let _ = app.call(&app.admin, "task_respond", answer).await;
    }
}

/// How often something was kept here: each call that did has its entry, in the commit of what it wrote. One that was stopped has another.
async fn kept(app: &TestApp) -> usize {
    let entries = app.entries(&AUDIT).await;
    entries.iter().filter(|entry| entry["action"] == "memory_store" && entry["outcome"] == "done").count()
}

async fn again(app: TestApp, breaks: &Arc<Break>) -> TestApp {
    let breaks = breaks.clone();
    let app = app.open_again_with(move |settings| {
        to_this_machine(settings);
        settings.before_store = Some(Arc::new(move |store| Arc::new(BreakingStore::new(store, breaks.clone()))));
    });
    let app = app.await;
    // As every start does first.
    app.app.gate().take_up().await.unwrap();
    app
}

#[tokio::test]
async fn a_process_crashed_at_any_write_goes_on_to_its_end_and_what_it_keeps_is_kept_once() {
    let every: i64 = std::env::var("CRASH_EVERY").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let mut breaks = Arc::new(Break::default());
    let mut app = again(TestApp::start().await, &breaks).await;
    let mut outside = Receiver::start().await;
    lay(&app, &outside.url()).await;
    let mut crashes = 0;
    let mut nth = 1;
    loop {
        assert!(nth < MOST, "the sweep has no end");
        let (before, asked) = (kept(&app).await, app.vendor.requests().len());
        let variables = json!({ "run": nth, "approver": app.admin.user.to_string() });
        let input = json!({ "processId": "everything", "variables": variables });
        let started = app.call(&app.member, "execution_start", input).await.unwrap();
        let id = started["executionId"].as_str().unwrap().to_owned();
        // Every second crash comes after the write and before anybody learns of it.
        breaks.at(nth, nth % 2 == 0);
        let crashed = matches!(drive(&app, &id, &breaks).await, Came::ToTheCrash);
        if crashed {
            crashes += 1;
            breaks = Arc::new(Break::default());
            app = again(app, &breaks).await;
            assert!(matches!(drive(&app, &id, &breaks).await, Came::ToItsEnd));
        }
        breaks.at(i64::MAX, false);
        assert_eq!(kept(&app).await - before, KEPT, "what is kept here is kept once, crashed at write {nth}");
        assert!(app.vendor.requests().len() >= asked + 2, "models are asked at least once by each step that asks them");
        let sent: Vec<_> = std::iter::from_fn(|| outside.already()).collect();
        let keys: BTreeSet<&str> = sent.iter().map(|one| one.header("idempotency-key")).collect();
        assert_eq!(keys.len(), 1, "whoever is asked outside knows it for the same: {keys:?}");
        assert!(sent.iter().all(|one| one.json() == json!({ "run": nth })));
        for queue in ["executions", "execution_work"] {
            // A time limit that nobody waits for any more is still due later.
            let due = app.app.platform().store.next_due(queue).await.unwrap();
            assert!(due.is_none_or(|due| due > app.clock.now()), "{queue}");
        }
        if !crashed {
            break;
        }
        nth += every;
    }
    assert!(crashes * every > 20, "{crashes} crashes are no sweep");
}
