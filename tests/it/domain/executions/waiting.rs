//! What waits: messages, times, boundaries.

use std::time::Duration;

use convoke::domain::executions::working::Hearer;
use serde_json::{Value, json};

use super::{begin, end, over, published, rest, started, until};
use crate::support::app::TestApp;

#[tokio::test]
async fn a_message_goes_on_with_what_it_says_where_the_key_is_right() {
    let app = TestApp::start().await;
    let nodes = json!([
        begin(),
        { "id": "paid", "type": "wait", "config": { "message": "payment", "correlationKey": "order", "condition": "result.amount >= 10" }, "output": { "amount": "= result.amount" } },
        end("done"),
    ]);
    published(
        &app,
        &app.member,
        "Paying",
        nodes,
        "begin>paid paid>done",
        json!({ "order": { "required": true }, "amount": {} }),
    )
    .await;
    let id = started(&app, &app.member, "paying", json!({ "order": "A-1" })).await;
    let told = app.call(&app.member, "execution_get", json!({ "id": id })).await.unwrap();
    assert_eq!(
        (&told["state"]["tokens"][0]["stage"], &told["state"]["tokens"][0]["waitsFor"]),
        (&json!("waiting_for_message"), &json!("payment"))
    );
    let signal = |message: &str, key: Value, amount: u32| {
        let mut input = json!({ "id": id, "message": message, "payload": { "amount": amount } });
        if !key.is_null() {
            input["correlationKey"] = key;
        }
        input
    };
    for wrong in [
        signal("payment", json!("A-2"), 20),
        signal("payment", Value::Null, 20),
        signal("other", json!("A-1"), 20),
        signal("payment", json!("A-1"), 3),
    ] {
        let fault = app.call(&app.member, "execution_signal", wrong.clone()).await.unwrap_err();
        assert_eq!(fault.code().name, "execution_nobody_waits", "{wrong}");
    }
    let fault = app.call(&app.stranger, "execution_signal", signal("payment", json!("A-1"), 20)).await.unwrap_err();
    assert_eq!(fault.code().name, "not_found");
    app.call(&app.member, "execution_signal", signal("payment", json!("A-1"), 20)).await.unwrap();
    let told = over(&app, &app.member, &id).await;
    assert_eq!(told["state"]["variables"]["amount"], 20);
    let fault = app.call(&app.member, "execution_signal", signal("payment", json!("A-1"), 20)).await.unwrap_err();
    assert_eq!(fault.code().name, "execution_wrong_state");
}

#[tokio::test]
async fn a_message_that_does_not_come_in_time_is_done_without() {
    let app = TestApp::start().await;
    let nodes = json!([
        begin(),
        { "id": "word", "type": "wait", "config": { "message": "word" }, "timeout": { "after": "PT2H", "outcome": "complete", "result": { "said": "nothing" } }, "output": { "said": "= result.said" } },
        end("done"),
    ]);
    published(&app, &app.member, "Waiting", nodes, "begin>word word>done", json!({ "said": {} })).await;
    let id = started(&app, &app.member, "waiting", json!({})).await;
    app.clock.advance(Duration::from_secs(7_000));
    rest(&app).await;
    assert_eq!(app.call(&app.member, "execution_get", json!({ "id": id })).await.unwrap()["status"], "running");
    app.clock.advance(Duration::from_secs(300));
    let told = over(&app, &app.member, &id).await;
    assert_eq!(told["state"]["variables"]["said"], "nothing");
}

#[tokio::test]
async fn ways_at_once_wait_for_each_other_and_an_inclusive_one_for_what_was_taken() {
    let app = TestApp::start().await;
    let wait = |id: &str| json!({ "id": id, "type": "wait", "config": { "message": id } });
    let nodes = json!([
        begin(), { "id": "split", "type": "inclusive" }, wait("a"), wait("b"), wait("c"), { "id": "join", "type": "inclusive" }, end("done"),
    ]);
    let input = json!({ "name": "Some", "nodes": nodes, "variables": { "number": { "required": true } }, "edges": [
        { "from": "begin", "to": "split" },
        { "from": "split", "to": "a", "condition": "number > 1" }, { "from": "split", "to": "b", "condition": "number > 2" },
        { "from": "split", "to": "c", "default": true },
        { "from": "a", "to": "join" }, { "from": "b", "to": "join" }, { "from": "c", "to": "join" }, { "from": "join", "to": "done" },
    ] });
    app.call(&app.member, "process_create", input).await.unwrap();
    app.call(&app.member, "process_publish", json!({ "id": "some" })).await.unwrap();
    let id = started(&app, &app.member, "some", json!({ "number": 3 })).await;
    let signal = |name: &str| json!({ "id": id, "message": name });
    assert!(app.call(&app.member, "execution_signal", signal("c")).await.is_err());
    app.call(&app.member, "execution_signal", signal("a")).await.unwrap();
    let told = until(&app, &app.member, &id, |_| true).await;
    assert_eq!(
        (&told["status"], &told["state"]["nodeStates"]["join"]),
        (&json!("running"), &json!("waiting_for_others"))
    );
    app.call(&app.member, "execution_signal", signal("b")).await.unwrap();
    assert_eq!(over(&app, &app.member, &id).await["status"], "completed");
}

