//! One step by itself, the log, and what waits for what.

use serde_json::{Value, json};

use super::{begin, end, journal, keeps, over, published, remembered, rest, started, until};
use crate::support::app::{Person, TestApp};

async fn step(app: &TestApp, person: &Person, id: &str, step: &str) -> Result<Value, convoke::kernel::fault::Fault> {
    app.call(person, "execution_step", json!({ "id": id, "step": step })).await
}

#[tokio::test]
async fn one_that_is_held_is_gone_through_step_by_step() {
    let app = TestApp::start().await;
    let nodes =
        json!([begin(), keeps("one", "Kites fly over the dunes"), keeps("two", "Owls sleep by day"), end("done")]);
    published(&app, &app.member, "Stepwise", nodes, "begin>one one>two two>done", json!({})).await;
    let told =
        app.call(&app.member, "execution_start", json!({ "processId": "stepwise", "hold": true })).await.unwrap();
    let id = told["executionId"].as_str().unwrap().to_owned();
    let told = step(&app, &app.member, &id, "one").await.unwrap();
    assert_eq!((&told["how"], &told["status"], &told["step"]), (&json!("begun"), &json!("paused"), &json!("one")));
    rest(&app).await;
    let told = app.call(&app.member, "execution_get", json!({ "id": id })).await.unwrap();
    assert_eq!((&told["status"], &told["currentNode"]), (&json!("paused"), &json!("two")), "{told:#}");
    assert_eq!((remembered(&app, &app.member, "kites").await, remembered(&app, &app.member, "owls").await), (1, 0));
    step(&app, &app.member, &id, "two").await.unwrap();
    assert_eq!(over(&app, &app.member, &id).await["status"], "completed");
    assert!(journal(&app, &app.member, &id).await.contains(&"stepped -".to_owned()));
}

#[tokio::test]
async fn a_step_that_is_done_is_done_once_more_with_what_is_known_now() {
    let app = TestApp::start().await;
    let mut note = keeps("note", "");
    note["input"]["text"] = json!("= text");
    let nodes = json!([begin(), note, { "id": "word", "type": "wait", "config": { "message": "word" } }, end("done")]);
    published(
        &app,
        &app.member,
        "Again",
        nodes,
        "begin>note note>word word>done",
        json!({ "text": { "required": true } }),
    )
    .await;
    let id = started(&app, &app.member, "again", json!({ "text": "Plums ripen in August" })).await;
    until(&app, &app.member, &id, |told| told["currentNode"] == "word").await;
    let input = json!({ "id": id, "step": "note", "variables": { "text": "Pears ripen in September" } });
    let told = app.call(&app.member, "execution_step", input).await.unwrap();
    assert_eq!(told["how"], "repeated");
    rest(&app).await;
    assert_eq!((remembered(&app, &app.member, "plums").await, remembered(&app, &app.member, "pears").await), (1, 1));
    let told = app.call(&app.member, "execution_get", json!({ "id": id })).await.unwrap();
    assert_eq!((&told["status"], told["state"]["tokens"].as_array().unwrap().len()), (&json!("running"), 1));
}

#[tokio::test]
async fn a_step_that_failed_is_done_again_and_goes_on() {
    let app = TestApp::start().await;
    let look =
        json!({ "id": "look", "type": "tool", "config": { "tool": "memory_get" }, "input": { "id": "= memory" } });
    let variables = json!({ "memory": { "schema": { "type": "string" }, "required": true } });
    published(&app, &app.member, "Broken", json!([begin(), look, end("done")]), "begin>look look>done", variables)
        .await;
    let nothing = "00000000-0000-7000-8000-000000000000";
    let id = started(&app, &app.member, "broken", json!({ "memory": nothing })).await;
    assert_eq!(over(&app, &app.member, &id).await["status"], "failed");
    let kept = json!({ "text": "What the broken one looks for", "method": "statistical" });
    let kept = app.call(&app.member, "memory_store", kept).await.unwrap();
    let input = json!({ "id": id, "step": "look", "variables": { "memory": kept["memory"]["memoryId"] } });
    let told = app.call(&app.member, "execution_step", input).await.unwrap();
    assert_eq!((&told["how"], &told["status"]), (&json!("retried"), &json!("running")));
    assert_eq!(over(&app, &app.member, &id).await["status"], "completed");
}

