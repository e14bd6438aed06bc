//! Merging, shown on small definitions, and held against many made by chance.

use serde_json::json;

use super::chance::{Chance, any, changed};
use super::*;

fn of(value: Value) -> Definition {
    let mut definition: Definition = serde_json::from_value(value).unwrap();
    definition.name_edges();
    definition
}

fn base() -> Definition {
    of(json!({
        "nodes": [
            { "id": "begin", "type": "start" },
            { "id": "ask", "type": "human_task", "config": { "assignee": "manager", "title": "Pay?" } },
            { "id": "pay", "type": "tool", "config": { "tool": "pay" }, "input": { "amount": "= amount" } },
            { "id": "fit", "type": "exclusive" },
            { "id": "done", "type": "end" },
        ],
        "edges": [
            { "from": "begin", "to": "ask" },
            { "from": "ask", "to": "pay" },
            { "from": "pay", "to": "fit" },
            { "from": "fit", "to": "done", "default": true },
            { "from": "fit", "to": "ask", "condition": "amount > 5" },
        ],
        "variables": { "amount": { "schema": { "type": "number" } } },
        "lanes": [{ "id": "office", "name": "Office" }],
    }))
}

fn with(change: impl FnOnce(&mut Definition)) -> Definition {
    let mut other = base();
    change(&mut other);
    other.name_edges();
    other
}

fn node<'a>(definition: &'a mut Definition, id: &str) -> &'a mut crate::domain::processes::engine::definition::Node {
    definition.nodes.iter_mut().find(|node| node.id == id).unwrap()
}

fn set(definition: &mut Definition, id: &str, name: &str, value: Value) {
    node(definition, id).config.insert(name.to_owned(), value);
}

/// Adds a tool step in the middle of an edge.
fn between(definition: &mut Definition, from: &str, to: &str, id: &str) {
    let edge = definition.edges.iter_mut().find(|edge| edge.from == from && edge.to == to).unwrap();
    edge.to = id.to_owned();
    edge.id.clear();
    definition.edges.push(crate::domain::processes::engine::definition::Edge {
        from: id.to_owned(),
        to: to.to_owned(),
        ..Default::default()
    });
    definition.nodes.push(serde_json::from_value(json!({ "id": id, "type": "tool" })).unwrap());
}

fn plain(ours: &Definition, theirs: &Definition) -> Merged {
    merge(&base(), ours, theirs, &BTreeMap::new()).unwrap()
}

fn settled(ours: &Definition, theirs: &Definition, at: &str, take: Take) -> Definition {
    let merged = merge(&base(), ours, theirs, &BTreeMap::from([(at.to_owned(), take)])).unwrap();
    assert_eq!(merged.conflicts, []);
    assert!(merged.settled.contains(at));
    merged.definition.unwrap()
}

fn ways(definition: &Definition) -> Vec<String> {
    definition.edges.iter().map(|edge| format!("{}>{}", edge.from, edge.to)).collect()
}

#[test]
fn what_each_side_changed_comes_together_field_by_field() {
    let ours = with(|one| {
        set(one, "ask", "assignee", json!("boss"));
        between(one, "begin", "ask", "note");
        one.variables.insert("note".into(), crate::domain::processes::engine::definition::Variable::default());
    });
    let theirs = with(|one| {
        set(one, "ask", "title", json!("Pay now?"));
        one.lanes.clear();
        between(one, "pay", "fit", "tell");
    });
    let merged = plain(&ours, &theirs).definition.unwrap();
    assert_eq!(
        merged.node("ask").unwrap().config,
        *json!({ "assignee": "boss", "title": "Pay now?" }).as_object().unwrap()
    );
    assert!(merged.node("note").is_some() && merged.node("tell").is_some() && merged.lanes.is_empty());
    assert!(merged.variables.contains_key("note"));
    let mut found = ways(&merged);
    found.sort_unstable();
    assert_eq!(found, ["ask>pay", "begin>note", "fit>ask", "fit>done", "note>ask", "pay>tell", "tell>fit"]);
}

#[test]
fn a_field_that_both_changed_is_a_conflict_until_it_is_settled() {
    let ours = with(|one| set(one, "ask", "assignee", json!("boss")));
    let theirs = with(|one| set(one, "ask", "assignee", json!("board")));
    let merged = plain(&ours, &theirs);
    assert_eq!(merged.definition, None);
    let [conflict] = merged.conflicts.as_slice() else { panic!("{merged:?}") };
    assert_eq!((conflict.at.as_str(), conflict.why), ("/nodes/ask/config/assignee", Why::BothChanged));
    assert_eq!((conflict.id.as_str(), conflict.field.as_str()), ("ask", "/config/assignee"));
    let values = [&conflict.base, &conflict.ours, &conflict.theirs].map(|value| value.clone().unwrap());
    assert_eq!(values, [json!("manager"), json!("boss"), json!("board")]);
    let at = conflict.at.as_str();
    for (take, value) in
        [(Take::Ours, "boss"), (Take::Theirs, "board"), (Take::Base, "manager"), (Take::Value(json!("clerk")), "clerk")]
    {
        assert_eq!(settled(&ours, &theirs, at, take).node("ask").unwrap().config["assignee"], value);
    }
}

