//! What comes late, twice or too early: each attempt is known by its number, and what it brings is taken once, while it is under way.

use convoke::domain::processes::engine::interpreter::{Happening, Timer};
use serde_json::{Value, json};

use super::super::{definition, line};
use super::{Stand, failed, node, tool};

fn brought(token: u64, item: Option<usize>, attempt: u32) -> Happening {
    Happening::Done { token, item, attempt: Some(attempt), result: json!({}) }
}

fn broke(token: u64, item: Option<usize>, attempt: u32) -> Happening {
    match failed(token, item, "late", false) {
        Happening::Failed { token, item, code, message, passing, .. } => {
            Happening::Failed { token, item, attempt: Some(attempt), code, message, passing }
        }
        other => other,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "calls read better")]
fn patient(more: Value) -> Value {
    let mut all = json!({
        "timeout": { "after": "PT1M", "outcome": "fail" },
        "retry": { "attempts": 5, "wait": "PT1M", "factor": 1, "jitter": 0 },
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

#[test]
fn an_attempt_whose_time_is_over_is_under_way_no_more_and_its_answer_is_not_taken() {
    let mut stand = Stand::begun(line(json!([tool("one", patient(json!({})))]), json!({})), json!({}));
    assert!(stand.state.is_under_way(1, None, 1) && !stand.state.is_under_way(1, None, 2));
    assert_eq!(stand.passes("PT1M"), 1);
    assert!(!stand.state.is_under_way(1, None, 1), "it waits to be tried again");
    assert_eq!(stand.passes("PT1M"), 1);
    assert!(stand.state.is_under_way(1, None, 2) && !stand.state.is_under_way(1, None, 1));
    assert!(!stand.take(brought(1, None, 1)), "the answer of the first attempt");
    assert!(!stand.take(broke(1, None, 1)), "nor is its failure that of the second");
    assert!(!stand.take(brought(1, Some(0), 2)), "it is no list");
    assert_eq!(stand.end(), "waits at one");
    assert!(stand.take(brought(1, None, 2)));
    assert_eq!(stand.end(), "completed");
}

#[test]
fn an_item_is_known_by_its_attempt() {
    let each = json!({ "items": "[1, 2]", "as": "one", "node": "body", "mode": "parallel" });
    let all = json!({ "id": "all", "type": "for_each", "config": each });
    let nodes = json!([node("s", "start"), all, tool("body", patient(json!({}))), node("e", "end")]);
    let mut stand = Stand::begun(definition(nodes, "s > all; all > e", json!({})), json!({}));
    assert!(stand.state.is_under_way(1, Some(0), 1) && !stand.state.is_under_way(1, None, 1));
    assert_eq!(stand.passes("PT2M"), 4);
    assert!(!stand.take(brought(1, Some(0), 1)) && !stand.take(broke(1, Some(1), 1)));
    assert!(stand.state.is_under_way(1, Some(1), 2) && !stand.state.is_under_way(1, Some(2), 1));
    assert!(stand.take(brought(1, Some(0), 2)) && stand.take(brought(1, Some(1), 2)));
    assert_eq!(stand.end(), "completed");
}

#[test]
fn an_undoing_is_known_by_its_attempt_and_by_how_many_are_left() {
    let undoes = json!({ "id": "un", "type": "compensation", "config": { "attachedTo": "one", "by": "undo" } });
    let nodes = json!([
        node("s", "start"),
        tool("one", json!({})),
        undoes,
        tool("undo", patient(json!({}))),
        node("back", "compensate"),
        node("e", "end"),
    ]);
    let mut stand = Stand::begun(definition(nodes, "s > one; one > back; back > e", json!({})), json!({}));
    stand.done("one", json!({}));
    let (token, item) = stand.work("undo");
    assert!(stand.state.is_under_way(token, item, 1) && !stand.state.is_under_way(token, Some(7), 1));
    assert_eq!(stand.passes("PT1M"), 1);
    assert!(!stand.state.is_under_way(token, item, 1), "it waits to be tried again");
    assert_eq!(stand.passes("PT1M"), 1);
    assert!(!stand.take(brought(token, item, 1)) && !stand.take(broke(token, item, 1)));
    assert!(stand.take(brought(token, item, 2)));
    assert_eq!(stand.end(), "completed");
}

#[test]
fn a_waking_that_is_told_twice_does_not_cut_the_next_wait_short() {
    let retry = json!({ "retry": { "attempts": 9, "wait": "PT1M", "factor": 1, "jitter": 0 } });
    let again = |item| Timer::Retry { item };
    // A step.
    let mut stand = Stand::begun(line(json!([tool("one", retry.clone())]), json!({})), json!({}));
    stand.fails("one", "unavailable", true);
    assert_eq!(stand.passes("PT1M"), 1);
    stand.fails("one", "unavailable", true);
    assert!(!stand.take(Happening::Woke { token: 1, timer: again(None) }));
    assert_eq!(stand.works("one"), []);
    assert_eq!(stand.passes("PT1M"), 1);
    // An item of a list.
    let each = json!({ "items": "[1]", "as": "one", "node": "body" });
    let all = json!({ "id": "all", "type": "for_each", "config": each });
    let nodes = json!([node("s", "start"), all, tool("body", retry.clone()), node("e", "end")]);
    let mut stand = Stand::begun(definition(nodes, "s > all; all > e", json!({})), json!({}));
    stand.fails("body", "unavailable", true);
    assert!(!stand.take(Happening::Woke { token: 1, timer: again(Some(0)) }));
    assert_eq!((stand.works("body").len(), stand.passes("PT1M")), (0, 1));
    // An undoing.
    let undoes = json!({ "id": "un", "type": "compensation", "config": { "attachedTo": "one", "by": "undo" } });
    let nodes = json!([
        node("s", "start"),
        tool("one", json!({})),
        undoes,
        tool("undo", retry),
        node("back", "compensate"),
        node("e", "end"),
    ]);
    let mut stand = Stand::begun(definition(nodes, "s > one; one > back; back > e", json!({})), json!({}));
    stand.done("one", json!({}));
    let (token, item) = stand.work("undo");
    assert!(stand.take(failed(token, item, "unavailable", true)));
    assert!(!stand.take(Happening::Woke { token, timer: again(item) }));
    assert_eq!((stand.works("undo").len(), stand.passes("PT1M")), (0, 1));
}
