//! What differs between two definitions: nodes, edges, variables and lanes by id, each changed field with its place; what is only said to
//! people told apart from what is done. An id that is gone and one that is new are two things, however alike they are.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::definition::{Definition, Edge};
use super::nodes::gateways::Exclusive;
use super::nodes::{Typed, escaped};

/// What of a node is only said to people, or drawn.
const WORDS_OF_NODES: &[&str] = &["/name", "/description", "/lane"];
/// What of an edge is.
const WORDS_OF_EDGES: &[&str] = &["/id", "/name"];
/// What of a variable is.
const WORDS_OF_VARIABLES: &[&str] = &["/description"];
/// What of a lane is: all of it.
const WORDS_OF_LANES: &[&str] = &[""];

/// What differs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Nodes.
    #[serde(skip_serializing_if = "Parts::is_empty")]
    pub nodes: Parts,
    /// Nodes that are in both and have other neighbours, or ask their ways in another order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rewired: Vec<Rewired>,
    /// Edges.
    #[serde(skip_serializing_if = "Parts::is_empty")]
    pub edges: Parts,
    /// Variables, by name.
    #[serde(skip_serializing_if = "Parts::is_empty")]
    pub variables: Parts,
    /// Lanes.
    #[serde(skip_serializing_if = "Parts::is_empty")]
    pub lanes: Parts,
}

/// What differs in parts of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Parts {
    /// Those that are new.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Whole>,
    /// Those that are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<Whole>,
    /// Those that are in both and not the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<Changed>,
}

/// A part as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Whole {
    /// Its id, or its name where it is a variable.
    pub id: String,
    /// What it is.
    pub what: Value,
}

/// A part that is in both.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Its id, or its name where it is a variable.
    pub id: String,
    /// Whether it does the same as before, and is only called, described or drawn otherwise.
    pub words_only: bool,
    /// What differs in it.
    pub fields: Vec<Field>,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// Its place in the part, as a JSON pointer such as `/config/assignee`.
    pub at: String,
    /// What it was; left out where it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is; left out where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// Whether it is only said to people.
    pub words: bool,
}

/// A node with other ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rewired {
    /// Its id.
    pub id: String,
    /// The ways that it had.
    pub before: Ways,
    /// The ways that it has.
    pub after: Ways,
}

/// What leads to a node and what follows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ways {
    /// The nodes that lead to it.
    pub from: Vec<String>,
    /// The nodes that it leads to; for an exclusive gateway in the order in which they are asked.
    pub to: Vec<String>,
}

impl Difference {
    /// Between two definitions.
    #[must_use]
    pub fn between(before: &Definition, after: &Definition) -> Self {
        let edges = (keyed_edges(before), matched(&keyed_edges(before), keyed_edges(after)));
        Self {
            nodes: Parts::between(&keyed_nodes(before), &keyed_nodes(after), WORDS_OF_NODES),
            rewired: rewired(before, after),
            edges: Parts::between(&edges.0, &edges.1, WORDS_OF_EDGES),
            variables: Parts::between(&keyed_variables(before), &keyed_variables(after), WORDS_OF_VARIABLES),
            lanes: Parts::between(&keyed_lanes(before), &keyed_lanes(after), WORDS_OF_LANES),
        }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [&self.nodes, &self.edges, &self.variables, &self.lanes].into_iter().all(Parts::is_empty)
            && self.rewired.is_empty()
    }
}