#[test]
fn a_config_is_not_torn_from_its_type() {
    let ours = with(|one| set(one, "ask", "assignee", json!("boss")));
    let theirs = with(|one| {
        node(one, "ask").kind = "agent".into();
        node(one, "ask").config = json!({ "agent": "clerk", "title": "Pay?" }).as_object().unwrap().clone();
    });
    let merged = plain(&ours, &theirs);
    let places: Vec<_> = merged.conflicts.iter().map(|one| one.at.as_str()).collect();
    assert_eq!(places, ["/nodes/ask/config"]);
    let taken = settled(&ours, &theirs, "/nodes/ask/config", Take::Theirs);
    assert_eq!(taken.node("ask"), theirs.node("ask"));
}

#[test]
fn a_node_that_one_takes_away_and_the_other_changes_goes_or_stays_with_its_ways() {
    let ours = with(|one| {
        one.nodes.retain(|node| node.id != "pay");
        one.edges.retain(|edge| edge.from != "pay" && edge.to != "pay");
        one.edges.push(serde_json::from_value(json!({ "from": "ask", "to": "fit" })).unwrap());
    });
    let theirs = with(|one| set(one, "pay", "tool", json!("pay_twice")));
    let [conflict] = plain(&ours, &theirs).conflicts.try_into().unwrap();
    assert_eq!((conflict.at.as_str(), conflict.why, conflict.ours), ("/nodes/pay", Why::RemovedAndChanged, None));
    let gone = settled(&ours, &theirs, "/nodes/pay", Take::Ours);
    assert!(gone.node("pay").is_none());
    assert_eq!(ways(&gone), ways(&ours));
    // Who keeps it is asked where `ask` leads to: both ways are there now.
    let merged = merge(&base(), &ours, &theirs, &BTreeMap::from([("/nodes/pay".to_owned(), Take::Theirs)])).unwrap();
    let [conflict] = merged.conflicts.try_into().unwrap();
    assert_eq!((conflict.at.as_str(), conflict.why), ("/nodes/ask/leaving", Why::WaysPart));
    let settle = ["/nodes/pay", "/nodes/ask/leaving"].map(|at| (at.to_owned(), Take::Theirs)).into();
    let kept = merge(&base(), &ours, &theirs, &settle).unwrap().definition.unwrap();
    let (mut kept, mut wanted) = (ways(&kept), ways(&theirs));
    kept.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(kept, wanted);
}

#[test]
fn a_node_that_one_takes_away_and_the_other_leads_to_is_a_conflict() {
    let ours = with(|one| {
        one.nodes.retain(|node| node.id != "pay");
        one.edges.retain(|edge| edge.from != "pay" && edge.to != "pay");
    });
    let theirs = with(|one| {
        one.edges
            .push(serde_json::from_value(json!({ "from": "fit", "to": "pay", "condition": "amount > 7" })).unwrap());
    });
    let [conflict] = plain(&ours, &theirs).conflicts.try_into().unwrap();
    assert_eq!((conflict.at.as_str(), conflict.why), ("/nodes/pay", Why::RemovedAndLinked));
    assert_eq!(ways(&settled(&ours, &theirs, "/nodes/pay", Take::Ours)), ways(&ours));
    let kept = settled(&ours, &theirs, "/nodes/pay", Take::Theirs);
    let (mut kept, mut wanted) = (ways(&kept), ways(&theirs));
    kept.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(kept, wanted);
}

#[test]
fn ways_that_part_are_a_conflict_at_the_node_and_not_two_edges() {
    let ours = with(|one| between(one, "ask", "pay", "note"));
    let theirs = with(|one| between(one, "ask", "pay", "tell"));
    let [conflict] = plain(&ours, &theirs).conflicts.try_into().unwrap();
    assert_eq!((conflict.at.as_str(), conflict.why), ("/nodes/ask/leaving", Why::WaysPart));
    let taken = settled(&ours, &theirs, "/nodes/ask/leaving", Take::Ours);
    assert!(ways(&taken).contains(&"ask>note".to_owned()) && !ways(&taken).contains(&"ask>tell".to_owned()));
    let chosen = Take::Value(json!([{ "from": "ask", "to": "tell" }]));
    assert!(ways(&settled(&ours, &theirs, "/nodes/ask/leaving", chosen)).contains(&"ask>tell".to_owned()));
}

