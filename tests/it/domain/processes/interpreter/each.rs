//! A node for each item of a list.

use convoke::domain::processes::engine::interpreter::{Happening, Timer, Wish};
use serde_json::{Value, json};

use super::super::definition;
use super::{Stand, failed, node, script, tool};

#[expect(clippy::needless_pass_by_value, reason = "calls read better")]
fn begun(config: Value, body: Value, items: Value) -> Stand {
    let mut each = json!({ "items": "list", "as": "one", "node": "body" });
    each.as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
    let all = json!({ "id": "all", "type": "for_each", "config": each, "output": { "got": "= result" } });
    let caught = json!({ "id": "caught", "type": "boundary_error", "config": { "attachedTo": "all" }, "output": { "why": "= result.code" } });
    let nodes = json!([node("s", "start"), all, body, caught, node("e", "end"), node("f", "end")]);
    let text = "s > all; all > e; caught > f";
    let variables = json!({ "list": {}, "got": "array", "why": "string", "rate": { "default": 2 } });
    Stand::begun(definition(nodes, text, variables), json!({ "list": items }))
}

fn items(stand: &Stand) -> Vec<usize> {
    stand.works("body").into_iter().map(|(_, item, _)| item.unwrap()).collect()
}

fn finish(stand: &mut Stand, item: usize, result: Value) -> bool {
    stand.open.retain(|wish| !matches!(wish, Wish::Work { item: of, .. } if *of == Some(item)));
    stand.take(Happening::Done { token: 1, item: Some(item), attempt: None, result })
}

#[test]
fn in_order_one_is_begun_when_the_one_before_is_done() {
    let body = tool(
        "body",
        json!({ "input": { "text": "= string(index) + one" }, "output": { "x": "= result.x * rate", "of": "= one" } }),
    );
    let mut stand = begun(json!({}), body, json!(["a", "b", "c"]));
    for item in 0..3 {
        assert_eq!(items(&stand), [item]);
        let Some(Wish::Work { input, key, .. }) = stand.open.last().cloned() else { panic!() };
        assert_eq!(
            (&input["text"], key),
            (&json!(format!("{item}{}", ["a", "b", "c"][item])), format!("e1/body/1/{item}"))
        );
        assert!(finish(&mut stand, item, json!({ "x": item })));
        assert!(!finish(&mut stand, item, json!({ "x": 99 })), "a second answer is late");
    }
    assert_eq!(stand.variable("got"), &json!([{ "x": 0, "of": "a" }, { "x": 2, "of": "b" }, { "x": 4, "of": "c" }]));
    assert_eq!(stand.told("done"), ["body", "body", "body", "all"]);
}

#[test]
fn in_parallel_so_many_are_under_way_and_results_are_in_order() {
    let mut stand = begun(json!({ "mode": "parallel", "atOnce": 2 }), tool("body", json!({})), json!([0, 1, 2, 3]));
    assert_eq!(items(&stand), [0, 1]);
    finish(&mut stand, 1, json!("b"));
    assert_eq!(items(&stand), [0, 2]);
    finish(&mut stand, 2, json!("c"));
    finish(&mut stand, 3, json!("d"));
    assert_eq!((items(&stand), stand.end().as_str()), (vec![0], "waits at all"));
    finish(&mut stand, 0, json!("a"));
    assert_eq!(stand.variable("got"), &json!(["a", "b", "c", "d"]));
    let stand = begun(json!({ "mode": "parallel" }), tool("body", json!({})), json!((0..30).collect::<Vec<_>>()));
    assert_eq!(items(&stand).len(), 10, "where it is not said");
}

