//! What differs, shown on small definitions, and held against many made by chance.

use serde_json::{Value, json};

use super::*;
use crate::domain::processes::engine::merging::chance::{Chance, any, changed};

fn of(value: Value) -> Definition {
    let mut definition: Definition = serde_json::from_value(value).unwrap();
    definition.name_edges();
    definition
}

fn plain() -> Definition {
    of(json!({
        "nodes": [
            { "id": "begin", "type": "start" },
            { "id": "ask", "type": "human_task", "lane": "office", "config": { "assignee": "manager", "list": [1, 2] } },
            { "id": "fit", "type": "exclusive" },
            { "id": "done", "type": "end" },
            { "id": "no", "type": "end" },
        ],
        "edges": [
            { "from": "begin", "to": "ask" },
            { "from": "ask", "to": "fit" },
            { "from": "fit", "to": "done", "condition": "amount < 3" },
            { "from": "fit", "to": "no", "condition": "amount > 9" },
        ],
        "variables": { "amount": { "schema": { "type": "number" }, "required": true } },
        "lanes": [{ "id": "office", "name": "Office" }],
    }))
}

fn with(change: impl FnOnce(&mut Definition)) -> Difference {
    let mut other = plain();
    change(&mut other);
    other.name_edges();
    Difference::between(&plain(), &other)
}