#[tokio::test]
async fn what_is_no_step_by_itself_is_refused() {
    let app = TestApp::start().await;
    let nodes = json!([begin(), { "id": "word", "type": "wait", "config": { "message": "word" } }, keeps("later", "Never"), end("done")]);
    published(&app, &app.member, "Refusing", nodes, "begin>word word>later later>done", json!({})).await;
    let id = started(&app, &app.member, "refusing", json!({})).await;
    for (node, code) in [
        ("word", "execution_step_unfit"),
        ("begin", "execution_step_unfit"),
        ("later", "execution_step_unfit"),
        ("nowhere", "not_found"),
    ] {
        let fault = step(&app, &app.member, &id, node).await.unwrap_err();
        assert_eq!(fault.code().name, code, "{node}: {fault}");
    }
    assert_eq!(step(&app, &app.stranger, &id, "word").await.unwrap_err().code().name, "not_found");
    assert_eq!(step(&app, &app.nobody, &id, "word").await.unwrap_err().code().name, "forbidden");
    app.call(&app.member, "execution_cancel", json!({ "id": id })).await.unwrap();
    assert_eq!(step(&app, &app.member, &id, "begin").await.unwrap_err().code().name, "execution_wrong_state");
}

#[tokio::test]
async fn a_timer_is_not_waited_for_any_longer() {
    let app = TestApp::start().await;
    let nodes = json!([begin(), { "id": "pause", "type": "timer", "config": { "after": "P30D" } }, end("done")]);
    published(&app, &app.member, "Slow", nodes, "begin>pause pause>done", json!({})).await;
    let id = started(&app, &app.member, "slow", json!({})).await;
    assert_eq!(step(&app, &app.member, &id, "pause").await.unwrap()["how"], "hurried");
    assert_eq!(over(&app, &app.member, &id).await["status"], "completed");
}

