//! Executions that go over to another version, with tasks, jobs and timers under way.

use std::time::Duration;

use serde_json::{Value, json};

use super::{begin, end, journal, keeps, over, published, remembered, rest, started, until};
use crate::support::app::{Person, TestApp};

fn named(name: &str, nodes: &Value, edges: &str, variables: &Value) -> Value {
    let edge = |edge: &str| {
        let (from, to) = edge.split_once('>').unwrap();
        json!({ "from": from, "to": to })
    };
    json!({ "id": name, "nodes": nodes, "edges": edges.split_whitespace().map(edge).collect::<Vec<_>>(), "variables": variables })
}

/// Publishes another version; answers what it is called.
async fn next(app: &TestApp, person: &Person, name: &str, nodes: Value, edges: &str, variables: Value) -> String {
    let input = named(name, &nodes, edges, &variables);
    app.call(person, "process_update", input).await.unwrap();
    let told = app.call(person, "process_publish", json!({ "id": name })).await.unwrap();
    told["version"].as_str().unwrap().to_owned()
}

async fn migrated(app: &TestApp, id: &str, nodes: Value) -> Value {
    let input = json!({ "executions": [id], "toVersion": "latest", "nodes": nodes, "dryRun": false });
    let told = app.call(&app.member, "execution_migrate", input).await.unwrap();
    assert_eq!(told["executions"][0]["outcome"], "migrated", "{told:#}");
    told
}

fn person(id: &str) -> Value {
    json!({ "id": id, "type": "human_task", "config": {
        "assignee": "= approver", "outcomes": ["approve", "reject"],
    }, "output": { "outcome": "= result.outcome" } })
}

#[tokio::test]
async fn a_task_a_timer_and_a_job_that_are_under_way_are_answered_in_the_new_version() {
    let app = TestApp::start().await;
    let ada = &app.member;
    let variables = json!({ "approver": { "required": true }, "outcome": {} });
    // A task of a person.
    published(
        &app,
        ada,
        "Asking",
        json!([begin(), person("ask"), end("done")]),
        "begin>ask ask>done",
        variables.clone(),
    )
    .await;
    let id = started(&app, ada, "asking", json!({ "approver": app.admin.user.to_string() })).await;
    rest(&app).await;
    let after = json!([begin(), person("decide"), keeps("tell", "The decision was written down"), end("done")]);
    let version = next(&app, ada, "asking", after, "begin>decide decide>tell tell>done", variables).await;
    // Only looking changes nothing.
    let input =
        json!({ "processId": "Asking", "fromVersion": "1.0.0", "toVersion": version, "nodes": { "ask": "decide" } });
    let told = app.call(ada, "execution_migrate", input).await.unwrap();
    assert_eq!(
        (&told["dryRun"], &told["fit"], &told["executions"][0]["outcome"]),
        (&json!(true), &json!(1), &json!("can_migrate")),
        "{told:#}"
    );
    assert_eq!(app.call(ada, "execution_get", json!({ "id": id })).await.unwrap()["version"], "1.0.0");
    migrated(&app, &id, json!({ "ask": "decide" })).await;
    let told = app.call(ada, "execution_get", json!({ "id": id })).await.unwrap();
    assert_eq!((&told["version"], &told["currentNode"]), (&json!(version), &json!("decide")));
    let tasks = app.call(&app.admin, "task_list", json!({})).await.unwrap();
    let task = tasks["items"].as_array().unwrap().iter().find(|task| task["processId"] == "asking").unwrap().clone();
    let task = app.call(&app.admin, "task_get", json!({ "id": task["taskId"] })).await.unwrap();
    let answer = json!({ "id": task["taskId"], "outcome": "approve", "response": {}, "shownHash": task["shownHash"] });
    app.call(&app.admin, "task_respond", answer).await.unwrap();
    let told = over(&app, ada, &id).await;
    assert_eq!(
        (&told["status"], &told["state"]["variables"]["outcome"]),
        (&json!("completed"), &json!("approve")),
        "{told:#}"
    );
    assert_eq!(remembered(&app, ada, "decision written").await, 1);
    let lines = journal(&app, ada, &id).await;
    assert!(lines.contains(&"migrated -".to_owned()), "{lines:?}");

    // A timer, and a job that lies in the queue by its old name.
    let timer = |id: &str| json!({ "id": id, "type": "timer", "config": { "after": "PT1H" } });
    let before = json!([begin(), timer("pause"), keeps("keep", "What was kept in the first version"), end("done")]);
    published(&app, ada, "Keeping", before, "begin>pause pause>keep keep>done", json!({})).await;
    let waits = started(&app, ada, "keeping", json!({})).await;
    let first = json!([begin(), keeps("keep", "A first thing was kept"), end("done")]);
    published(&app, ada, "Working", first, "begin>keep keep>done", json!({})).await;
    let works = started(&app, ada, "working", json!({})).await;
    let after = json!([begin(), timer("rest"), keeps("store", "What was kept in the second version"), end("done")]);
    next(&app, ada, "keeping", after, "begin>rest rest>store store>done", json!({})).await;
    migrated(&app, &waits, json!({ "pause": "rest" })).await;
    let after = json!([begin(), keeps("store", "Another thing was kept"), end("done")]);
    next(&app, ada, "working", after, "begin>store store>done", json!({})).await;
    let told = migrated(&app, &works, json!({ "keep": "store" })).await;
    assert_eq!(told["executions"][0]["findings"][0]["rule"], "begun_as_before");
    app.clock.advance(Duration::from_secs(3_700));
    assert_eq!(over(&app, ada, &waits).await["status"], "completed");
    assert_eq!(
        (remembered(&app, ada, "second version").await, over(&app, ada, &works).await["status"].clone()),
        (1, json!("completed"))
    );
    assert_eq!(remembered(&app, ada, "first thing").await, 1, "what was begun is done as it was begun");
}