#[tokio::test]
async fn an_event_of_the_topic_and_subject_goes_on_and_is_heard_once_whatever_happened_before() {
    let app = TestApp::start().await;
    let nodes = json!([
        begin(),
        { "id": "made", "type": "wait", "config": { "event": "prompt.created", "correlationKey": "prompt" }, "output": { "version": "= result.data.version" } },
        { "id": "again", "type": "wait", "config": { "event": "prompt.created", "correlationKey": "prompt" } },
        end("done"),
    ]);
    let variables = json!({ "prompt": { "required": true }, "version": {} });
    published(&app, &app.admin, "Hearing", nodes, "begin>made made>again again>done", variables).await;
    let prompt = |name: &str| json!({ "name": name, "description": "One.", "template": "Say so." });
    app.call(&app.admin, "prompt_create", prompt("Before")).await.unwrap();
    app.clock.advance(Duration::from_secs(1));
    let id = started(&app, &app.admin, "hearing", json!({ "prompt": "wanted" })).await;
    let hearer = Hearer::new(app.app.gate().clone()).unwrap();
    hearer.round().await.unwrap();
    app.call(&app.admin, "prompt_create", prompt("Other")).await.unwrap();
    hearer.round().await.unwrap();
    rest(&app).await;
    let told = app.call(&app.admin, "execution_get", json!({ "id": id })).await.unwrap();
    assert_eq!(told["currentNode"], "made");
    app.call(&app.admin, "prompt_create", prompt("Wanted")).await.unwrap();
    for _ in 0..3 {
        hearer.round().await.unwrap();
        rest(&app).await;
    }
    let told = app.call(&app.admin, "execution_get", json!({ "id": id })).await.unwrap();
    assert_eq!((&told["currentNode"], &told["status"]), (&json!("again"), &json!("running")), "{told:#}");
    assert!(told["state"]["variables"]["version"].as_str().unwrap().starts_with("1.0.0"));
}

#[tokio::test]
async fn events_of_another_tenant_and_those_that_it_tells_of_itself_wake_nobody() {
    let app = TestApp::start().await;
    let nodes =
        json!([begin(), { "id": "made", "type": "wait", "config": { "event": "prompt.created" } }, end("done")]);
    published(&app, &app.admin, "Any prompt", nodes, "begin>made made>done", json!({})).await;
    let nodes =
        json!([begin(), { "id": "told", "type": "wait", "config": { "event": "execution.started" } }, end("done")]);
    published(&app, &app.admin, "Itself", nodes, "begin>told told>done", json!({})).await;
    let any = started(&app, &app.admin, "any-prompt", json!({})).await;
    // The event of the one is from before the other waits.
    app.clock.advance(Duration::from_secs(1));
    let itself = started(&app, &app.admin, "itself", json!({})).await;
    let hearer = Hearer::new(app.app.gate().clone()).unwrap();
    let prompt = |name: &str| json!({ "name": name, "description": "One.", "template": "Say so." });
    app.call(&app.stranger, "prompt_create", prompt("Theirs")).await.unwrap();
    for _ in 0..3 {
        hearer.round().await.unwrap();
        rest(&app).await;
    }
    for id in [&any, &itself] {
        let told = app.call(&app.admin, "execution_get", json!({ "id": id })).await.unwrap();
        assert_eq!(told["status"], "running", "{told:#}");
    }
    app.call(&app.admin, "prompt_create", prompt("Ours")).await.unwrap();
    started(&app, &app.admin, "any-prompt", json!({})).await;
    for _ in 0..3 {
        hearer.round().await.unwrap();
        rest(&app).await;
    }
    for id in [&any, &itself] {
        let told = app.call(&app.admin, "execution_get", json!({ "id": id })).await.unwrap();
        assert_eq!(told["status"], "completed", "{told:#}");
    }
}