#[test]
fn what_fails_stops_the_others_or_is_told_beside_them() {
    let mut stand = begun(json!({ "mode": "parallel", "atOnce": 2 }), tool("body", json!({})), json!([0, 1, 2]));
    stand.take(failed(1, Some(0), "gone", false));
    assert_eq!((stand.end().as_str(), stand.variable("why")), ("completed", &json!("gone")));
    assert!(stand.open.is_empty(), "nothing of it is wanted any more: {:?}", stand.open);
    assert!(!finish(&mut stand, 1, json!(1)), "an item after the stop");

    let mut stand = begun(json!({ "onFault": "collect" }), tool("body", json!({})), json!([0, 1, 2]));
    finish(&mut stand, 0, json!("a"));
    stand.open.clear();
    stand.take(failed(1, Some(1), "gone", false));
    finish(&mut stand, 2, json!("c"));
    assert_eq!(stand.variable("got"), &json!(["a", { "fault": { "code": "gone", "message": "it went wrong" } }, "c"]));
    // What cannot be kept of a result is a failure of the item.
    let unfit = json!({ "output": { "x": "= count(for i in 1..200000 return i)" } });
    let mut stand = begun(json!({ "mode": "parallel", "atOnce": 2 }), tool("body", unfit), json!([0, 1, 2]));
    finish(&mut stand, 1, json!(1));
    assert_eq!((stand.end().as_str(), stand.variable("why")), ("completed", &json!("expression_failed")));
}

#[test]
fn each_item_is_tried_again_and_timed_by_itself() {
    let body = tool(
        "body",
        json!({ "retry": { "attempts": 2, "wait": "PT1M", "jitter": 0 }, "timeout": { "after": "PT10M", "outcome": "complete", "result": "late" } }),
    );
    let mut stand = begun(json!({ "mode": "parallel" }), body.clone(), json!([0, 1]));
    stand.open.retain(|wish| !matches!(wish, Wish::Work { item: Some(0), .. }));
    assert!(stand.take(failed(1, Some(0), "unavailable", true)));
    assert!(stand.wakes().iter().any(|(wait, timer)| wait.as_secs() == 60 && *timer == Timer::Retry { item: Some(0) }));
    assert_eq!(stand.passes("PT1M"), 1);
    assert_eq!(stand.works("body"), [(1, Some(1), 1), (1, Some(0), 2)]);
    finish(&mut stand, 0, json!("a"));
    // The timer of the first item finds it done, that of the second does not.
    assert_eq!(stand.passes("PT10M"), 1);
    assert_eq!(stand.variable("got"), &json!(["a", "late"]));
    let mut stand = begun(json!({}), body, json!([0]));
    stand.open.clear();
    assert!(stand.take(failed(1, Some(0), "bad_input", false)));
    assert_eq!(stand.variable("why"), &json!("bad_input"));
}

#[test]
fn the_whole_has_its_time_too() {
    let each = json!({ "items": "[1, 2]", "as": "one", "node": "body" });
    let all =
        json!({ "id": "all", "type": "for_each", "config": each, "timeout": { "after": "PT1H", "outcome": "fail" } });
    let nodes = json!([node("s", "start"), all, tool("body", json!({})), node("e", "end")]);
    let mut stand = Stand::begun(definition(nodes, "s > all; all > e", json!({})), json!({}));
    finish(&mut stand, 0, json!(1));
    assert_eq!(stand.passes("PT1H"), 1);
    assert_eq!(stand.end(), "step_timed_out at all");
}

#[test]
fn what_is_no_list_or_too_long_a_one_fails_and_an_empty_one_is_done() {
    for (items, why) in [(json!("text"), "expression_failed"), (json!(vec![0; 10_001]), "too_many_items")] {
        let stand = begun(json!({}), tool("body", json!({})), items);
        assert_eq!(stand.variable("why"), &json!(why));
    }
    let stand = begun(json!({}), tool("body", json!({})), json!([]));
    assert_eq!((stand.end().as_str(), stand.variable("got")), ("completed", &json!([])));
}

#[test]
fn ten_thousand_items_that_are_worked_out_on_the_spot_neither_fill_the_stack_nor_take_long() {
    let many: Vec<usize> = (0..10_000).collect();
    for config in [json!({}), json!({ "mode": "parallel", "atOnce": 7 })] {
        let began = std::time::Instant::now();
        let stand = begun(config.clone(), script("body", "one * rate", json!({ "x": "= result.value" })), json!(many));
        let got = stand.variable("got").as_array().unwrap();
        assert_eq!((got.len(), &got[9_999]), (10_000, &json!({ "x": 19_998 })), "{config}");
        assert!(began.elapsed().as_secs() < 30, "{config} took {:?}", began.elapsed());
    }
}