#[test]
fn nothing_differs_between_equals_in_whatever_order() {
    let found = with(|other| {
        other.nodes.reverse();
        other.edges.swap(0, 1);
    });
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_field_is_told_with_its_place_and_both_values() {
    let found = with(|other| {
        other.nodes[1].config.insert("assignee".into(), json!("boss"));
        other.nodes[1].config.insert("list".into(), json!([1, 5]));
        other.nodes[1].name = "Ask".into();
    });
    let [ask] = found.nodes.changed.as_slice() else { panic!("{found:?}") };
    let fields: Vec<_> =
        ask.fields.iter().map(|one| (one.at.as_str(), one.before.clone(), one.after.clone())).collect();
    assert_eq!(
        fields,
        [
            ("/config/assignee", Some(json!("manager")), Some(json!("boss"))),
            ("/config/list/1", Some(json!(2)), Some(json!(5))),
            ("/name", None, Some(json!("Ask"))),
        ]
    );
    assert_eq!((ask.words_only, ask.fields[0].words, ask.fields[2].words), (false, false, true));
    assert!(found.rewired.is_empty() && found.edges.is_empty());
}

#[test]
fn what_is_only_said_is_told_apart() {
    let found = with(|other| {
        other.nodes[1].description = "Who decides.".into();
        other.edges[0].id = "first".into();
        other.edges[1].name = "on".into();
        other.lanes[0].name = "House".into();
        other.variables.get_mut("amount").unwrap().description = "In euro.".into();
    });
    let parts = [&found.nodes, &found.edges, &found.variables, &found.lanes];
    assert!(parts.iter().all(|parts| parts.changed.iter().all(|one| one.words_only)), "{found:?}");
    assert!(parts.iter().all(|parts| parts.added.is_empty() && parts.removed.is_empty() && !parts.changed.is_empty()));
    let edge = &found.edges.changed[0];
    assert_eq!((edge.id.as_str(), edge.fields[0].at.as_str()), ("begin--ask", "/id"));
}

#[test]
fn another_id_is_another_node_and_its_neighbours_are_rewired() {
    let found = with(|other| {
        other.nodes[1].id = "request".into();
        other.edges[0].to = "request".into();
        other.edges[1].from = "request".into();
        other.edges.iter_mut().take(2).for_each(|edge| edge.id.clear());
    });
    assert_eq!((found.nodes.added[0].id.as_str(), found.nodes.removed[0].id.as_str()), ("request", "ask"));
    let rewired: Vec<_> = found.rewired.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(rewired, ["begin", "fit"]);
    assert_eq!(
        (&found.rewired[0].before.to, &found.rewired[0].after.to),
        (&vec!["ask".into()], &vec!["request".into()])
    );
}

#[test]
fn the_order_matters_where_conditions_are_asked_in_it_and_nowhere_else() {
    let found = with(|other| other.edges.swap(2, 3));
    assert_eq!(found.rewired.len(), 1);
    assert_eq!(
        (found.rewired[0].id.as_str(), &found.rewired[0].after.to),
        ("fit", &vec!["no".to_owned(), "done".into()])
    );
    let mut other = plain();
    other.edges.swap(2, 3);
    assert_ne!(without_words(&plain()), without_words(&other));
    other.edges.swap(2, 3);
    other.edges.swap(0, 1);
    assert_eq!(without_words(&plain()), without_words(&other));
}

/// A definition with a difference made in it.
fn applied(before: &Definition, difference: &Difference) -> Definition {
    fn parts(before: Vec<(String, Value)>, difference: &Parts) -> Vec<Value> {
        let gone: Vec<&str> = difference.removed.iter().map(|one| one.id.as_str()).collect();
        let mut all: Vec<(String, Value)> = before.into_iter().filter(|(id, _)| !gone.contains(&id.as_str())).collect();
        for changed in &difference.changed {
            let (_, value) = all.iter_mut().find(|(id, _)| *id == changed.id).unwrap();
            for field in &changed.fields {
                let (parent, name) = field.at.rsplit_once('/').unwrap();
                let name = name.replace("~1", "/").replace("~0", "~");
                match (value.pointer_mut(parent).unwrap(), &field.after) {
                    (Value::Object(members), Some(after)) => drop(members.insert(name, after.clone())),
                    (Value::Object(members), None) => drop(members.remove(&name)),
                    (Value::Array(items), after) => items[name.parse::<usize>().unwrap()] = after.clone().unwrap(),
                    (other, _) => panic!("{other}"),
                }
            }
        }
        all.extend(difference.added.iter().map(|one| (one.id.clone(), one.what.clone())));
        all.into_iter().map(|(_, value)| value).collect()
    }
    let read = |values: Vec<Value>| Value::Array(values);
    let mut variables: BTreeMap<String, Value> = keyed_variables(before).into_iter().collect();
    let of_variables = parts(variables.clone().into_iter().collect(), &difference.variables);
    let gone: Vec<&String> = difference.variables.removed.iter().map(|one| &one.id).collect();
    let mut names: Vec<String> = variables.keys().filter(|name| !gone.contains(name)).cloned().collect();
    names.extend(difference.variables.added.iter().map(|one| one.id.clone()));
    variables = names.into_iter().zip(of_variables).collect();
    serde_json::from_value(json!({
        "nodes": read(parts(keyed_nodes(before), &difference.nodes)),
        "edges": read(parts(keyed_edges(before), &difference.edges)),
        "lanes": read(parts(keyed_lanes(before), &difference.lanes)),
        "variables": variables,
    }))
    .unwrap()
}

fn sorted(mut definition: Definition) -> Definition {
    definition.nodes.sort_by(|one, other| one.id.cmp(&other.id));
    definition.edges.sort_by(|one, other| one.id.cmp(&other.id));
    definition.lanes.sort_by(|one, other| one.id.cmp(&other.id));
    definition
}

#[test]
fn a_difference_made_in_the_one_gives_the_other() {
    let mut chance = Chance(7);
    let mut differing = 0;
    for _ in 0..2_000 {
        let before = any(&mut chance);
        let after = changed(&before, &mut chance);
        assert!(Difference::between(&before, &before).is_empty());
        let difference = Difference::between(&before, &after);
        differing += usize::from(!difference.is_empty());
        assert_eq!(sorted(applied(&before, &difference)), sorted(after.clone()), "{difference:?}");
        if difference.is_empty() {
            assert_eq!(without_words(&before), without_words(&after));
        }
        let words = |parts: &Parts| {
            parts.added.is_empty() && parts.removed.is_empty() && parts.changed.iter().all(|one| one.words_only)
        };
        let quiet = words(&difference.nodes) && words(&difference.edges) && words(&difference.variables);
        let does = !quiet || !difference.rewired.is_empty();
        assert_eq!(does, without_words(&before) != without_words(&after), "{difference:?}");
    }
    assert!(differing > 1_000);
}
