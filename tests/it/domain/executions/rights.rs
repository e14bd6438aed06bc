//! Whose rights an execution has, and what holds it within bounds.

use convoke::port::store::{Batch, Step};
use serde_json::{Value, json};

use super::{begin, end, keeps, over, published, started};
use crate::domain::agents::{calls, said};
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
    super::rest(&app).await;
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
    let nodes = json!([begin(), { "id": "word", "type": "wait", "config": { "message": "word" } }, keeps("keep", "The large one keeps a note"), end("done")]);
    published(&app, &app.member, "Large", nodes, "begin>word word>keep keep>done", json!({ "ballast": {} })).await;
    let id = started(&app, &app.member, "large", json!({ "ballast": "x".repeat(8 << 20) })).await;
    app.call(&app.member, "execution_signal", json!({ "id": id, "message": "word" })).await.unwrap();
    let told = over(&app, &app.member, &id).await;
    assert_eq!((&told["failure"]["code"], &told["failedAt"]), (&json!("state_too_large"), &json!("keep")));
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