#[test]
fn both_may_add_the_same_and_what_differs_in_it_is_asked() {
    let tool = |name: &str| {
        with(|one| {
            one.nodes.push(
                serde_json::from_value(json!({ "id": "new", "type": "tool", "config": { "tool": name } })).unwrap(),
            );
        })
    };
    assert_eq!(plain(&tool("a"), &tool("a")).definition.unwrap(), tool("a"));
    let [conflict] = plain(&tool("a"), &tool("b")).conflicts.try_into().unwrap();
    assert_eq!((conflict.at.as_str(), conflict.why), ("/nodes/new/config/tool", Why::BothAdded));
}

#[test]
fn gateways_that_ask_ways_of_both_sides_are_named_and_ours_are_asked_first() {
    let way = |to: &str, condition: &str| {
        with(|one| {
            one.edges.push(serde_json::from_value(json!({ "from": "fit", "to": to, "condition": condition })).unwrap());
        })
    };
    let merged = plain(&way("pay", "amount > 1"), &way("begin", "amount > 2"));
    assert_eq!(merged.interleaved, ["fit"]);
    assert_eq!(ways(&merged.definition.unwrap())[3..], ["fit>done", "fit>ask", "fit>pay", "fit>begin"]);
}

#[test]
fn the_order_in_which_a_gateway_asks_is_that_of_the_side_that_changed_it() {
    let ours = with(|one| one.edges.swap(0, 1));
    let theirs = with(|one| one.edges.swap(3, 4));
    let merged = plain(&ours, &theirs).definition.unwrap();
    assert_eq!(ways(&merged), ["ask>pay", "begin>ask", "pay>fit", "fit>ask", "fit>done"]);
}

#[test]
fn a_value_that_does_not_fit_is_refused_with_its_place() {
    let ours = with(|one| node(one, "ask").kind = "agent".into());
    let theirs = with(|one| node(one, "ask").kind = "tool".into());
    let settle = BTreeMap::from([("/nodes/ask/type".to_owned(), Take::Value(json!(3)))]);
    let (at, say) = merge(&base(), &ours, &theirs, &settle).unwrap_err();
    assert_eq!(at, "/nodes/ask");
    assert!(say.contains("string"), "{say}");
}

#[test]
fn where_one_side_changed_nothing_the_other_is_what_comes_of_it() {
    let mut chance = Chance(11);
    let none = BTreeMap::new();
    for _ in 0..2_000 {
        let base = any(&mut chance);
        let other = changed(&base, &mut chance);
        for (ours, theirs) in [(&base, &other), (&other, &base), (&other, &other)] {
            let merged = merge(&base, ours, theirs, &none).unwrap();
            assert_eq!(merged.conflicts, []);
            assert_eq!(merged.definition.as_ref(), Some(&other));
            assert!(merged.interleaved.is_empty());
        }
    }
}

#[test]
fn whatever_is_settled_comes_to_an_end_and_sides_change_places() {
    let mut chance = Chance(23);
    let mut conflicting = 0;
    for _ in 0..2_000 {
        let base = any(&mut chance);
        let (ours, theirs) = (changed(&base, &mut chance), changed(&base, &mut chance));
        let there = merge(&base, &ours, &theirs, &BTreeMap::new()).unwrap();
        let back = merge(&base, &theirs, &ours, &BTreeMap::new()).unwrap();
        let places = |merged: &Merged| merged.conflicts.iter().map(|one| one.at.clone()).collect::<BTreeSet<_>>();
        assert_eq!(places(&there), places(&back));
        conflicting += usize::from(!there.conflicts.is_empty());
        let mut settle = BTreeMap::new();
        let mut rounds = 0;
        let merged = loop {
            let merged = merge(&base, &ours, &theirs, &settle).unwrap();
            if merged.conflicts.is_empty() {
                break merged.definition.unwrap();
            }
            rounds += 1;
            assert!(rounds < 5, "{merged:?}");
            for one in merged.conflicts {
                let take = if chance.below(2) == 0 { Take::Ours } else { Take::Theirs };
                settle.insert(one.at, take);
            }
        };
        // Nothing hangs in the air that did not before.
        let whole = |definition: &Definition| {
            definition
                .edges
                .iter()
                .all(|edge| definition.node(&edge.from).is_some() && definition.node(&edge.to).is_some())
        };
        assert!(!whole(&ours) || !whole(&theirs) || whole(&merged), "{merged:?}");
    }
    assert!(conflicting > 200, "{conflicting}");
}
