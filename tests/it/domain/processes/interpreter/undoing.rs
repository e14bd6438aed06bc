//! Taking back what was done.

use convoke::domain::processes::engine::interpreter::{Happening, Timer, Wish};
use serde_json::{Value, json};

use super::super::definition;
use super::{Stand, failed, node, tool};

/// Three steps that can be taken back, the third of which fails: then all before it are.
#[expect(clippy::needless_pass_by_value, reason = "calls read better")]
fn saga(undo_b: Value, only: Value) -> Stand {
    let undoes = |of: &str| json!({ "id": format!("un_{of}"), "type": "compensation", "config": { "attachedTo": of, "by": format!("undo_{of}") } });
    let undo = |of: &str, more: Value| {
        let mut more = more;
        more["input"] = json!({ "text": "= made" });
        tool(&format!("undo_{of}"), more)
    };
    let back = json!({ "id": "back", "type": "compensate", "config": if only.is_null() { json!({}) } else { json!({ "only": only }) } });
    let nodes = json!([
        node("s", "start"), tool("a", json!({ "output": { "made": "= result.made" } })), tool("b", json!({})), tool("c", json!({})),
        undoes("a"), undoes("b"), undo("a", json!({ "output": { "gone": "= result.gone" } })), undo("b", undo_b),
        { "id": "broke", "type": "boundary_error", "config": { "attachedTo": "c" } }, back,
        { "id": "stuck", "type": "boundary_error", "config": { "attachedTo": "back" }, "output": { "why": "= result.message" } },
        node("e", "end"), node("undone", "end"), node("torn", "end"),
    ]);
    let text = "s > a; a > b; b > c; c > e; broke > back; back > undone; stuck > torn";
    let variables = json!({ "made": "string", "gone": "boolean", "why": "string" });
    let mut stand = Stand::begun(definition(nodes, text, variables), json!({}));
    stand.done("a", json!({ "made": "order 7" }));
    stand.done("b", json!({}));
    stand
}

#[test]
fn what_was_done_is_taken_back_the_last_first() {
    let mut stand = saga(json!({}), json!(null));
    stand.fails("c", "gone", false);
    assert_eq!(stand.places(), ["back"]);
    let Some(Wish::Work { input, .. }) = stand.open.last() else { panic!() };
    assert_eq!(input["text"], "order 7");
    stand.done("undo_b", json!({}));
    stand.done("undo_a", json!({ "gone": true }));
    assert_eq!(stand.told("undone"), ["back b", "back a"]);
    assert_eq!((stand.end().as_str(), stand.variable("gone")), ("completed", &json!(true)));
    assert_eq!(stand.told("entered").last().unwrap(), "undone");
    assert!(stand.state.undoable.is_empty());
    // Where nothing fails, nothing is taken back.
    let mut stand = saga(json!({}), json!(null));
    stand.done("c", json!({}));
    assert_eq!((stand.end().as_str(), stand.told("undone").len()), ("completed", 0));
}

#[test]
fn only_those_that_are_named_are_taken_back() {
    let mut stand = saga(json!({}), json!(["a"]));
    stand.fails("c", "gone", false);
    stand.done("undo_a", json!({ "gone": true }));
    assert_eq!((stand.told("undone"), stand.end().as_str()), (vec!["back a".to_owned()], "completed"));
}

#[test]
fn an_undoing_that_fails_is_tried_again_and_then_taken_up_or_told() {
    let retry = json!({ "retry": { "attempts": 2, "wait": "PT1M", "jitter": 0 } });
    let mut stand = saga(retry.clone(), json!(null));
    stand.fails("c", "gone", false);
    stand.fails("undo_b", "unavailable", true);
    assert_eq!(stand.passes("PT1M"), 1);
    assert_eq!(stand.works("undo_b").len(), 1);
    stand.done("undo_b", json!({}));
    stand.done("undo_a", json!({ "gone": true }));
    assert_eq!(stand.end(), "completed");

    let mut stand = saga(retry, json!(null));
    stand.fails("c", "gone", false);
    stand.fails("undo_b", "bad_input", false);
    assert_eq!(stand.told("entered").last().unwrap(), "torn");
    assert!(
        stand.variable("why").as_str().unwrap().contains("'b' could not be undone: bad_input"),
        "{}",
        stand.variable("why")
    );
    // What was not taken back stays to be.
    let left: Vec<&str> = stand.state.undoable.iter().map(|one| one.node.as_str()).collect();
    assert_eq!(left, ["a", "b"]);
}

#[test]
fn an_undoing_has_its_time() {
    for (outcome, at) in [("fail", "torn"), ("skip", "undone"), ("complete", "undone")] {
        let mut stand = saga(json!({ "timeout": { "after": "PT5M", "outcome": outcome } }), json!(null));
        stand.fails("c", "gone", false);
        stand.open.retain(|wish| !matches!(wish, Wish::Work { .. }));
        assert_eq!(stand.passes("PT5M"), 1, "{outcome}");
        if at == "undone" {
            stand.done("undo_a", json!({ "gone": true }));
        }
        assert_eq!(
            (stand.told("entered").last().unwrap().as_str(), stand.end().as_str()),
            (at, "completed"),
            "{outcome}"
        );
    }
}

#[test]
fn what_comes_twice_for_one_undoing_is_not_taken_for_the_next() {
    let mut stand = saga(json!({ "retry": { "attempts": 5, "wait": "PT1M", "jitter": 0 } }), json!(null));
    stand.fails("c", "gone", false);
    let (token, item) = stand.work("undo_b");
    // The waking for another turn, when none is waited for.
    assert!(!stand.take(Happening::Woke { token, timer: Timer::Retry { item } }));
    assert!(stand.take(failed(token, item, "unavailable", true)));
    assert!(!stand.take(failed(token, item, "unavailable", true)), "it failed already");
    assert_eq!(stand.passes("PT1M"), 1);
    let (token, item) = stand.work("undo_b");
    assert!(stand.take(Happening::Done { token, item, attempt: None, result: json!({}) }));
    assert!(!stand.take(Happening::Done { token, item, attempt: None, result: json!({}) }), "it is done already");
    assert_eq!(stand.places(), ["back"]);
    assert_eq!(stand.works("undo_a").len(), 1);
    stand.done("undo_a", json!({ "gone": true }));
    assert_eq!(stand.end(), "completed");
}

#[test]
fn what_was_done_twice_is_taken_back_twice_with_a_key_for_each() {
    let undoes = json!({ "id": "un", "type": "compensation", "config": { "attachedTo": "a", "by": "undo" } });
    let nodes = json!([
        node("s", "start"),
        node("x", "exclusive"),
        tool("a", json!({ "output": { "n": "= n + 1" } })),
        undoes,
        tool("undo", json!({})),
        node("y", "exclusive"),
        node("back", "compensate"),
        node("e", "end")
    ]);
    let text = "s > x; x > a; a > y; y > x if n < 2; y > back else; back > e";
    let mut stand = Stand::begun(definition(nodes, text, json!({ "n": { "default": 0 } })), json!({}));
    stand.done("a", json!({}));
    stand.done("a", json!({}));
    let mut keys = Vec::new();
    for _ in 0..2 {
        let key = |wish: &Wish| match wish {
            Wish::Work { key, .. } => Some(key.clone()),
            _ => None,
        };
        keys.push(stand.open.iter().find_map(key).unwrap());
        stand.done("undo", json!({}));
    }
    assert_ne!(keys[0], keys[1]);
    assert_eq!((stand.end().as_str(), stand.told("undone").len()), ("completed", 2));
}
