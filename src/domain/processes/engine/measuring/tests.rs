//! Traces written by hand, and what is measured of them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::domain::processes::engine::definition::Definition;
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::nodes::{Config, node_type};

fn graph(nodes: &Value, edges: &str) -> Graph {
    let edges: Vec<Value> = edges
        .split_whitespace()
        .map(|edge| {
            let (from, to) = edge.split_once('>').unwrap();
            json!({ "from": from, "to": to })
        })
        .collect();
    let mut definition: Definition = serde_json::from_value(json!({ "nodes": nodes, "edges": edges })).unwrap();
    definition.name_edges();
    let configs: Vec<Config> =
        definition.nodes.iter().map(|node| node_type(&node.kind).unwrap().read(&node.config).unwrap()).collect();
    Graph::of(Arc::new(definition), configs).unwrap()
}

/// A trace of lines written as `second event node token`, with what else an event has after it.
fn trace(lines: &str) -> Trace {
    let at = |second: i64| Timestamp::from_millis(1_763_640_000_000 + second * 1_000);
    let lines: Vec<(Timestamp, Entry)> = lines
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| {
            let mut words = line.splitn(5, ' ');
            let second = words.next().unwrap().parse().unwrap();
            let mut body = json!({ "event": words.next().unwrap() });
            if let Some(node) = words.next() {
                body["node"] = json!(node);
            }
            if let Some(token) = words.next() {
                body["token"] = json!(token.parse::<u64>().unwrap());
            }
            if let Some(more) = words.next() {
                let more: Value = serde_json::from_str(more).unwrap();
                body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            }
            (at(second), serde_json::from_value(body).unwrap())
        })
        .collect();
    let (started, ended) = (lines[0].0, lines.last().map(|(at, _)| (*at, true)));
    Trace { version: "1.0.0".to_owned(), started, ended, failed: false, by_hand: 0, lines }
}

const THROUGH: &str = r#"
    0 entered begin 0
    0 entered look 1
    0 began look 1 {"attempt":1}
    2 failed look 1 {"code":"unavailable","message":"away","againAt":"2025-11-20T12:00:07.000Z"}
    7 began look 1 {"attempt":2}
    9 done look 1
    9 entered ask 2
    9 began ask 2 {"attempt":1}
    69 done ask 2
    69 entered done 3
"#;

fn plain() -> Value {
    json!([
        { "id": "begin", "type": "start" },
        { "id": "look", "type": "tool", "config": { "tool": "user_me" } },
        { "id": "ask", "type": "human_task", "config": { "assignee": "ada" } },
        { "id": "done", "type": "end" },
    ])
}

#[test]
fn a_visit_lasts_from_coming_to_the_end_over_all_turns() {
    let nodes = measured(&[trace(THROUGH)]);
    let look = &nodes["look"];
    assert_eq!((look.visits, look.done, look.failed, look.retried), (1, 1, 0, 1));
    assert_eq!((look.millis.as_slice(), look.waited_millis), ([9_000].as_slice(), 5_000));
    assert_eq!(look.codes, BTreeMap::from([("unavailable".to_owned(), 1)]));
    assert_eq!((nodes["ask"].total_millis(), nodes["ask"].mean_millis()), (60_000, 60_000));
}

#[test]
fn items_of_a_list_are_visits_of_the_node_that_is_done_for_each() {
    let nodes = measured(&[trace(
        r#"
        0 entered each 1
        0 began one 1 {"attempt":1,"item":0}
        0 began one 1 {"attempt":1,"item":1}
        3 done one 1 {"item":0}
        5 failed one 1 {"code":"not_found","message":"no","item":1}
        5 done each 1
        "#,
    )]);
    assert_eq!((nodes["one"].visits, nodes["one"].done, nodes["one"].failed), (2, 1, 1));
    assert_eq!(nodes["one"].millis, [3_000, 5_000]);
    assert_eq!(nodes["each"].millis, [5_000]);
}

#[test]
fn what_was_left_by_its_time_counts_until_then() {
    let nodes = measured(&[trace("0 entered ask 1\n 8 timedOut ask 1\n 8 entered late 2\n 20 entered done 3")]);
    assert_eq!((nodes["ask"].timed_out, nodes["ask"].millis.as_slice()), (1, [8_000].as_slice()));
}

