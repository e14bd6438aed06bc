//! What is done to executions: held, paused, resumed, called off, recovered, taken back.

use std::time::Duration;

use serde_json::{Value, json};

use super::{begin, end, journal, keeps, over, published, remembered, rest, started, until};
use crate::support::app::TestApp;

#[tokio::test]
async fn one_that_is_held_begins_when_it_is_run_and_its_end_is_waited_for() {
    let app = TestApp::start().await;
    let nodes = json!([begin(), keeps("keep", "What was kept by the one that was held"), end("done")]);
    published(&app, &app.member, "Held", nodes, "begin>keep keep>done", json!({})).await;
    let told = app.call(&app.member, "execution_start", json!({ "processId": "held", "hold": true })).await.unwrap();
    assert_eq!((&told["status"], &told["startedAt"]), (&json!("held"), &Value::Null));
    let id = told["executionId"].as_str().unwrap().to_owned();
    rest(&app).await;
    assert_eq!(remembered(&app, &app.member, "kept held").await, 0);
    let run = app.call(&app.member, "execution_run", json!({ "id": id, "waitSeconds": 20 }));
    let (told, _) = tokio::join!(run, over(&app, &app.member, &id));
    assert_eq!(told.unwrap()["status"], "completed");
    assert_eq!(remembered(&app, &app.member, "kept held").await, 1);
    // One that is over is told at once.
    let told = app.call(&app.member, "execution_run", json!({ "id": id })).await.unwrap();
    assert_eq!(told["status"], "completed");
}

#[tokio::test]
async fn one_that_is_paused_takes_no_step_until_it_is_resumed() {
    let app = TestApp::start().await;
    let nodes = json!([begin(), { "id": "pause", "type": "timer", "config": { "after": "PT1H" } }, keeps("keep", "What was kept by the paused one"), end("done")]);
    published(&app, &app.member, "Paused", nodes, "begin>pause pause>keep keep>done", json!({})).await;
    let id = started(&app, &app.member, "paused", json!({})).await;
    app.call(&app.member, "execution_pause", json!({ "id": id })).await.unwrap();
    app.clock.advance(Duration::from_secs(3_700));
    rest(&app).await;
    assert_eq!(remembered(&app, &app.member, "kept paused").await, 0);
    let fault = app.call(&app.member, "execution_pause", json!({ "id": id })).await.unwrap_err();
    assert_eq!(fault.code().name, "execution_wrong_state");
    app.call(&app.member, "execution_resume", json!({ "id": id })).await.unwrap();
    assert_eq!(over(&app, &app.member, &id).await["status"], "completed");
    assert_eq!(remembered(&app, &app.member, "kept paused").await, 1);
    let all = journal(&app, &app.member, &id).await;
    assert!(all.contains(&"paused -".to_owned()) && all.contains(&"resumed -".to_owned()), "{all:?}");
}