#[tokio::test]
async fn the_log_is_found_by_level_text_node_and_time() {
    let app = TestApp::start().await;
    let prompt = json!({ "name": "Welcome", "description": "Welcomes.", "template": "Welcome {{ who }}.", "variables": [{ "name": "who", "schema": { "type": "string" } }] });
    app.call(&app.member, "prompt_create", prompt).await.unwrap();
    let nodes = json!([
        begin(),
        { "id": "greet", "type": "prompt", "config": { "promptId": "welcome", "model": "test/large" }, "input": { "who": "= who" } },
        { "id": "look", "type": "tool", "config": { "tool": "memory_get" }, "input": { "id": "00000000-0000-7000-8000-000000000000" } },
        end("done"),
    ]);
    published(
        &app,
        &app.member,
        "Logged",
        nodes,
        "begin>greet greet>look look>done",
        json!({ "who": { "required": true } }),
    )
    .await;
    let id = started(&app, &app.member, "logged", json!({ "who": "Ada" })).await;
    assert_eq!(over(&app, &app.member, &id).await["status"], "failed");
    let log = async |more: Value| {
        let mut input = json!({ "id": id });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.call(&app.member, "execution_logs", input).await.unwrap()
    };
    let all = log(json!({})).await;
    let lines = all["items"].as_array().unwrap();
    assert!(
        lines.iter().any(|line| line["event"] == "said" && line["node"] == "greet" && line["level"] == "info"),
        "{all:#}"
    );
    let errors = log(json!({ "level": "error" })).await;
    let errors: Vec<_> =
        errors["items"].as_array().unwrap().iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(errors, ["failed", "ended"]);
    let found = log(json!({ "text": "NOT_FOUND" })).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found:#}");
    let of_node = log(json!({ "node": "greet", "newestFirst": true, "level": "info" })).await;
    assert_eq!(of_node["items"][0]["event"], "done");
    assert_eq!(log(json!({ "from": "2027-01-01T00:00:00Z" })).await["items"], json!([]));
    // Page by page it is the same.
    let (mut paged, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut more = json!({ "limit": 2 });
        if !token.is_null() {
            more["pageToken"] = token;
        }
        let page = log(more).await;
        paged.extend(page["items"].as_array().unwrap().clone());
        token = page["nextPageToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(&paged, lines);
    let fault = app.call(&app.stranger, "execution_logs", json!({ "id": id })).await.unwrap_err();
    assert_eq!(fault.code().name, "not_found");
}

#[tokio::test]
async fn nodes_are_told_in_order_with_what_they_wait_for() {
    let app = TestApp::start().await;
    let inner = json!([begin(), { "id": "word", "type": "wait", "config": { "message": "word" } }, end("done")]);
    published(&app, &app.member, "Part", inner, "begin>word word>done", json!({})).await;
    let nodes = json!([
        begin(), { "id": "split", "type": "parallel" },
        { "id": "run", "type": "sub_process", "config": { "processId": "part" } }, keeps("keep", "Swallows fly south"),
        { "id": "join", "type": "parallel" }, end("done"),
    ]);
    let edges = "begin>split split>run split>keep run>join keep>join join>done";
    published(&app, &app.member, "Whole", nodes, edges, json!({})).await;
    let id = started(&app, &app.member, "whole", json!({})).await;
    rest(&app).await;
    let told = app.call(&app.member, "execution_dependencies", json!({ "id": id })).await.unwrap();
    let nodes: Vec<(String, String, u64)> = told["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            (
                node["node"].as_str().unwrap().to_owned(),
                node["state"].as_str().unwrap().to_owned(),
                node["order"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("begin", "completed", 1),
        ("split", "completed", 2),
        ("keep", "completed", 3),
        ("run", "working", 3),
        ("join", "waiting_for_others", 4),
        ("done", "open", 5),
    ];
    assert_eq!(nodes, expected.map(|(node, state, order)| (node.to_owned(), state.to_owned(), order)));
    let join = &told["nodes"][4];
    assert_eq!(join["dependsOn"], json!(["keep", "run"]));
    assert_eq!(told["nodes"][5]["waitsFor"], json!(["run", "join"]));
    assert_eq!((&told["below"][0]["processId"], &told["below"][0]["waitedForBy"]), (&json!("part"), &json!("run")));
    let below = told["below"][0]["executionId"].clone();
    let told = app.call(&app.member, "execution_dependencies", json!({ "id": below })).await.unwrap();
    assert_eq!((&told["above"]["executionId"], &told["above"]["waitedForBy"]), (&json!(id), &json!("run")));
}

#[tokio::test]
async fn a_way_back_does_not_count_for_the_order_and_what_is_passed_by_is_out_of_reach() {
    let app = TestApp::start().await;
    let wait = |id: &str| json!({ "id": id, "type": "wait", "config": { "message": id }, "output": { "again": "= result.again" } });
    let input = json!({ "name": "Round", "nodes": [begin(), wait("ask"), { "id": "choose", "type": "exclusive" }, end("done"), end("never")], "variables": { "again": {} }, "edges": [
        { "from": "begin", "to": "ask" }, { "from": "ask", "to": "choose" },
        { "from": "choose", "to": "ask", "condition": "again" },
        { "from": "choose", "to": "never", "condition": "again = \"never\"" },
        { "from": "choose", "to": "done", "default": true },
    ] });
    app.call(&app.member, "process_create", input).await.unwrap();
    app.call(&app.member, "process_publish", json!({ "id": "round" })).await.unwrap();
    let id = started(&app, &app.member, "round", json!({})).await;
    let told = app.call(&app.member, "execution_dependencies", json!({ "id": id })).await.unwrap();
    assert_eq!(told["loops"], json!([{ "from": "choose", "to": "ask" }]));
    let state = |told: &Value, id: &str| {
        let found = told["nodes"].as_array().unwrap().iter().find(|node| node["node"] == id).unwrap();
        found["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((state(&told, "ask"), state(&told, "done")), ("waiting_for_message".to_owned(), "open".to_owned()));
    app.call(&app.member, "execution_signal", json!({ "id": id, "message": "ask", "payload": { "again": false } }))
        .await
        .unwrap();
    let told = app.call(&app.member, "execution_dependencies", json!({ "id": id })).await.unwrap();
    assert_eq!((state(&told, "done"), state(&told, "never")), ("completed".to_owned(), "out_of_reach".to_owned()));
}
