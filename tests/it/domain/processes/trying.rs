//! Dry runs: answers given and made up, time that jumps, and what never ends.

use std::time::Instant;

use serde_json::{Value, json};

use super::{ada, checked_note, definition, line, named};
use crate::support::app::TestApp;

async fn made(app: &TestApp, name: &str, definition: Value) {
    ada(app, "process_create", named(name, definition)).await.unwrap();
}

#[tokio::test]
async fn answers_that_are_given_decide_the_way_and_others_are_made_up() {
    let app = TestApp::start().await;
    made(&app, "Note", checked_note()).await;
    let memories = ada(&app, "memory_search", json!({ "query": "buy milk" })).await.unwrap();
    let run = |answers: Value| json!({ "id": "note", "variables": { "note": "buy milk" }, "answers": answers });
    let told = ada(&app, "process_sandbox", run(json!({}))).await.unwrap();
    assert_eq!((&told["status"], &told["result"]["kept"]), (&json!("completed"), &json!(true)));
    assert_eq!((&told["madeUp"], &told["notVisited"]), (&json!(["look", "store"]), &json!(["dropped"])));
    let no = json!({ "look": [{ "result": { "keep": false }, "after": "P2DT1H" }] });
    let told = ada(&app, "process_sandbox", run(no)).await.unwrap();
    assert_eq!((&told["result"]["kept"], &told["took"]), (&json!(false), &json!("P2DT1H")));
    assert_eq!((&told["variables"]["keep"], &told["madeUp"]), (&json!(false), &json!([])));
    let events: Vec<&str> =
        told["journal"].as_array().unwrap().iter().map(|one| one["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["entered", "entered", "began", "done", "set", "entered", "took", "entered", "ended"]);
    let fails = json!({ "store": [{ "fault": { "code": "unavailable" } }] });
    let told = ada(&app, "process_sandbox", run(fails)).await.unwrap();
    assert_eq!(
        (&told["status"], &told["failure"]["code"], &told["failedAt"]),
        (&json!("failed"), &json!("unavailable"), &json!("store"))
    );
    // An answer that does not fit the variable it is kept in.
    let unfit = json!({ "look": [{ "result": { "keep": "perhaps" } }] });
    assert_eq!(ada(&app, "process_sandbox", run(unfit)).await.unwrap()["failure"]["code"], "variable_unfit");
    // Nothing was touched: no memory was stored.
    assert_eq!(ada(&app, "memory_search", json!({ "query": "buy milk" })).await.unwrap(), memories);
}

#[tokio::test]
async fn what_is_given_and_does_not_fit_is_refused_with_its_place() {
    let app = TestApp::start().await;
    made(&app, "Note", checked_note()).await;
    for (input, at, code) in [
        (json!({}), "/variables", Some("variable_missing")),
        (json!({ "variables": { "note": 7 } }), "/variables", Some("variable_unfit")),
        (json!({ "variables": { "note": "a", "colour": "red" } }), "/variables", Some("unknown_variable")),
        (json!({ "variables": { "note": "a" }, "answers": { "nobody": [] } }), "/answers/nobody", None),
        (
            json!({ "variables": { "note": "a" }, "answers": { "look": [{}, { "after": "soon" }] } }),
            "/answers/look/1/after",
            None,
        ),
    ] {
        let mut input = input;
        input["id"] = json!("note");
        let refused = ada(&app, "process_sandbox", input.clone()).await.unwrap_err();
        assert_eq!(refused.places()[0].pointer, at, "{input}");
        if let Some(code) = code {
            assert_eq!(refused.detail().unwrap()["code"], code, "{input}");
        }
    }
}

#[tokio::test]
async fn an_expression_that_would_run_for_ever_ends_in_a_fault_soon() {
    let app = TestApp::start().await;
    for (name, text) in [
        ("Loops", "count(for a in 1..1000000, b in 1..1000000 return a * b)"),
        ("Recursion", "(function(f) f(f))(function(f) f(f))"),
        ("Growth", "for a in 1..20000 return (for b in 1..20000 return \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\")"),
    ] {
        let script =
            json!([{ "id": "think", "type": "script", "config": { "steps": [{ "name": "one", "value": text }] } }]);
        made(&app, name, line(script, json!({}))).await;
        let began = Instant::now();
        let told = ada(&app, "process_sandbox", json!({ "id": name })).await.unwrap();
        assert_eq!((&told["status"], &told["failedAt"]), (&json!("failed"), &json!("think")), "{name}");
        assert_eq!(told["failure"]["code"], "expression_failed", "{name}");
        assert!(began.elapsed().as_secs() < 20, "{name} took {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_circle_that_always_goes_round_ends_in_a_fault() {
    let app = TestApp::start().await;
    let script =
        |id: &str| json!({ "id": id, "type": "script", "config": { "steps": [{ "name": "one", "value": "1" }] } });
    let timer = json!({ "id": "rest", "type": "timer", "config": { "after": "PT1M" } });
    for (name, body, code) in [("At once", script("rest"), "endless_circle"), ("Slowly", timer, "sandbox_exhausted")] {
        let nodes = json!([{ "id": "begin", "type": "start" }, { "id": "in", "type": "exclusive" }, body, { "id": "out", "type": "exclusive" }, { "id": "done", "type": "end" }]);
        let text = "begin > in; in > rest; rest > out; out > done if stop; out > in else";
        made(&app, name, definition(nodes, text, json!({ "stop": { "default": false } }))).await;
        let told = ada(&app, "process_sandbox", json!({ "id": name })).await.unwrap();
        assert_eq!((&told["status"], &told["failure"]["code"]), (&json!("failed"), &json!(code)));
        let told = ada(&app, "process_sandbox", json!({ "id": name, "variables": { "stop": true } })).await.unwrap();
        assert_eq!(told["status"], "completed");
    }
}

#[tokio::test]
async fn time_jumps_to_timers_and_boundaries() {
    let app = TestApp::start().await;
    let nodes = json!([
        { "id": "begin", "type": "start" },
        { "id": "rest", "type": "timer", "config": { "after": "P1D" } },
        { "id": "ask", "type": "human_task", "config": { "assignee": "ada" } },
        { "id": "late", "type": "boundary_timeout", "config": { "attachedTo": "ask", "after": "P3D" } },
        { "id": "word", "type": "wait", "config": { "message": "paid" } },
        { "id": "done", "type": "end" },
        { "id": "lapsed", "type": "end" },
    ]);
    made(
        &app,
        "Slow",
        definition(nodes, "begin > rest; rest > ask; ask > word; late > lapsed; word > done", json!({})),
    )
    .await;
    let told =
        ada(&app, "process_sandbox", json!({ "id": "slow", "answers": { "ask": [{ "never": true }] } })).await.unwrap();
    assert_eq!((&told["took"], &told["visited"]["lapsed"]), (&json!("P4D"), &json!(1)));
    let told = ada(&app, "process_sandbox", json!({ "id": "slow", "answers": { "word": [{ "never": true }] } }))
        .await
        .unwrap();
    assert_eq!((&told["status"], &told["waitsAt"]), (&json!("waiting"), &json!(["word"])));
    let told = ada(&app, "process_sandbox", json!({ "id": "slow" })).await.unwrap();
    assert_eq!((&told["took"], &told["visited"]["done"]), (&json!("P1D"), &json!(1)));
}