#[tokio::test]
async fn one_that_failed_goes_on_with_another_value_or_without_the_step() {
    let app = TestApp::start().await;
    let nodes = json!([
        begin(),
        { "id": "look", "type": "tool", "config": { "tool": "memory_get" }, "input": { "id": "= memory" } },
        end("done"),
    ]);
    published(
        &app,
        &app.member,
        "Fragile",
        nodes,
        "begin>look look>done",
        json!({ "memory": { "schema": { "type": "string" }, "required": true } }),
    )
    .await;
    let kept = app
        .call(&app.member, "memory_store", json!({ "text": "The fragile one looks at this", "method": "statistical" }))
        .await
        .unwrap();
    let memory = kept["memory"]["memoryId"].clone();
    let nothing = "00000000-0000-7000-8000-000000000000";
    let id = started(&app, &app.member, "fragile", json!({ "memory": nothing })).await;
    let told = over(&app, &app.member, &id).await;
    assert_eq!((&told["status"], &told["failure"]["code"]), (&json!("failed"), &json!("not_found")), "{told:#}");
    let bad = json!({ "id": id, "variables": { "memory": 7 } });
    assert_eq!(
        app.call(&app.member, "execution_recover", bad).await.unwrap_err().code().name,
        "execution_variables_unfit"
    );
    let told = app
        .call(&app.member, "execution_recover", json!({ "id": id, "variables": { "memory": memory } }))
        .await
        .unwrap();
    assert_eq!(
        (&told["recoveredFrom"]["code"], &told["recoveredAt"], &told["status"]),
        (&json!("not_found"), &json!("look"), &json!("running"))
    );
    assert_eq!(over(&app, &app.member, &id).await["status"], "completed", "{memory}");
    let fault = app.call(&app.member, "execution_recover", json!({ "id": id })).await.unwrap_err();
    assert_eq!(fault.code().name, "execution_wrong_state");
    let other = started(&app, &app.member, "fragile", json!({ "memory": nothing })).await;
    over(&app, &app.member, &other).await;
    app.call(&app.member, "execution_recover", json!({ "id": other, "action": "skip" })).await.unwrap();
    let told = over(&app, &app.member, &other).await;
    assert_eq!(told["status"], "completed");
    assert!(journal(&app, &app.member, &other).await.contains(&"skipped look".to_owned()));
}

#[tokio::test]
async fn what_was_done_is_taken_back_the_last_first() {
    let app = TestApp::start().await;
    let undo = |of: &str| json!({ "id": format!("for_{of}"), "type": "compensation", "config": { "attachedTo": of, "by": format!("undo_{of}") } });
    let undoes = |of: &str| keeps(&format!("undo_{of}"), &format!("The booking of the {of} was undone"));
    let nodes = json!([
        begin(), keeps("flight", "A flight was booked to Oslo"), keeps("hotel", "A room was taken in the harbour hotel"),
        { "id": "word", "type": "wait", "config": { "message": "word" } },
        undo("flight"), undo("hotel"), undoes("flight"), undoes("hotel"), end("done"),
    ]);
    published(&app, &app.member, "Travel", nodes, "begin>flight flight>hotel hotel>word word>done", json!({})).await;
    let id = started(&app, &app.member, "travel", json!({})).await;
    until(&app, &app.member, &id, |told| told["currentNode"] == "word").await;
    app.call(&app.member, "execution_compensate", json!({ "id": id })).await.unwrap();
    let told = over(&app, &app.member, &id).await;
    assert_eq!(told["status"], "compensated", "{told:#}");
    let all = journal(&app, &app.member, &id).await;
    let began: Vec<_> = all.iter().filter(|line| line.starts_with("began undo")).collect();
    assert_eq!(began, ["began undo_hotel", "began undo_flight"]);
    // What was waited for is let go.
    let fault = app.call(&app.member, "execution_signal", json!({ "id": id, "message": "word" })).await.unwrap_err();
    assert_eq!(fault.code().name, "execution_wrong_state");
}

#[tokio::test]
async fn one_below_is_called_off_with_the_one_above() {
    let app = TestApp::start().await;
    let inner = json!([begin(), { "id": "word", "type": "wait", "config": { "message": "word" } }, end("done")]);
    published(&app, &app.member, "Below", inner, "begin>word word>done", json!({})).await;
    let outer =
        json!([begin(), { "id": "run", "type": "sub_process", "config": { "processId": "below" } }, end("done")]);
    published(&app, &app.member, "Above", outer, "begin>run run>done", json!({})).await;
    let id = started(&app, &app.member, "above", json!({})).await;
    rest(&app).await;
    let children = app.call(&app.member, "execution_list", json!({ "parent": id })).await.unwrap();
    let child = children["items"][0]["executionId"].as_str().unwrap().to_owned();
    app.call(&app.member, "execution_cancel", json!({ "id": id })).await.unwrap();
    let told = over(&app, &app.member, &child).await;
    assert_eq!(told["status"], "cancelled");
}