impl Parts {
    fn between(before: &[(String, Value)], after: &[(String, Value)], words: &[&str]) -> Self {
        let old: BTreeMap<&str, &Value> = before.iter().map(|(id, what)| (id.as_str(), what)).collect();
        let new: BTreeSet<&str> = after.iter().map(|(id, _)| id.as_str()).collect();
        let whole = |(id, what): &(String, Value)| Whole { id: id.clone(), what: what.clone() };
        let mut parts = Self {
            removed: before.iter().filter(|(id, _)| !new.contains(id.as_str())).map(whole).collect(),
            ..Self::default()
        };
        for one in after {
            let (id, what) = one;
            let Some(old) = old.get(id.as_str()) else {
                parts.added.push(whole(one));
                continue;
            };
            let mut fields = Vec::new();
            compare(Some(old), Some(what), String::new(), words, &mut fields);
            if !fields.is_empty() {
                let words_only = fields.iter().all(|field| field.words);
                parts.changed.push(Changed { id: id.clone(), words_only, fields });
            }
        }
        parts
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// The smallest places at which two values differ.
fn compare(before: Option<&Value>, after: Option<&Value>, at: String, words: &[&str], into: &mut Vec<Field>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for name in names {
                compare(old.get(name), new.get(name), format!("{at}/{}", escaped(name)), words, into);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (number, (old, new)) in old.iter().zip(new).enumerate() {
                compare(Some(old), Some(new), format!("{at}/{number}"), words, into);
            }
        }
        _ => {
            let words = words.iter().any(|word| *word == at || word.is_empty());
            into.push(Field { at, before: before.cloned(), after: after.cloned(), words });
        }
    }
}

fn rewired(before: &Definition, after: &Definition) -> Vec<Rewired> {
    let old: BTreeSet<&str> = before.nodes.iter().map(|node| node.id.as_str()).collect();
    let (ways_before, ways_after) = (ways(before), ways(after));
    let none = (Ways::default(), Vec::new());
    let mut all = Vec::new();
    for node in after.nodes.iter().filter(|node| old.contains(node.id.as_str())) {
        let (was, asked_before) = ways_before.get(node.id.as_str()).unwrap_or(&none);
        let (is, asked_after) = ways_after.get(node.id.as_str()).unwrap_or(&none);
        if was != is || !in_one_order(asked_before, asked_after) {
            all.push(Rewired { id: node.id.clone(), before: was.clone(), after: is.clone() });
        }
    }
    all
}

/// An edge as far as it matters in which order it is asked.
type Asked<'a> = (&'a str, Option<&'a str>, bool);

/// By node its ways, and the edges in the order in which it asks them, where it does.
fn ways(definition: &Definition) -> BTreeMap<&str, (Ways, Vec<Asked<'_>>)> {
    let asking = asking(definition);
    let mut all: BTreeMap<&str, (Ways, Vec<Asked<'_>>)> = BTreeMap::new();
    for edge in &definition.edges {
        let (ways, asked) = all.entry(&edge.from).or_default();
        ways.to.push(edge.to.clone());
        if asking.contains(edge.from.as_str()) {
            asked.push((&edge.to, edge.condition.as_deref(), edge.default));
        }
        all.entry(&edge.to).or_default().0.from.push(edge.from.clone());
    }
    for (id, (ways, _)) in &mut all {
        ways.from.sort_unstable();
        if !asking.contains(id) {
            ways.to.sort_unstable();
        }
    }
    all
}

/// The nodes that take the first way whose condition holds: to them alone the order of edges matters.
fn asking(definition: &Definition) -> BTreeSet<&str> {
    let asks = definition.nodes.iter().filter(|node| node.kind == Exclusive::NAME);
    asks.map(|node| node.id.as_str()).collect()
}

/// Whether what both lists have stands in the same order in them.
pub(super) fn in_one_order<T: Ord>(one: &[T], other: &[T]) -> bool {
    let (in_one, in_other): (BTreeSet<&T>, BTreeSet<&T>) = (one.iter().collect(), other.iter().collect());
    let common = one.iter().filter(|item| in_other.contains(item));
    common.eq(other.iter().filter(|item| in_one.contains(item)))
}

/// The same without what is only said to people, and in one order where order does not matter: two definitions of which this is equal do
/// the same.
#[must_use]
pub fn without_words(definition: &Definition) -> Definition {
    let mut plain = definition.clone();
    let asking: BTreeSet<String> = asking(definition).into_iter().map(str::to_owned).collect();
    plain.lanes.clear();
    for node in &mut plain.nodes {
        node.name.clear();
        node.description.clear();
        node.lane = None;
    }
    for edge in &mut plain.edges {
        edge.id.clear();
        edge.name.clear();
    }
    for variable in plain.variables.values_mut() {
        variable.description.clear();
    }
    plain.nodes.sort_by(|one, other| one.id.cmp(&other.id));
    plain.edges.sort_by(|one, other| {
        let by_rest =
            || if asking.contains(&one.from) { std::cmp::Ordering::Equal } else { rest(one).cmp(&rest(other)) };
        one.from.cmp(&other.from).then_with(by_rest)
    });
    plain
}

fn rest(edge: &Edge) -> Asked<'_> {
    (&edge.to, edge.condition.as_deref(), edge.default)
}

/// The nodes by id. A draft that is not whole may have an id twice: the second gets a key of its own.
pub(super) fn keyed_nodes(definition: &Definition) -> Vec<(String, Value)> {
    keyed(definition.nodes.iter().map(|node| (node.id.as_str(), serde_json::to_value(node))))
}

/// The edges by id.
pub(super) fn keyed_edges(definition: &Definition) -> Vec<(String, Value)> {
    keyed(definition.edges.iter().map(|edge| (edge.id.as_str(), serde_json::to_value(edge))))
}

/// The lanes by id.
pub(super) fn keyed_lanes(definition: &Definition) -> Vec<(String, Value)> {
    keyed(definition.lanes.iter().map(|lane| (lane.id.as_str(), serde_json::to_value(lane))))
}

/// The variables by name.
pub(super) fn keyed_variables(definition: &Definition) -> Vec<(String, Value)> {
    keyed(definition.variables.iter().map(|(name, variable)| (name.as_str(), serde_json::to_value(variable))))
}

fn keyed<'a>(parts: impl Iterator<Item = (&'a str, serde_json::Result<Value>)>) -> Vec<(String, Value)> {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut all = Vec::new();
    for (id, value) in parts {
        let times = seen.entry(id).or_default();
        *times += 1;
        let key = if *times == 1 { id.to_owned() } else { format!("{id}#{times}") };
        // What was read from JSON can be written as JSON.
        all.push((key, value.unwrap_or_default()));
    }
    all
}

/// The edges of the other definition under the ids that they had, where nothing but id and name is different: an edge is what it does.
fn matched(before: &[(String, Value)], after: Vec<(String, Value)>) -> Vec<(String, Value)> {
    let old: BTreeSet<&str> = before.iter().map(|(id, _)| id.as_str()).collect();
    let new: BTreeSet<String> = after.iter().map(|(id, _)| id.clone()).collect();
    let mut gone: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (id, what) in before.iter().rev().filter(|(id, _)| !new.contains(id)) {
        gone.entry(essence(what)).or_default().push(id);
    }
    let renamed = |(id, what): (String, Value)| {
        if old.contains(id.as_str()) {
            return (id, what);
        }
        match gone.get_mut(&essence(&what)).and_then(Vec::pop) {
            Some(before) => (before.to_owned(), what),
            None => (id, what),
        }
    };
    after.into_iter().map(renamed).collect()
}

/// An edge without id and name, as a text.
fn essence(edge: &Value) -> String {
    let mut plain = edge.clone();
    if let Some(fields) = plain.as_object_mut() {
        fields.retain(|name, _| name != "id" && name != "name");
    }
    plain.to_string()
}

#[cfg(test)]
mod tests;