#[tokio::test]
async fn one_that_is_paused_or_failed_goes_over_and_one_that_is_over_does_not() {
    let app = TestApp::start().await;
    let ada = &app.member;
    let before = json!([begin(), keeps("keep", "What was held back"), end("done")]);
    published(&app, ada, "Line", before, "begin>keep keep>done", json!({})).await;
    let ended = started(&app, ada, "line", json!({})).await;
    over(&app, ada, &ended).await;
    let held =
        app.call(ada, "execution_start", json!({ "processId": "line", "hold": true })).await.unwrap()["executionId"]
            .clone();
    let paused = started(&app, ada, "line", json!({})).await;
    app.call(ada, "execution_pause", json!({ "id": paused })).await.unwrap();
    rest(&app).await;
    let failing = json!([begin(), { "id": "look", "type": "tool", "config": { "tool": "memory_get" }, "input": { "id": "00000000-0000-7000-8000-000000000000" } }, end("done")]);
    published(&app, ada, "Broken", failing, "begin>look look>done", json!({})).await;
    let failed = started(&app, ada, "broken", json!({})).await;
    assert_eq!(over(&app, ada, &failed).await["status"], "failed");
    let after = json!([begin(), keeps("store", "What was held back"), end("done")]);
    next(&app, ada, "line", after, "begin>store store>done", json!({})).await;
    let mended = json!([begin(), { "id": "look", "type": "tool", "config": { "tool": "memory_search" }, "input": { "query": "anything" } }, end("done")]);
    next(&app, ada, "broken", mended, "begin>look look>done", json!({})).await;

    let refused =
        |told: &Value| (told["executions"][0]["outcome"].clone(), told["executions"][0]["findings"][0]["rule"].clone());
    let of = |id: &Value| json!({ "executions": [id], "toVersion": "latest", "dryRun": false });
    let told = app.call(ada, "execution_migrate", of(&json!(ended))).await.unwrap();
    assert_eq!(refused(&told), (json!("refused"), json!("over")));
    let told = app.call(ada, "execution_migrate", of(&json!(paused))).await.unwrap();
    assert_eq!(refused(&told), (json!("refused"), json!("node_missing")), "{told:#}");
    migrated(&app, &paused, json!({ "keep": "store" })).await;
    assert_eq!(
        app.call(ada, "execution_migrate", of(&json!(paused))).await.unwrap()["executions"][0]["outcome"],
        "already"
    );
    app.call(ada, "execution_resume", json!({ "id": paused })).await.unwrap();
    assert_eq!(over(&app, ada, &paused).await["status"], "completed");
    migrated(&app, held.as_str().unwrap(), json!({})).await;
    app.call(ada, "execution_resume", json!({ "id": held })).await.unwrap();
    let told = over(&app, ada, held.as_str().unwrap()).await;
    assert_eq!((&told["status"], &told["state"]["nodeStates"]["store"]), (&json!("completed"), &json!("completed")));
    migrated(&app, &failed, json!({})).await;
    app.call(ada, "execution_recover", json!({ "id": failed })).await.unwrap();
    assert_eq!(over(&app, ada, &failed).await["status"], "completed");
}

