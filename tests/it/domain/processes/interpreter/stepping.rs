//! One step by itself.

use serde_json::json;

use super::Stand;

fn definition() -> serde_json::Value {
    json!({
        "nodes": [
            { "id": "begin", "type": "start" },
            { "id": "fetch", "type": "tool", "config": { "tool": "user_me" }, "output": { "rate": "= result.rate" },
              "retry": { "attempts": 3, "wait": "PT10M", "jitter": 0, "on": ["unavailable"] } },
            { "id": "word", "type": "wait", "config": { "message": "word" } },
            { "id": "done", "type": "end" },
        ],
        "edges": [{ "from": "begin", "to": "fetch" }, { "from": "fetch", "to": "word" }, { "from": "word", "to": "done" }],
        "variables": { "rate": { "schema": { "type": "number" } } },
    })
}

#[test]
fn a_step_that_was_done_is_done_once_more_and_goes_nowhere() {
    let mut stand = Stand::begun(definition(), json!({}));
    stand.done("fetch", json!({ "rate": 1 }));
    let node = stand.graph.find("fetch").unwrap();
    stand.play(|play| play.repeat(node));
    assert_eq!(stand.state.tokens.len(), 2);
    stand.done("fetch", json!({ "rate": 2 }));
    assert_eq!(stand.state.variables["rate"], 2);
    let nodes: Vec<_> = stand.state.tokens.iter().map(|token| token.node.as_str()).collect();
    assert_eq!(nodes, ["word"], "no second token went on");
}

#[test]
fn one_that_fails_the_second_time_stops_nothing() {
    let mut stand = Stand::begun(definition(), json!({}));
    stand.done("fetch", json!({ "rate": 1 }));
    let node = stand.graph.find("fetch").unwrap();
    stand.play(|play| play.repeat(node));
    stand.fails("fetch", "not_found", false);
    assert_eq!((stand.state.ending.clone(), stand.state.tokens.len()), (None, 1));
    // What it brings and does not fit is a failure, too.
    stand.play(|play| play.repeat(node));
    stand.done("fetch", json!({ "rate": "much" }));
    assert_eq!((stand.state.ending.clone(), &stand.state.variables["rate"]), (None, &json!(1)));
}

#[test]
fn the_end_waits_for_what_is_done_once_more() {
    let mut stand = Stand::begun(definition(), json!({}));
    stand.done("fetch", json!({ "rate": 1 }));
    let node = stand.graph.find("fetch").unwrap();
    stand.play(|play| play.repeat(node));
    let word = stand.state.tokens.iter().find(|token| token.node == "word").unwrap().id;
    stand.take(convoke::domain::processes::engine::interpreter::Happening::Came { token: word, payload: json!({}) });
    assert_eq!(stand.state.ending, None);
    stand.done("fetch", json!({ "rate": 3 }));
    assert!(stand.state.ending.is_some());
}

#[test]
fn what_waits_to_be_tried_again_does_not_wait_any_longer() {
    let mut stand = Stand::begun(definition(), json!({}));
    stand.fails("fetch", "unavailable", true);
    assert!(stand.works("fetch").is_empty());
    let token = stand.state.tokens[0].id;
    assert!(stand.play(|play| play.hurry(token)));
    assert_eq!(stand.works("fetch"), [(token, None, 2)]);
    assert!(!stand.play(|play| play.hurry(token)), "it is under way");
}

#[test]
fn gateways_events_and_what_others_run_cannot_be_repeated() {
    let mut stand = Stand::begun(definition(), json!({}));
    stand.done("fetch", json!({ "rate": 1 }));
    let can = |stand: &mut Stand, id: &str| {
        let node = stand.graph.find(id).unwrap();
        stand.play(|play| play.can_repeat(node))
    };
    assert!(can(&mut stand, "fetch"));
    assert!(!can(&mut stand, "word") && !can(&mut stand, "begin") && !can(&mut stand, "done"));
}
