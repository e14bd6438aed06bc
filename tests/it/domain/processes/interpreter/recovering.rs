//! Going on after a failure: what failed is done again or left out, and what was under way beside it is begun anew.

use convoke::domain::processes::engine::interpreter::{Happening, Play, Recovery, Timer, Wish};
use serde_json::{Map, Value, json};

use super::super::definition;
use super::{Stand, node, script, token_of, tool};

impl Stand {
    fn recovers(&mut self, how: Recovery) {
        self.recovers_with(how, json!({}));
    }

    fn recovers_with(&mut self, how: Recovery, values: Value) {
        let Value::Object(values) = values else { panic!("no object") };
        self.play(|play| play.recover(how, values.clone())).unwrap();
    }

    /// What a play wishes, said as it says it.
    fn wishes_of(&self, act: impl Fn(&mut Play<'_>)) -> Vec<Wish> {
        let mut play = Play::new(&self.graph, &*super::LANGUAGE, &self.facts, self.now, self.state.clone());
        act(&mut play);
        play.wishes
    }

    fn later(&mut self, seconds: u64) {
        self.now = self.now.plus(std::time::Duration::from_secs(seconds));
    }
}

/// Ways at once, of which the one over `bad` fails when it is told so.
fn beside(one: Value, more: &[Value], text: &str) -> Stand {
    let mut nodes = vec![
        node("s", "start"),
        node("p", "parallel"),
        one,
        tool("bad", json!({})),
        node("e", "end"),
        node("f", "end"),
    ];
    nodes.extend(more.iter().cloned());
    let text = format!("s > p; p > one; p > bad; one > e; bad > f; {text}");
    Stand::begun(definition(nodes.into(), &text, json!({ "n": { "default": 0 } })), json!({}))
}

#[test]
fn what_was_under_way_beside_it_is_begun_anew_with_an_attempt_of_its_own() {
    let mut stand = beside(tool("one", json!({})), &[], "");
    let (token, _) = stand.work("one");
    stand.fails("bad", "gone", false);
    assert_eq!((stand.end().as_str(), stand.open.len()), ("gone at bad", 0), "nothing is wanted while it stands");
    stand.recovers(Recovery::Retry);
    assert_eq!(stand.works("one"), [(token, None, 2)]);
    assert!(!stand.take(Happening::Done { token, item: None, attempt: Some(1), result: json!({}) }), "given up");
    assert!(stand.take(Happening::Done { token, item: None, attempt: Some(2), result: json!({}) }));
    stand.done("bad", json!({}));
    assert_eq!(stand.end(), "completed");
}

#[test]
fn what_was_given_up_by_a_failure_beside_it_does_not_count_as_a_try() {
    let retry = json!({ "retry": { "attempts": 2, "wait": "PT10S", "factor": 3, "jitter": 0 } });
    let mut stand = beside(tool("one", retry), &[], "");
    stand.fails("bad", "gone", false);
    stand.recovers(Recovery::Retry);
    stand.fails("one", "unavailable", true);
    assert_eq!(stand.wakes(), [(std::time::Duration::from_secs(10), Timer::Retry { item: None })]);
    assert_eq!(stand.passes("PT10S"), 1);
    stand.fails("one", "unavailable", true);
    assert_eq!(stand.end(), "unavailable at one", "after two tries");
}

#[test]
fn items_and_undoings_under_way_are_begun_anew_too() {
    let each = json!({ "items": "[1, 2, 3]", "as": "item", "node": "body", "mode": "parallel", "atOnce": 2 });
    let one =
        json!({ "id": "one", "type": "for_each", "config": each, "timeout": { "after": "PT1H", "outcome": "fail" } });
    let body = tool("body", json!({ "retry": { "attempts": 3, "wait": "PT10M", "jitter": 0 } }));
    let mut stand = beside(one, &[body], "");
    let token = stand.works("body")[0].0;
    stand.open.retain(|wish| !matches!(wish, Wish::Work { item: Some(1), .. }));
    assert!(stand.take(super::failed(token, Some(1), "unavailable", true)));
    stand.fails("bad", "gone", false);
    assert!(stand.open.is_empty());
    stand.later(1_800);
    stand.recovers(Recovery::Retry);
    assert_eq!(stand.works("body"), [(token, Some(0), 2)], "the other one waits to be tried again");
    let wakes = stand.wakes();
    assert!(wakes.iter().any(|(_, timer)| *timer == Timer::Retry { item: Some(1) }), "{wakes:?}");
    // The time of the whole begins anew: that of the first turn finds it under way in another.
    assert!(!stand.take(Happening::Woke { token, timer: Timer::Timeout { item: None, attempt: 1 } }));
    assert_eq!(stand.passes("PT0S"), 1);
    assert_eq!(stand.works("body"), [(token, Some(0), 2), (token, Some(1), 2)]);
    stand.open.retain(|wish| !matches!(wish, Wish::Work { node, .. } if node == "bad"));
    assert_eq!(stand.passes("PT59M"), 0);
    assert_eq!(stand.passes("PT1M"), 1);
    assert_eq!(stand.end(), "step_timed_out at one");

    let undoes = json!({ "id": "un", "type": "compensation", "config": { "attachedTo": "one", "by": "undo" } });
    let back = node("back", "compensate");
    let nodes = json!([
        node("s", "start"),
        node("p", "parallel"),
        tool("one", json!({})),
        undoes,
        tool("undo", json!({})),
        back,
        tool("bad", json!({})),
        node("e", "end"),
        node("f", "end"),
    ]);
    let text = "s > p; p > one; p > bad; one > back; back > e; bad > f";
    let mut stand = Stand::begun(definition(nodes, text, json!({})), json!({}));
    stand.done("one", json!({}));
    let (token, item) = stand.work("undo");
    stand.fails("bad", "gone", false);
    stand.recovers(Recovery::Skip);
    assert_eq!(stand.works("undo"), [(token, item, 2)]);
    assert!(!stand.take(Happening::Done { token, item, attempt: Some(1), result: json!({}) }));
    stand.done("undo", json!({}));
    assert_eq!((stand.end().as_str(), stand.told("undone")), ("completed", vec!["back one".to_owned()]));
}

#[test]
fn what_waits_listens_again_and_its_time_begins_anew() {
    let wait = json!({ "id": "one", "type": "wait", "config": { "message": "word", "correlationKey": "n" }, "timeout": { "after": "PT1H", "outcome": "skip" } });
    let mut stand = beside(wait, &[], "");
    let token = stand.open.iter().find(|wish| matches!(wish, Wish::Listen { .. })).map(token_of).unwrap();
    stand.fails("bad", "gone", false);
    assert!(stand.open.is_empty());
    stand.later(7_200);
    stand.recovers(Recovery::Skip);
    let listens = |wish: &Wish| matches!(wish, Wish::Listen { message: Some(word), key: Some(key), .. } if word == "word" && key == "0");
    assert_eq!(stand.open.iter().filter(|wish| listens(wish)).count(), 1, "{:?}", stand.open);
    assert!(
        !stand.take(Happening::Woke { token, timer: Timer::Timeout { item: None, attempt: 1 } }),
        "of the first turn"
    );
    assert_eq!(stand.passes("PT59M59S"), 0);
    assert_eq!(stand.passes("PT1S"), 1);
    assert_eq!(stand.end(), "completed");
    // A timer keeps its moment.
    let mut stand = beside(json!({ "id": "one", "type": "timer", "config": { "after": "PT1H" } }), &[], "");
    stand.fails("bad", "gone", false);
    stand.later(1_800);
    stand.recovers(Recovery::Skip);
    assert_eq!((stand.passes("PT29M"), stand.passes("PT1M"), stand.end().as_str()), (0, 1, "completed"));
}

#[test]
fn what_was_on_its_way_when_it_failed_goes_on() {
    // Two ways go on at once; the first breaks on the spot, and the second has not come anywhere then.
    let breaks = script("breaks", "n", json!({ "n": "= if n = 1 then 1 else \"no number\"" }));
    let nodes = json!([
        node("s", "start"),
        node("p", "parallel"),
        breaks,
        tool("one", json!({})),
        tool("two", json!({})),
        node("q", "parallel"),
        node("e", "end"),
    ]);
    let text = "s > p; p > breaks; p > one; p > two; breaks > q; one > q; two > q; q > e";
    let mut stand = Stand::begun(
        definition(nodes, text, json!({ "n": { "schema": { "type": "number" }, "default": 0 } })),
        json!({}),
    );
    assert_eq!(stand.end(), "variable_unfit at breaks");
    assert_eq!(stand.places(), ["breaks", "one", "two"], "they stay on their way");
    assert!(stand.open.is_empty());
    stand.recovers_with(Recovery::Retry, json!({ "n": 1 }));
    assert_eq!((stand.works("one").len(), stand.works("two").len()), (1, 1));
    stand.done("two", json!({}));
    stand.done("one", json!({}));
    assert_eq!(stand.end(), "completed", "the join met all three");
}

#[test]
fn a_join_that_waits_for_others_waits_on() {
    let nodes = json!([
        node("s", "start"),
        node("p", "parallel"),
        tool("one", json!({})),
        tool("bad", json!({})),
        node("q", "parallel"),
        tool("two", json!({})),
        node("e", "end"),
    ]);
    let text = "s > p; p > one; p > bad; one > q; bad > q; q > two; two > e";
    for how in [Recovery::Retry, Recovery::Skip] {
        let mut stand = Stand::begun(definition(nodes.clone(), text, json!({})), json!({}));
        stand.done("one", json!({}));
        stand.fails("bad", "gone", false);
        stand.recovers(how);
        if how == Recovery::Retry {
            assert!(stand.places().contains(&"q".to_owned()), "{:?}", stand.places());
            stand.done("bad", json!({}));
        }
        stand.done("two", json!({}));
        assert_eq!(
            (stand.end().as_str(), stand.told("entered").iter().filter(|one| *one == "q").count()),
            ("completed", 1)
        );
    }
}

#[test]
fn an_endless_circle_is_gone_on_with_by_the_edge_that_it_came_to() {
    let nodes = json!([
        node("s", "start"),
        node("p", "parallel"),
        node("x", "exclusive"),
        script("count", "n + 1", json!({})),
        node("y", "exclusive"),
        node("q", "parallel"),
        node("e", "end"),
    ]);
    let text = "s > p; p > x; p > q; x > count; count > y; y > x if stop = null; y > q else; q > e";
    let mut stand = Stand::begun(definition(nodes, text, json!({ "n": { "default": 0 }, "stop": {} })), json!({}));
    assert!(stand.end().starts_with("endless_circle at"), "{}", stand.end());
    stand.recovers_with(Recovery::Retry, json!({ "stop": true }));
    assert_eq!(stand.end(), "completed");
}

#[test]
fn a_way_that_could_not_leave_its_boundary_is_left_again_and_the_activity_is_not() {
    let error = json!({ "id": "caught", "type": "boundary_error", "config": { "attachedTo": "one" }, "output": { "n": "= if n = 0 then \"none\" else n + 1" } });
    let nodes = json!([
        node("s", "start"),
        tool("one", json!({})),
        error,
        tool("mend", json!({})),
        node("e", "end"),
        node("f", "end")
    ]);
    let text = "s > one; one > e; caught > mend; mend > f";
    let variables = json!({ "n": { "schema": { "type": "number" }, "default": 0 } });
    let mut stand = Stand::begun(definition(nodes, text, variables), json!({}));
    stand.fails("one", "gone", false);
    assert_eq!(stand.end(), "variable_unfit at caught");
    stand.recovers(Recovery::Retry);
    assert_eq!(stand.end(), "variable_unfit at caught", "nothing has changed");
    stand.recovers_with(Recovery::Retry, json!({ "n": 6 }));
    assert_eq!((stand.works("one").len(), stand.works("mend").len(), stand.variable("n")), (0, 1, &json!(7)));
    stand.done("mend", json!({}));
    assert_eq!(stand.end(), "completed");
}

#[test]
fn the_moments_of_boundaries_are_waited_for_again_and_each_comes_once() {
    let late = json!({ "id": "late", "type": "boundary_timeout", "config": { "attachedTo": "one", "after": "PT1H", "interrupting": false, "times": 2 } });
    let mut stand = beside(
        tool("one", json!({})),
        &[late, tool("remind", json!({})), node("g", "end")],
        "late > remind; remind > g",
    );
    let token = stand.works("one")[0].0;
    // The queue keeps what is not due, so that the same moment comes once more after the recovery.
    let kept: Vec<Wish> = stand.open.iter().filter(|wish| matches!(wish, Wish::Wake { .. })).cloned().collect();
    stand.fails("bad", "gone", false);
    stand.later(1_800);
    stand.recovers(Recovery::Skip);
    stand.open.extend(kept);
    let moments = stand.wakes().len();
    assert_eq!(moments, 2, "{:?}", stand.wakes());
    assert_eq!(stand.passes("PT30M"), 1, "told twice, taken once");
    assert_eq!(stand.works("remind").len(), 1);
    let timer = Timer::Boundary { node: "late".to_owned() };
    assert!(!stand.take(Happening::Woke { token, timer: timer.clone() }), "the next one is an hour away");
    assert_eq!(stand.passes("PT1H"), 1);
    assert!(!stand.take(Happening::Woke { token, timer }), "there is none any more");
    assert_eq!(stand.works("remind").len(), 2);
}

#[test]
fn a_boundary_whose_next_moment_has_no_value_is_asked_for_it_again() {
    let late = json!({ "id": "late", "type": "boundary_timeout", "config": { "attachedTo": "one", "after": "= \"PT\" + string(n) + \"H\"", "interrupting": false, "times": 3 } });
    let set = |id: &str| script(id, "n", json!({ "n": "= if n = 1 then \"no\" else n" }));
    let nodes =
        json!([node("s", "start"), tool("one", json!({})), late, set("spoil"), node("e", "end"), node("f", "end"),]);
    let text = "s > one; one > e; late > spoil; spoil > f";
    let mut stand = Stand::begun(definition(nodes, text, json!({ "n": { "default": 1 } })), json!({}));
    assert_eq!(stand.passes("PT1H"), 1);
    assert_eq!(stand.variable("n"), "no");
    assert_eq!(stand.passes("PT1H"), 1);
    assert_eq!(stand.end(), "expression_failed at late");
    stand.recovers_with(Recovery::Retry, json!({ "n": 2 }));
    assert_eq!(stand.places(), ["one"], "the activity goes on");
    assert_eq!(stand.passes("PT0S"), 1, "the moment that could not be counted comes again");
    assert_eq!(stand.passes("PT2H"), 1);
    stand.done("one", json!({}));
    assert_eq!(stand.end(), "completed");
}

#[test]
fn what_is_no_longer_wanted_is_said_once_and_never_of_what_the_same_play_wished() {
    let each = json!({ "items": "[1, 2, 3]", "as": "item", "node": "body", "mode": "parallel" });
    let one = json!({ "id": "one", "type": "for_each", "config": each });
    let stand = beside(one, &[tool("body", json!({}))], "");
    let token = stand.works("body")[0].0;
    let wishes = stand.wishes_of(|play| {
        assert!(play.take(super::failed(token, Some(1), "gone", false)));
    });
    let drops: Vec<u64> = wishes.iter().filter(|wish| matches!(wish, Wish::Drop { .. })).map(token_of).collect();
    assert_eq!(drops.iter().filter(|one| **one == token).count(), 1, "{wishes:?}");
    // What a recovery wishes and a failure in the same play gives up was never wished.
    let breaks = script("bad2", "1", json!({ "n": "= \"none\"" }));
    let nodes = json!([
        node("s", "start"),
        node("p", "parallel"),
        tool("one", json!({})),
        tool("bad", json!({})),
        breaks,
        node("e", "end"),
        node("f", "end"),
    ]);
    let text = "s > p; p > one; p > bad; one > e; bad > bad2; bad2 > f";
    let mut stand = Stand::begun(
        definition(nodes, text, json!({ "n": { "schema": { "type": "number" }, "default": 0 } })),
        json!({}),
    );
    stand.fails("bad", "gone", false);
    let wishes = stand.wishes_of(|play| play.recover(Recovery::Skip, Map::new()).unwrap());
    assert!(wishes.iter().all(|wish| matches!(wish, Wish::Drop { .. })), "{wishes:?}");
    stand.recovers(Recovery::Skip);
    assert_eq!(stand.end(), "variable_unfit at bad2");
    assert!(stand.open.is_empty(), "{:?}", stand.open);
}
