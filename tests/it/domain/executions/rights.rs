//! Whose rights an execution has, and what holds it within bounds.

use std::time::Duration;

use convoke::port::store::{Batch, Step};
use serde_json::{Value, json};

use super::{begin, end, keeps, over, published, rest, started};
use crate::domain::agents::{calls, said};
use crate::domain::events::receiver::until;
use crate::support::app::TestApp;

async fn fails_with(app: &TestApp, name: &str, node: Value) -> Value {
    let id = node["id"].as_str().unwrap().to_owned();
    let edges = format!("begin>{id} {id}>done");
    published(app, &app.member, name, json!([begin(), node, end("done")]), &edges, json!({})).await;
    let execution = started(app, &app.member, &name.to_lowercase(), json!({})).await;
    over(app, &app.member, &execution).await["failure"]["code"].clone()
}

#[tokio::test]
async fn what_stands_for_a_tool_is_held_to_the_permissions_of_its_node() {
    let app = TestApp::start().await;
    published(&app, &app.member, "Below", json!([begin(), end("done")]), "begin>done", json!({})).await;
    let ask = |permissions: Value| json!({ "id": "ask", "type": "human_task", "config": { "assignee": "ada@example.org" }, "permissions": permissions });
    let run = |permissions: Value| json!({ "id": "run", "type": "sub_process", "config": { "processId": "below" }, "permissions": permissions });
    assert_eq!(fails_with(&app, "Ask", ask(json!(["documents:*"]))).await, "forbidden");
    assert_eq!(fails_with(&app, "Run", run(json!(["documents:*"]))).await, "forbidden");
    assert_eq!(fails_with(&app, "Runs", run(json!(["executions:create"]))).await, Value::Null);
}

#[tokio::test]
async fn a_call_that_is_handed_on_gets_no_further_than_its_node_may() {
    let app = TestApp::start().await;
    let hand = |permissions: Value| {
        let mut node = keeps("hand", "");
        node["config"] = json!({ "tool": "tool_call" });
        node["input"] =
            json!({ "name": "memory_store", "input": { "text": "Handed on by a node", "method": "statistical" } });
        if !permissions.is_null() {
            node["permissions"] = permissions;
        }
        node
    };
    assert_eq!(fails_with(&app, "Narrow", hand(json!(["documents:*"]))).await, "forbidden");
    assert_eq!(super::remembered(&app, &app.member, "handed on by a node").await, 0);
    assert_eq!(fails_with(&app, "Wide", hand(Value::Null)).await, Value::Null);
    assert_eq!(super::remembered(&app, &app.member, "handed on by a node").await, 1);
}