#[test]
fn ways_that_a_newer_definition_does_not_have_are_deviations() {
    let old = graph(&plain(), "begin>look look>ask ask>done");
    let mut nodes = plain();
    nodes.as_array_mut().unwrap().push(json!({ "id": "check", "type": "tool", "config": { "tool": "user_me" } }));
    let new = graph(&nodes, "begin>look look>check check>ask ask>done");
    let own = BTreeMap::from([("1.0.0".to_owned(), Model::of(&old))]);
    let same = conformance(&[trace(THROUGH)], &own, "1.0.0", &Model::of(&old));
    assert_eq!((same.conforming, same.deviating, same.fitness), (1, 0, Some(1.0)));
    assert!(same.deviations.is_empty() && same.never_gone.is_empty(), "{same:?}");
    let other = conformance(&[trace(THROUGH)], &own, "2.0.0", &Model::of(&new));
    assert_eq!((other.conforming, other.deviating, other.fitness), (0, 1, Some(0.6667)));
    assert_eq!(other.deviations[0], Deviation { kind: DeviationKind::UnknownWay, at: "look>ask".to_owned(), count: 1 });
    assert_eq!(other.never_gone, ["check>ask", "look>check"]);
}

#[test]
fn what_was_done_by_hand_or_left_out_deviates() {
    let model = Model::of(&graph(&plain(), "begin>look look>ask ask>done"));
    let own = BTreeMap::from([("1.0.0".to_owned(), model.clone())]);
    let mut skipped = trace("0 entered begin 0\n 0 entered look 1\n 4 skipped look\n 4 entered ask 2");
    skipped.by_hand = 1;
    let told = conformance(&[skipped], &own, "1.0.0", &model);
    let kinds: Vec<_> = told.deviations.iter().map(|deviation| deviation.kind).collect();
    assert_eq!(kinds, [DeviationKind::Skipped, DeviationKind::ByHand]);
    assert_eq!(told.fitness, Some(1.0), "the ways themselves are there");
}

#[test]
fn variants_are_told_by_how_many_went_so() {
    let short = "0 entered begin 0\n 5 entered done 1";
    let told = variants(&[trace(short), trace(THROUGH), trace(short)]);
    assert_eq!((told[0].nodes.join(" "), told[0].count, told[0].mean_ms), ("begin done".to_owned(), 2, Some(5_000)));
    assert_eq!(told[1].nodes.join(" "), "begin look ask done");
}

#[test]
fn a_person_who_is_waited_for_is_the_bottleneck_and_five_visits_are_needed() {
    let graph = graph(&plain(), "begin>look look>ask ask>done");
    let few: Vec<Trace> = (0..4).map(|_| trace(THROUGH)).collect();
    assert!(advised(&graph, &measured(&few), 4).is_empty());
    let enough: Vec<Trace> = (0..5).map(|_| trace(THROUGH)).collect();
    let told = advised(&graph, &measured(&enough), 5);
    let of = |rule| told.iter().find(|one| one.rule == rule);
    assert_eq!(of(Rule::Bottleneck).unwrap().node, "ask");
    assert_eq!(of(Rule::RetriedOften).unwrap().saves_ms, Some(5_000));
    // Neither brings what the other needs.
    let both = of(Rule::IndependentSteps).unwrap();
    assert_eq!((both.node.as_str(), both.with.as_deref(), both.saves_ms), ("look", Some("ask"), Some(9_000)));
}

#[test]
fn steps_of_which_one_reads_what_the_other_brings_are_not_independent() {
    let mut nodes = plain();
    nodes[1]["output"] = json!({ "who": "= result.name" });
    nodes[2]["config"] = json!({ "assignee": "= who" });
    let graph = graph(&nodes, "begin>look look>ask ask>done");
    let traces: Vec<Trace> = (0..5).map(|_| trace(THROUGH)).collect();
    assert!(!advised(&graph, &measured(&traces), 5).iter().any(|one| one.rule == Rule::IndependentSteps));
}

#[test]
fn a_list_in_order_and_a_failure_that_nothing_takes_up_are_found() {
    let nodes = json!([
        { "id": "begin", "type": "start" },
        { "id": "each", "type": "for_each", "config": { "items": "list", "as": "one", "node": "body" } },
        { "id": "body", "type": "tool", "config": { "tool": "user_me" } },
        { "id": "done", "type": "end" },
    ]);
    let graph = graph(&nodes, "begin>each each>done");
    let one = r#"
        0 entered each 1
        0 began body 1 {"attempt":1,"item":0}
        4 done body 1 {"item":0}
        4 began body 1 {"attempt":1,"item":1}
        8 failed body 1 {"code":"not_found","message":"no","item":1}
        8 failed each 1 {"code":"not_found","message":"no"}
    "#;
    let traces: Vec<Trace> = (0..5).map(|_| trace(one)).collect();
    let told = advised(&graph, &measured(&traces), 5);
    let list = told.iter().find(|one| one.rule == Rule::ListInOrder).unwrap();
    assert_eq!((list.node.as_str(), list.saves_ms), ("each", Some(4_000)));
    assert!(told.iter().any(|one| one.rule == Rule::FailsUncaught && one.node == "each"), "{told:?}");
}
