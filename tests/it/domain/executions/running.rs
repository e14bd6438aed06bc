//! Steps that are done: tools, scripts, prompts, processes in processes, lists; what fails and is tried again.

use std::time::Duration;

use convoke::domain::executions::working::Worker;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{begin, end, journal, keeps, over, published, remembered, rest, started, until};
use crate::support::app::TestApp;

#[tokio::test]
async fn tools_and_scripts_are_done_in_order_and_what_they_bring_is_kept() {
    let app = TestApp::start().await;
    let nodes = json!([
        begin(),
        keeps("keep", "= \"The order \" + order + \" was shipped on a Tuesday\""),
        { "id": "reckon", "type": "script", "config": { "steps": [
            { "name": "net", "value": "amount * 2" }, { "name": "gross", "value": "net * 1.19" },
        ] }, "output": { "total": "= result.gross" } },
        { "id": "done", "type": "end", "config": { "result": { "total": "= total", "order": "= order" } } },
    ]);
    let variables = json!({ "order": { "schema": { "type": "string" }, "required": true }, "amount": { "schema": { "type": "number" }, "default": 50 }, "total": {} });
    published(&app, &app.member, "Shipping", nodes, "begin>keep keep>reckon reckon>done", variables).await;
    let id = started(&app, &app.member, "shipping", json!({ "order": "A-7" })).await;
    let told = over(&app, &app.member, &id).await;
    assert_eq!(
        (&told["status"], &told["result"]),
        (&json!("completed"), &json!({ "total": 119, "order": "A-7" })),
        "{told:#}"
    );
    assert_eq!(told["progress"], json!({ "passed": 4, "nodes": 4 }));
    assert_eq!(told["state"]["nodeStates"]["keep"], "completed");
    assert_eq!(remembered(&app, &app.member, "A-7 shipped").await, 1);
    assert_eq!(
        journal(&app, &app.member, &id).await,
        [
            "started -",
            "entered begin",
            "entered keep",
            "began keep",
            "done keep",
            "entered reckon",
            "began reckon",
            "done reckon",
            "set reckon",
            "entered done",
            "ended -",
        ]
    );
    // Nobody elsewhere, and nobody without the right, sees anything of it.
    for person in [&app.stranger, &app.nobody] {
        let fault = app.call(person, "execution_get", json!({ "id": id })).await.unwrap_err();
        assert!(["not_found", "forbidden"].contains(&fault.code().name), "{fault:?}");
    }
    let listed = app.call(&app.member, "execution_list", json!({ "variable": "order", "value": "A-7" })).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let listed = app.call(&app.member, "execution_list", json!({ "variable": "total", "value": "119" })).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let listed = app.call(&app.member, "execution_list", json!({ "variable": "order", "value": "A-8" })).await.unwrap();
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_nothing_is_started() {
    let app = TestApp::start().await;
    let variables = json!({ "amount": { "schema": { "type": "number" }, "required": true } });
    published(&app, &app.member, "Plain", json!([begin(), end("done")]), "begin>done", variables).await;
    let draft =
        json!({ "name": "Draft", "nodes": [begin(), end("done")], "edges": [{ "from": "begin", "to": "done" }] });
    app.call(&app.member, "process_create", draft).await.unwrap();
    for (input, code) in [
        (json!({ "processId": "plain" }), "execution_variables_unfit"),
        (json!({ "processId": "plain", "variables": { "amount": "much" } }), "execution_variables_unfit"),
        (json!({ "processId": "plain", "variables": { "amount": 1, "other": 2 } }), "execution_variables_unfit"),
        (json!({ "processId": "plain", "version": "7.0.0", "variables": { "amount": 1 } }), "not_found"),
        (json!({ "processId": "nothing" }), "not_found"),
        (json!({ "processId": "draft" }), "process_not_published"),
    ] {
        let fault = app.call(&app.member, "execution_start", input.clone()).await.unwrap_err();
        assert_eq!(fault.code().name, code, "{input}");
    }
    let fault = app.call(&app.stranger, "execution_start", json!({ "processId": "plain" })).await.unwrap_err();
    assert_eq!(fault.code().name, "not_found");
    let listed = app.call(&app.member, "execution_list", json!({ "processId": "plain" })).await.unwrap();
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn an_idempotency_key_starts_it_once() {
    let app = TestApp::start().await;
    published(&app, &app.member, "Once", json!([begin(), end("done")]), "begin>done", json!({})).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let start = json!({ "processId": "once" });
        let reply = app
            .call_with(&app.member, "execution_start", start, |request| request.idempotency_key = Some("k".to_owned()));
        let told = reply.await.unwrap().result.unwrap().value().unwrap();
        ids.push(told["executionId"].clone());
    }
    assert_eq!(ids[0], ids[1]);
    let listed = app.call(&app.member, "execution_list", json!({ "processId": "once" })).await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_runs_keeps_its_version_and_rights_are_those_of_whoever_started_it() {
    let app = TestApp::start().await;
    let nodes = |text: &str| {
        json!([
            begin(),
            { "id": "pause", "type": "timer", "config": { "after": "PT1H" } },
            keeps("keep", text),
            end("done"),
        ])
    };
    published(
        &app,
        &app.member,
        "Slow",
        nodes("The first wording of the notice"),
        "begin>pause pause>keep keep>done",
        json!({}),
    )
    .await;
    let id = started(&app, &app.member, "slow", json!({})).await;
    let change = json!({ "id": "slow", "nodes": nodes("The second wording of the notice") });
    app.call(&app.member, "process_update", change).await.unwrap();
    app.call(&app.member, "process_publish", json!({ "id": "slow" })).await.unwrap();
    app.clock.advance(Duration::from_secs(3_601));
    let told = over(&app, &app.member, &id).await;
    assert_eq!((&told["status"], &told["version"]), (&json!("completed"), &json!("1.0.0")));
    assert_eq!(remembered(&app, &app.member, "first wording notice").await, 1);
}

#[tokio::test]
async fn a_node_may_be_narrowed_and_then_fails_with_what_it_lacks() {
    let app = TestApp::start().await;
    let mut keep = keeps("keep", "A text nobody may keep");
    keep["permissions"] = json!(["documents:*"]);
    published(&app, &app.member, "Narrow", json!([begin(), keep, end("done")]), "begin>keep keep>done", json!({}))
        .await;
    let id = started(&app, &app.member, "narrow", json!({})).await;
    let told = over(&app, &app.member, &id).await;
    assert_eq!(
        (&told["status"], &told["failure"]["code"], &told["failedAt"]),
        (&json!("failed"), &json!("forbidden"), &json!("keep"))
    );
    assert_eq!(remembered(&app, &app.member, "nobody may keep").await, 0);
}

#[tokio::test]
async fn processes_run_processes_and_lists_of_them() {
    let app = TestApp::start().await;
    let inner = json!([
        begin(),
        { "id": "double", "type": "script", "config": { "steps": [{ "name": "twice", "value": "number * 2" }] }, "output": { "twice": "= result.twice" } },
        { "id": "done", "type": "end", "config": { "result": { "twice": "= twice" } } },
    ]);
    published(
        &app,
        &app.member,
        "Inner",
        inner,
        "begin>double double>done",
        json!({ "number": { "required": true }, "twice": {} }),
    )
    .await;
    let outer = json!([
        begin(),
        { "id": "each", "type": "for_each", "config": { "items": "numbers", "as": "number", "node": "one", "mode": "parallel", "atOnce": 3 }, "output": { "twices": "= result" } },
        { "id": "one", "type": "sub_process", "config": { "processId": "inner" }, "input": { "number": "= number" }, "output": { "twice": "= result.twice" } },
        { "id": "done", "type": "end", "config": { "result": { "twices": "= for one in twices return one.twice" } } },
    ]);
    published(
        &app,
        &app.member,
        "Outer",
        outer,
        "begin>each each>done",
        json!({ "numbers": { "required": true }, "twices": {} }),
    )
    .await;
    let id = started(&app, &app.member, "outer", json!({ "numbers": [1, 2, 3, 4, 5] })).await;
    let told = over(&app, &app.member, &id).await;
    assert_eq!(told["result"], json!({ "twices": [2, 4, 6, 8, 10] }), "{told:#}");
    let children = app.call(&app.member, "execution_list", json!({ "parent": id })).await.unwrap();
    assert_eq!(children["items"].as_array().unwrap().len(), 5);
    let events = app.entries(&convoke::capability::events::EVENTS).await;
    for topic in ["execution.started", "execution.completed"] {
        let told = events.iter().filter(|event| event.to_string().contains(topic)).count();
        assert_eq!(told, 6, "each execution tells of itself: {topic}");
    }
}

#[tokio::test]
async fn a_prompt_is_filled_and_a_model_asked() {
    let app = TestApp::start().await;
    let prompt = json!({ "name": "Greeting", "description": "Greets.", "template": "Greet {{ who }}.", "variables": [{ "name": "who", "schema": { "type": "string" } }] });
    app.call(&app.member, "prompt_create", prompt).await.unwrap();
    let nodes = json!([
        begin(),
        { "id": "greet", "type": "prompt", "config": { "promptId": "greeting", "model": "test/large" }, "input": { "who": "= who" }, "output": { "text": "= result.text" } },
        end("done"),
    ]);
    published(
        &app,
        &app.member,
        "Greeter",
        nodes,
        "begin>greet greet>done",
        json!({ "who": { "required": true }, "text": {} }),
    )
    .await;
    let id = started(&app, &app.member, "greeter", json!({ "who": "Ada" })).await;
    let told = over(&app, &app.member, &id).await;
    assert_eq!(told["status"], "completed", "{told:#}");
    assert!(told["state"]["variables"]["text"].is_string());
}

#[tokio::test]
async fn a_step_that_fails_is_tried_again_as_it_says_and_a_boundary_takes_it_up() {
    let app = TestApp::start().await;
    let nodes = json!([
        begin(),
        { "id": "look", "type": "tool", "config": { "tool": "document_get" }, "input": { "id": "00000000-0000-7000-8000-000000000000" },
          "retry": { "attempts": 3, "wait": "PT10S", "factor": 2, "jitter": 0, "on": ["not_found"] } },
        { "id": "missing", "type": "boundary_error", "config": { "attachedTo": "look", "codes": ["not_found"] }, "output": { "why": "= result.code" } },
        end("done"), end("without"),
    ]);
    published(&app, &app.member, "Looking", nodes, "begin>look look>done missing>without", json!({ "why": {} })).await;
    let id = started(&app, &app.member, "looking", json!({})).await;
    let retrying = |told: &Value| told["state"]["tokens"][0]["stage"] == "retrying";
    let told = until(&app, &app.member, &id, retrying).await;
    assert_eq!(
        (&told["state"]["tokens"][0]["attempt"], &told["state"]["tokens"][0]["until"]),
        (&json!(1), &json!("2026-11-20T12:00:10.000Z"))
    );
    app.clock.advance(Duration::from_secs(11));
    until(&app, &app.member, &id, |told| told["state"]["tokens"][0]["attempt"] == 2 && retrying(told)).await;
    app.clock.advance(Duration::from_secs(21));
    let told = over(&app, &app.member, &id).await;
    assert_eq!((&told["status"], &told["state"]["variables"]["why"]), (&json!("completed"), &json!("not_found")));
    assert_eq!(told["state"]["nodeStates"]["without"], "completed");
}

#[tokio::test]
async fn a_step_whose_worker_died_is_done_by_another_and_counts_once() {
    let app = TestApp::start().await;
    let nodes = json!([
        begin(),
        keeps("one", "Lanterns were lit at the harbour wall"),
        keeps("two", "Bread is baked before sunrise"),
        end("done")
    ]);
    published(&app, &app.member, "Survivor", nodes, "begin>one one>two two>done", json!({})).await;
    let id = started(&app, &app.member, "survivor", json!({})).await;
    // Somebody takes the step and is never heard of again.
    let store = app.app.platform().store.clone();
    let leases = store
        .lease("execution_work", convoke::kernel::clock::Clock::now(&*app.clock), Duration::from_secs(60), 10)
        .await
        .unwrap();
    assert_eq!(leases.len(), 1);
    rest(&app).await;
    let told = app.call(&app.member, "execution_get", json!({ "id": id })).await.unwrap();
    assert_eq!(told["currentNode"], "one");
    app.clock.advance(Duration::from_secs(61));
    let told = over(&app, &app.member, &id).await;
    assert_eq!(told["status"], "completed");
    // Whoever comes back with the old lease finishes nothing.
    assert!(!store.finish(&leases[0]).await.unwrap());
    assert_eq!(remembered(&app, &app.member, "lanterns harbour wall").await, 1);
    let began = journal(&app, &app.member, &id).await.iter().filter(|line| *line == "done one").count();
    assert_eq!(began, 1);
}

#[tokio::test]
async fn an_execution_goes_on_after_a_restart() {
    let app = TestApp::start().await;
    let nodes = json!([begin(), { "id": "pause", "type": "timer", "config": { "after": "P3D" } }, keeps("keep", "What was kept after the long pause"), end("done")]);
    published(&app, &app.member, "Patient", nodes, "begin>pause pause>keep keep>done", json!({})).await;
    let id = started(&app, &app.member, "patient", json!({})).await;
    let app = app.restart().await;
    app.clock.advance(Duration::from_hours(73));
    let told = over(&app, &app.member, &id).await;
    assert_eq!(told["status"], "completed");
    assert_eq!(remembered(&app, &app.member, "kept after long pause").await, 1);
}

#[tokio::test]
async fn what_is_started_is_taken_up_once_it_is_written() {
    let app = TestApp::start().await;
    let nodes = json!([begin(), keeps("one", "The first of two"), keeps("two", "The second of two"), end("done")]);
    published(&app, &app.member, "Quick", nodes, "begin>one one>two two>done", json!({})).await;
    let worker = Worker::new(app.app.gate().clone(), 8).unwrap();
    let waits = Notify::new();
    let working = async {
        loop {
            if worker.round().await.unwrap() == 0 {
                // Nothing but what it is told ends the wait.
                waits.notify_one();
                worker.wait(Duration::from_hours(1)).await;
            }
        }
    };
    let asking = async {
        waits.notified().await;
        let id = started(&app, &app.member, "quick", json!({})).await;
        let ended = app.call(&app.member, "execution_run", json!({ "id": id, "waitSeconds": 20 })).await.unwrap();
        assert_eq!(ended["status"], "completed", "{ended:#}");
    };
    tokio::select! { () = working => {}, () = asking => {} }
}

/// The worker looks at the queue once, when the first step is due: the second is leased in the commit of the first.
#[tokio::test]
async fn whoever_did_a_step_goes_on_with_the_next_one() {
    let app = TestApp::start().await;
    let nodes = json!([begin(), keeps("one", "The first of two"), keeps("two", "The second of two"), end("done")]);
    published(&app, &app.member, "Quick", nodes, "begin>one one>two two>done", json!({})).await;
    let id = started(&app, &app.member, "quick", json!({})).await;
    let worker = Worker::new(app.app.gate().clone(), 8).unwrap();
    assert_eq!(worker.round().await.unwrap(), 1);
    let ended = app.call(&app.member, "execution_run", json!({ "id": id, "waitSeconds": 20 })).await.unwrap();
    assert_eq!(ended["status"], "completed", "{ended:#}");
}