#[tokio::test]
async fn executions_that_start_each_other_come_to_an_end() {
    let app = TestApp::start().await;
    let again = json!({ "id": "again", "type": "tool", "config": { "tool": "execution_start" }, "input": { "processId": "chain" } });
    published(&app, &app.member, "Chain", json!([begin(), again, end("done")]), "begin>again again>done", json!({}))
        .await;
    let first = started(&app, &app.member, "chain", json!({})).await;
    rest(&app).await;
    assert_eq!(over(&app, &app.member, &first).await["status"], "completed");
    let told = app.call(&app.member, "execution_list", json!({ "processId": "chain", "limit": 100 })).await.unwrap();
    let all = told["items"].as_array().unwrap();
    let most = app.app.platform().config.events.most_hops as usize;
    assert_eq!(all.len(), most + 1);
    let failed: Vec<&Value> = all.iter().filter(|one| one["status"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    let last = app.call(&app.member, "execution_get", json!({ "id": failed[0]["executionId"] })).await.unwrap();
    assert_eq!(last["failure"]["code"], "execution_too_deep");
}

#[tokio::test]
async fn what_would_be_too_large_to_keep_fails_its_step() {
    let app = TestApp::start().await;
    let variables = json!({ "ballast": {}, "part": {}, "more": {} });
    let twice = json!({ "id": "twice", "type": "script", "config": { "steps": [{ "name": "both", "value": "part" }] }, "output": { "more": "=result.both" } });
    let word = json!({ "id": "word", "type": "wait", "config": { "message": "word" } });
    let nodes = json!([begin(), keeps("keep", "The large one keeps a note"), twice, end("done")]);
    published(&app, &app.member, "Large", nodes, "begin>keep keep>twice twice>done", variables.clone()).await;
    let nodes = json!([begin(), word, twice.clone(), end("done")]);
    published(&app, &app.member, "Waits", nodes, "begin>word word>twice twice>done", variables.clone()).await;
    let pause = json!({ "id": "pause", "type": "timer", "config": { "after": "PT1H" } });
    let nodes = json!([begin(), pause, twice, end("done")]);
    published(&app, &app.member, "Later", nodes, "begin>pause pause>twice twice>done", variables).await;
    let ballast = |bytes: usize| json!({ "ballast": "x".repeat(bytes), "part": "y".repeat(500_000) });
    // At the start.
    let start = json!({ "processId": "large", "variables": ballast(8 << 20) });
    let fault = app.call(&app.member, "execution_start", start).await.unwrap_err();
    assert_eq!(fault.code().name, "kept_too_large", "{fault}");
    // By what comes of a step: the step fails, however small its own answer is.
    let id = started(&app, &app.member, "large", ballast(7_700_000)).await;
    let told = over(&app, &app.member, &id).await;
    assert_eq!((&told["failure"]["code"], &told["failedAt"]), (&json!("state_too_large"), &json!("keep")));
    // By what comes of a message: it is refused, and whoever sends it is told why.
    let id = started(&app, &app.member, "waits", ballast(7_700_000)).await;
    let signal = json!({ "id": id, "message": "word" });
    let fault = app.call(&app.member, "execution_signal", signal).await.unwrap_err();
    assert_eq!(fault.code().name, "kept_too_large", "{fault}");
    app.call(&app.member, "execution_cancel", json!({ "id": id })).await.unwrap();
    // By what comes of a time: nothing was asked that could fail, so the execution does, and stands where it waited.
    let id = started(&app, &app.member, "later", ballast(7_700_000)).await;
    app.clock.advance(Duration::from_secs(3_600));
    let told = over(&app, &app.member, &id).await;
    assert_eq!((&told["failure"]["code"], &told["failedAt"]), (&json!("state_too_large"), &json!("pause")));
    let recover = json!({ "id": id, "action": "retry", "variables": { "ballast": "small" } });
    app.call(&app.member, "execution_recover", recover).await.unwrap();
    rest(&app).await;
    app.clock.advance(Duration::from_secs(3_600));
    assert_eq!(over(&app, &app.member, &id).await["status"], "completed");
}

/// What a process sets going for later, by time and by events, does no more either.
#[tokio::test]
async fn what_a_process_leaves_behind_is_within_the_same_bound() {
    let app = TestApp::start().await;
    let nodes = json!([begin(), keeps("keep", "Kept for somebody else"), end("done")]);
    published(&app, &app.member, "Full", nodes, "begin>keep keep>done", json!({})).await;
    let plan = json!({ "id": "plan", "type": "tool", "config": { "tool": "schedule_create" },
        "input": { "processId": "full", "cronExpression": "0 * * * *" } });
    let target = json!({ "type": "tool", "tool": "execution_start", "input": { "processId": "full" } });
    let hear = json!({ "id": "hear", "type": "tool", "config": { "tool": "event_subscribe" }, "input": { "topics": ["order.*"], "target": target } });
    let process = json!({ "name": "Trap", "nodes": [begin(), plan, hear, end("done")], "edges": [
        { "from": "begin", "to": "plan" }, { "from": "plan", "to": "hear" }, { "from": "hear", "to": "done" },
    ] });
    // Somebody who may do all of that, and make no memories.
    let scopes = [
        "processes:read",
        "processes:create",
        "processes:change",
        "executions:read",
        "executions:create",
        "schedules:create",
        "events:read",
        "events:create",
    ];
    let key = app.call(&app.member, "api_key_create", json!({ "name": "narrow", "scopes": scopes })).await.unwrap();
    let narrow = key["key"].as_str().unwrap();
    app.call_by_key(narrow, "process_create", process).await.unwrap();
    app.call_by_key(narrow, "process_publish", json!({ "id": "trap" })).await.unwrap();
    let id = started(&app, &app.member, "trap", json!({})).await;
    let told = over(&app, &app.member, &id).await;
    assert_eq!(told["status"], "completed", "{told:#}");
    app.call(&app.member, "event_publish", json!({ "topic": "order.created", "event": {} })).await.unwrap();
    app.clock.advance(Duration::from_hours(1));
    app.app.start().await.unwrap();
    let both = until("both are over", async || {
        let input = json!({ "processId": "full", "status": "failed" });
        let told = app.call(&app.member, "execution_list", input).await.unwrap();
        Some(told["items"].as_array().unwrap().clone()).filter(|all| all.len() == 2)
    });
    for one in both.await {
        let told = app.call(&app.member, "execution_get", json!({ "id": one["executionId"] })).await.unwrap();
        let why = told["failure"]["message"].as_str().unwrap();
        assert!(why.contains("memories:create") && why.contains("version 1.0.0 of the process 'trap'"), "{why}");
    }
    assert_eq!(super::remembered(&app, &app.member, "kept for somebody else").await, 0);
}

#[tokio::test]
async fn a_process_does_no_more_than_whoever_published_it_could() {
    let app = TestApp::start().await;
    // Handed on: who may not call a tool cannot name it in a node in so many words.
    let hand = |text: &str| {
        let input = json!({ "name": "memory_store", "input": { "text": text, "method": "statistical" } });
        json!([begin(), { "id": "keep", "type": "tool", "config": { "tool": "tool_call" }, "input": input }, end("done")])
    };
    let nodes = hand("Kept for somebody else");
    let edges = json!([{ "from": "begin", "to": "keep" }, { "from": "keep", "to": "done" }]);
    // Somebody who may make processes and not memories.
    let input = json!({ "name": "narrow", "scopes": ["processes:read", "processes:create", "processes:change", "executions:read", "executions:create", "tools:read"] });
    let key = app.call(&app.member, "api_key_create", input).await.unwrap();
    let narrow = key["key"].as_str().unwrap();
    let input = json!({ "name": "Trap", "nodes": nodes.clone(), "edges": edges });
    app.call_by_key(narrow, "process_create", input).await.unwrap();
    app.call_by_key(narrow, "process_publish", json!({ "id": "trap" })).await.unwrap();
    for person in [&app.member, &app.admin] {
        let id = started(&app, person, "trap", json!({})).await;
        let told = over(&app, person, &id).await;
        assert_eq!((&told["failure"]["code"], &told["failedAt"]), (&json!("forbidden"), &json!("keep")), "{told:#}");
        let why = told["failure"]["message"].as_str().unwrap();
        assert!(why.contains("memories:create") && why.contains("version 1.0.0 of the process 'trap'"), "{why}");
    }
    // Nor does what it starts, whoever published that.
    published(&app, &app.member, "Full", nodes, "begin>keep keep>done", json!({})).await;
    let id = started(&app, &app.member, "full", json!({})).await;
    assert_eq!(over(&app, &app.member, &id).await["status"], "completed");
    let again = json!({ "id": "again", "type": "tool", "config": { "tool": "execution_start" }, "input": { "processId": "full" } });
    let below = json!({ "id": "below", "type": "sub_process", "config": { "processId": "full" } });
    let input = json!({ "name": "Detour", "nodes": [begin(), again, below, end("done")], "edges": [
        { "from": "begin", "to": "again" }, { "from": "again", "to": "below" }, { "from": "below", "to": "done" },
    ] });
    app.call_by_key(narrow, "process_create", input).await.unwrap();
    app.call_by_key(narrow, "process_publish", json!({ "id": "detour" })).await.unwrap();
    let id = started(&app, &app.member, "detour", json!({})).await;
    let told = over(&app, &app.member, &id).await;
    assert_eq!((&told["failure"]["code"], &told["failedAt"]), (&json!("forbidden"), &json!("below")), "{told:#}");
    rest(&app).await;
    let all = app.call(&app.member, "execution_list", json!({ "processId": "full" })).await.unwrap();
    let stands: Vec<&Value> = all["items"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(stands.iter().filter(|status| **status == "failed").count(), 2, "{stands:?}");
    assert_eq!(super::remembered(&app, &app.member, "kept for somebody else").await, 1);
    // Once somebody who may has published it, it is done.
    let next = json!({ "id": "trap", "nodes": hand("Kept by right"), "edges": [
        { "from": "begin", "to": "keep" }, { "from": "keep", "to": "done" },
    ] });
    app.call_by_key(narrow, "process_update", next).await.unwrap();
    app.call(&app.member, "process_publish", json!({ "id": "trap" })).await.unwrap();
    let id = started(&app, &app.member, "trap", json!({})).await;
    assert_eq!(over(&app, &app.member, &id).await["status"], "completed");
}

#[tokio::test]
async fn an_agent_starts_only_what_it_could_do_itself() {
    let app = TestApp::start().await;
    let edges = "begin>keep keep>done";
    let nodes = json!([begin(), keeps("keep", "Kept by way of an agent"), end("done")]);
    published(&app, &app.member, "Keeps", nodes, edges, json!({})).await;
    let config = json!({ "url": "https://api.example.org/orders" });
    let send = json!({ "id": "keep", "type": "integration", "config": config });
    published(&app, &app.member, "Sends", json!([begin(), send, end("done")]), edges, json!({})).await;
    for (name, names) in [("Narrow", json!(["execution_start"])), ("Wide", json!(["execution_start", "memory_store"]))]
    {
        let agent = json!({
            "name": name, "description": "Does what a test says.", "instructions": "Be short.", "model": { "name": "test/large" },
            "tools": { "names": names, "effects": ["create"] },
        });
        app.call(&app.member, "agent_register", agent).await.unwrap();
    }
    for (agent, process, code) in [
        ("narrow", "keeps", json!("tool_not_allowed")),
        ("wide", "sends", json!("tool_not_allowed")),
        ("wide", "keeps", Value::Null),
    ] {
        let start = ("a".to_owned(), "execution_start".to_owned(), json!({ "processId": process }));
        app.vendor.tell("large", [calls(&[start]), said("So it is.")]);
        let input = json!({ "id": agent, "prompt": "Start it." });
        let told = app.call(&app.member, "agent_invoke", input).await.unwrap();
        assert_eq!(told["toolCalls"][0]["code"], code, "{agent} {process}: {told:#}");
        let all = app.call(&app.member, "execution_list", json!({ "processId": process })).await.unwrap();
        assert_eq!(all["items"].as_array().unwrap().len(), usize::from(code.is_null()), "{agent} {process}");
    }
}

#[tokio::test]
async fn however_deep_they_lie_only_so_many_executions_are_run_below_one() {
    let app = TestApp::start().await;
    published(&app, &app.member, "Below", json!([begin(), end("done")]), "begin>done", json!({})).await;
    let nodes = json!([
        begin(), { "id": "word", "type": "wait", "config": { "message": "word" } },
        { "id": "run", "type": "sub_process", "config": { "processId": "below" } }, end("done"),
    ]);
    published(&app, &app.member, "Above", nodes, "begin>word word>run run>done", json!({})).await;
    for (there, status) in [(99_999, "completed"), (100_000, "failed")] {
        let id = started(&app, &app.member, "above", json!({})).await;
        let platform = app.app.platform();
        let count = Step::Count { name: "executions_below", key: id.clone(), by: there, at_most: None };
        let batch = Batch { tenant: app.member.tenant, at: platform.clock.now(), steps: vec![count] };
        platform.store.commit(vec![batch]).await.unwrap();
        app.call(&app.member, "execution_signal", json!({ "id": id, "message": "word" })).await.unwrap();
        let told = over(&app, &app.member, &id).await;
        assert_eq!(told["status"], status, "{told}");
        assert_eq!(told["failure"]["code"] == "execution_too_deep", status == "failed", "{told}");
    }
}
