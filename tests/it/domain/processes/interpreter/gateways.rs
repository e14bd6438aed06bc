//! Where ways part and meet.

use serde_json::{Value, json};

use super::super::definition;
use super::{Stand, node, script, tool};

fn nodes(text: &str) -> Vec<Value> {
    let one = |id: &str| match id.as_bytes()[0] {
        b's' => node(id, "start"),
        b'e' => node(id, "end"),
        b'x' | b'y' => node(id, "exclusive"),
        b'p' | b'q' => node(id, "parallel"),
        b'i' | b'j' => node(id, "inclusive"),
        _ => tool(id, json!({})),
    };
    text.split_whitespace().map(one).collect()
}

fn begun(ids: &str, text: &str, variables: Value) -> Stand {
    let declared: serde_json::Map<String, Value> =
        variables.as_object().unwrap().keys().map(|name| (name.clone(), json!({}))).collect();
    Stand::begun(definition(nodes(ids).into(), text, declared.into()), variables)
}

#[test]
fn an_exclusive_gateway_takes_the_first_way_that_holds_else_the_default() {
    let text = "s > x; x > a if n > 10; x > b if n > 5; x > c else; a > e; b > e; c > e";
    for (n, way) in [(json!(20), "a"), (json!(7), "b"), (json!(1), "c"), (json!("seven"), "c"), (json!(null), "c")] {
        let stand = begun("s x a b c e", text, json!({ "n": n }));
        assert_eq!((stand.places(), stand.told("took")), (vec![way.to_owned()], vec![format!("x x--{way}")]), "{n}");
    }
    let without = "s > x; x > a if n > 10; x > b if n > 5; a > e; b > e";
    let stand = begun("s x a b e", without, json!({ "n": 1 }));
    assert_eq!(stand.end(), "no_way_on at x");
}

#[test]
fn a_parallel_gateway_takes_all_ways_and_waits_for_each() {
    let mut stand =
        begun("s p a b c q d e", "s > p; p > a; p > b; p > c; a > q; b > q; c > q; q > d; d > e", json!({}));
    assert_eq!(stand.places(), ["a", "b", "c"]);
    stand.done("b", json!({}));
    stand.done("a", json!({}));
    assert_eq!(stand.places(), ["c", "q", "q"]);
    stand.done("c", json!({}));
    assert_eq!(stand.places(), ["d"]);
    stand.done("d", json!({}));
    assert_eq!(stand.end(), "completed");
    assert_eq!(stand.told("entered").iter().filter(|one| *one == "q").count(), 1);
}

#[test]
fn an_inclusive_gateway_waits_for_the_ways_that_were_taken_and_no_others() {
    let text = "s > i; i > a if n > 1; i > b if n > 2; i > c else; a > j; b > j; c > j; j > d; d > e";
    for (n, ways) in [(3, vec!["a", "b"]), (2, vec!["a"]), (0, vec!["c"])] {
        let mut stand = begun("s i a b c j d e", text, json!({ "n": n }));
        assert_eq!(stand.places(), ways, "{n}");
        for (number, way) in ways.iter().enumerate() {
            assert!(!stand.places().contains(&"d".to_owned()), "{n}: {number}");
            stand.done(way, json!({}));
        }
        assert_eq!(stand.places(), ["d"], "{n}");
        stand.done("d", json!({}));
        assert_eq!(stand.end(), "completed");
    }
    let without =
        begun("s i a b j d e", "s > i; i > a if n > 1; i > b if n > 2; a > j; b > j; j > d; d > e", json!({ "n": 0 }));
    assert_eq!(without.end(), "no_way_on at i");
}

#[test]
fn an_inclusive_gateway_waits_for_what_can_still_come_by_another_way() {
    // What is at 'a' may still come to the join, or leave to another end.
    let text = "s > i; i > a if true; i > b if true; i > c else; a > x; x > j if n > 0; x > f else; b > j; c > j; j > d; d > e; f > e2";
    for n in [1, 0] {
        let mut stand = begun("s i a b c x j d e f e2", text, json!({ "n": n }));
        assert_eq!(stand.places(), ["a", "b"]);
        stand.done("b", json!({}));
        assert_eq!(stand.places(), ["a", "j"], "something may still come from 'a'");
        stand.done("a", json!({}));
        assert!(stand.places().contains(&"d".to_owned()), "{n}: {:?}", stand.places());
        assert_eq!(stand.places().contains(&"f".to_owned()), n == 0);
    }
}

#[test]
fn ways_that_meet_in_an_exclusive_gateway_go_on_each_by_itself() {
    let mut stand = begun("s x y a b e", "s > x; x > a if n > 0; x > b else; a > y; b > y; y > e", json!({ "n": 1 }));
    stand.done("a", json!({}));
    assert_eq!(stand.end(), "completed");
    // Behind parallel ways, each comes to the end by itself.
    let mut stand = begun("s p a b e", "s > p; p > a; p > b; a > e; b > e", json!({}));
    stand.done("a", json!({}));
    assert_eq!(stand.end(), "waits at b");
    stand.done("b", json!({}));
    assert_eq!(
        (stand.end().as_str(), stand.told("entered").iter().filter(|one| *one == "e").count()),
        ("completed", 2)
    );
}

#[test]
fn a_circle_goes_round_as_often_as_its_condition_says_and_an_endless_one_ends_in_a_fault() {
    let of = |most: Value| {
        let nodes = json!([
            node("s", "start"),
            node("x", "exclusive"),
            script("count", "n + 1", json!({ "n": "= result.value" })),
            node("y", "exclusive"),
            node("e", "end")
        ]);
        let text = "s > x; x > count; count > y; y > x if most = null or n < most; y > e else";
        Stand::begun(definition(nodes, text, json!({ "n": { "default": 0 }, "most": {} })), json!({ "most": most }))
    };
    let stand = of(json!(50));
    assert_eq!((stand.end().as_str(), stand.variable("n")), ("completed", &json!(50)));
    let began = std::time::Instant::now();
    let stand = of(json!(null));
    assert!(
        stand.end().starts_with("endless_circle at") || stand.end().starts_with("expression_failed at"),
        "{}",
        stand.end()
    );
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}

#[test]
fn a_condition_that_has_no_value_is_no_way_and_one_that_breaks_is_a_fault() {
    let text = "s > x; x > a if n.deep.deeper > 1; x > b else; a > e; b > e";
    let stand = begun("s x a b e", text, json!({ "n": { "deep": null } }));
    assert_eq!(stand.places(), ["b"]);
    // A value larger than any may be: that hangs on no clock.
    let breaks = "s > x; x > a if count(for i in 1..200000 return i) > n; x > b else; a > e; b > e";
    let stand = begun("s x a b e", breaks, json!({ "n": 1 }));
    assert_eq!(stand.end(), "expression_failed at x");
}