/// The new version is sound, and a token in its middle would wait at a join for one that never was.
#[tokio::test]
async fn one_that_would_never_come_to_its_end_stays_as_it_is() {
    let app = TestApp::start().await;
    let ada = &app.member;
    let word = json!({ "id": "word", "type": "wait", "config": { "message": "word" } });
    published(&app, ada, "Forked", json!([begin(), word, end("done")]), "begin>word word>done", json!({})).await;
    let id = started(&app, ada, "forked", json!({})).await;
    let gate = |id: &str| json!({ "id": id, "type": "parallel" });
    let after = json!([begin(), gate("fork"), word, keeps("keep", "Kept beside it"), gate("join"), end("done")]);
    let edges = "begin>fork fork>word fork>keep word>join keep>join join>done";
    next(&app, ada, "forked", after, edges, json!({})).await;
    let input = json!({ "executions": [id], "toVersion": "latest", "dryRun": false });
    let told = app.call(ada, "execution_migrate", input).await.unwrap();
    let one = &told["executions"][0];
    assert_eq!((&one["outcome"], &one["findings"][0]["rule"]), (&json!("refused"), &json!("no_end")), "{told:#}");
    app.call(ada, "execution_signal", json!({ "id": id, "message": "word" })).await.unwrap();
    let told = over(&app, ada, &id).await;
    assert_eq!((&told["status"], &told["version"]), (&json!("completed"), &json!("1.0.0")));
}

#[tokio::test]
async fn it_is_for_whoever_may_change_it_and_asks_for_what_there_is() {
    let app = TestApp::start().await;
    let ada = &app.member;
    let nodes = |id: &str| json!([begin(), { "id": id, "type": "wait", "config": { "message": "word" } }, end("done")]);
    published(&app, ada, "Waiting", nodes("word"), "begin>word word>done", json!({})).await;
    let id = started(&app, ada, "waiting", json!({})).await;
    until(&app, ada, &id, |told| told["currentNode"] == "word").await;
    let version = next(&app, ada, "waiting", nodes("sign"), "begin>sign sign>done", json!({})).await;
    let input = json!({ "executions": [id], "toVersion": version, "nodes": { "word": "sign" }, "dryRun": false });
    for other in [&app.nobody, &app.stranger] {
        let fault = app.call(other, "execution_migrate", input.clone()).await.unwrap_err();
        assert!(["not_found", "forbidden"].contains(&fault.code().name), "{fault:?}");
    }
    for (input, code, at) in [
        (json!({ "toVersion": "latest" }), "bad_input", Some("/executions")),
        (json!({ "toVersion": "latest", "processId": "waiting" }), "bad_input", Some("/fromVersion")),
        (json!({ "toVersion": "latest", "fromVersion": "1.0.0" }), "bad_input", Some("/processId")),
        (
            json!({ "toVersion": "latest", "fromVersion": "1.0.0", "processId": "waiting", "executions": [id] }),
            "bad_input",
            Some("/executions"),
        ),
        (json!({ "toVersion": "9.0.0", "executions": [id] }), "not_found", None),
        (json!({ "toVersion": "latest", "executions": ["nobody"] }), "not_found", None),
    ] {
        let fault = app.call(ada, "execution_migrate", input.clone()).await.unwrap_err();
        let place = fault.places().first().map(|one| one.pointer.clone());
        assert_eq!((fault.code().name, place.as_deref()), (code, at), "{input}");
    }
    // One that goes over beside one that cannot.
    let other = started(&app, ada, "waiting", json!({})).await;
    let input = json!({ "processId": "waiting", "fromVersion": "1.0.0", "toVersion": version, "nodes": { "word": "sign" }, "dryRun": false });
    let told = app.call(ada, "execution_migrate", input).await.unwrap();
    assert_eq!(
        (&told["fit"], &told["refused"], &told["executions"][0]["outcome"]),
        (&json!(1), &json!(0), &json!("migrated")),
        "{told:#}"
    );
    app.call(ada, "execution_signal", json!({ "id": id, "message": "word" })).await.unwrap();
    assert_eq!(over(&app, ada, &id).await["status"], "completed");
    assert_eq!(app.call(ada, "execution_get", json!({ "id": other })).await.unwrap()["version"], version);
}
