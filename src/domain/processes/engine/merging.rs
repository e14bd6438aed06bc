//! Two definitions made of one merged into one: what only one side changed is taken, field by field; what both changed is a conflict, named
//! by its place, until somebody says what it is to be. Nothing is guessed.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::definition::Definition;
use super::differences::{in_one_order, keyed_edges, keyed_lanes, keyed_nodes, keyed_variables};
use super::nodes::{Role, escaped, node_type};

/// The field of a node by which the edges that leave it are meant.
const LEAVING: &str = "/leaving";

/// What part of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartKind {
    /// A node.
    Node,
    /// An edge.
    Edge,
    /// A variable.
    Variable,
    /// A lane.
    Lane,
}

/// Why two sides do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Both changed it, each otherwise.
    BothChanged,
    /// Both added it, each otherwise.
    BothAdded,
    /// One took it away, the other changed it.
    RemovedAndChanged,
    /// One took the node away, the other leads a way from it or to it.
    RemovedAndLinked,
    /// Each leads the way from the node to somewhere else.
    WaysPart,
}

/// What is to be decided.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conflict {
    /// Its place: the part by its id, and the field, such as `/nodes/ask/config/assignee`. `resolve` names it so.
    pub at: String,
    /// What kind of part it is in.
    pub part: PartKind,
    /// The id of the part, or its name where it is a variable.
    pub id: String,
    /// The field in the part; empty where the part as a whole is meant, `/leaving` where the edges are that leave a node.
    pub field: String,
    /// Why it is one.
    pub why: Why,
    /// What it was where both began; left out where it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Value>,
    /// What it is on the branch that is merged into; left out where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours: Option<Value>,
    /// What it is on the branch that is merged; left out where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Value>,
}

/// What a conflict is settled with.
#[derive(Debug, Clone, PartialEq)]
pub enum Take {
    /// What the branch has that is merged into.
    Ours,
    /// What the branch has that is merged.
    Theirs,
    /// What it was where both began.
    Base,
    /// Something else.
    Value(Value),
}

/// What came of a merge.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The definition; none while conflicts are left.
    pub definition: Option<Definition>,
    /// The conflicts that are left.
    pub conflicts: Vec<Conflict>,
    /// The conflicts that were settled, by place.
    pub settled: BTreeSet<String>,
    /// Gateways that ask ways of both sides, which were put in an order: ids of nodes.
    pub interleaved: Vec<String>,
}

/// A settlement that does not fit: its place, and why.
pub type Unfit = (String, String);

/// Parts of one kind, in their order.
type Keyed = Vec<(String, Value)>;

/// Merges `theirs` into `ours`, which were both made of `base`.
///
/// # Errors
/// Where a part does not fit with what a conflict in it was settled with.
pub fn merge(
    base: &Definition,
    ours: &Definition,
    theirs: &Definition,
    settle: &BTreeMap<String, Take>,
) -> Result<Merged, Unfit> {
    let mut merger = Merger { settle, settled: BTreeSet::new(), conflicts: Vec::new() };
    let nodes = [base, ours, theirs].map(keyed_nodes);
    let edges = [base, ours, theirs].map(keyed_edges);
    let mut merged_nodes = merger.parts(PartKind::Node, &nodes);
    let mut merged_edges = merger.parts(PartKind::Edge, &edges);
    merger.gone(&nodes, &edges, &mut merged_nodes, &mut merged_edges);
    let mut interleaved = Vec::new();
    // Where it is open which nodes and edges there are, ways are not counted.
    if merger.conflicts.iter().all(|one| one.part == PartKind::Node && !one.field.is_empty()) {
        let leaving = edges.each_ref().map(|side| by_start(side));
        let crowded: BTreeSet<String> = by_start(&merged_edges)
            .into_iter()
            .filter(|(_, ways)| ways.len() > 1)
            .map(|(id, _)| id.to_owned())
            .collect();
        for (id, node) in merged_nodes.iter().filter(|(id, _)| crowded.contains(id)) {
            merger.leaving(id, node, &leaving, &mut merged_edges, &mut interleaved);
        }
    }
    let variables = merger.parts(PartKind::Variable, &[base, ours, theirs].map(keyed_variables));
    let lanes = merger.parts(PartKind::Lane, &[base, ours, theirs].map(keyed_lanes));
    let Merger { settled, mut conflicts, .. } = merger;
    conflicts.sort_by(|one, other| (one.part, &one.at).cmp(&(other.part, &other.at)));
    if !conflicts.is_empty() {
        return Ok(Merged { definition: None, conflicts, settled, interleaved });
    }
    let mut definition = Definition {
        nodes: read(PartKind::Node, merged_nodes)?.into_iter().map(|(_, node)| node).collect(),
        edges: read(PartKind::Edge, merged_edges)?.into_iter().map(|(_, edge)| edge).collect(),
        variables: read(PartKind::Variable, variables)?.into_iter().collect(),
        lanes: read(PartKind::Lane, lanes)?.into_iter().map(|(_, lane)| lane).collect(),
    };
    definition.name_edges();
    Ok(Merged { definition: Some(definition), conflicts, settled, interleaved })
}

impl PartKind {
    /// The place of a part by its id.
    fn place(self, id: &str) -> String {
        let list = match self {
            Self::Node => "nodes",
            Self::Edge => "edges",
            Self::Variable => "variables",
            Self::Lane => "lanes",
        };
        format!("/{list}/{}", escaped(id))
    }
}

/// One thing on the three sides.
#[derive(Clone, Copy)]
struct Three<'a> {
    base: Option<&'a Value>,
    ours: Option<&'a Value>,
    theirs: Option<&'a Value>,
}

impl<'a> Three<'a> {
    fn of([base, ours, theirs]: &'a [BTreeMap<&str, &'a Value>; 3], id: &str) -> Self {
        Self { base: base.get(id).copied(), ours: ours.get(id).copied(), theirs: theirs.get(id).copied() }
    }

    fn map(self, get: impl Fn(&'a Value) -> Option<&'a Value>) -> Self {
        Self { base: self.base.and_then(&get), ours: self.ours.and_then(&get), theirs: self.theirs.and_then(&get) }
    }

    /// What it is where not both sides changed it.
    #[expect(clippy::option_option, reason = "whether it is plain, and what it is, which may be nothing")]
    fn plain(self) -> Option<Option<&'a Value>> {
        let Self { base, ours, theirs } = self;
        if ours == theirs || base == theirs {
            Some(ours)
        } else if base == ours {
            Some(theirs)
        } else {
            None
        }
    }

    fn why(self) -> Why {
        match (self.base, self.ours, self.theirs) {
            (None, ..) => Why::BothAdded,
            (_, None, _) | (_, _, None) => Why::RemovedAndChanged,
            _ => Why::BothChanged,
        }
    }
}

struct Merger<'a> {
    settle: &'a BTreeMap<String, Take>,
    settled: BTreeSet<String>,
    conflicts: Vec<Conflict>,
}

impl Merger<'_> {
    /// Merges all parts of a kind.
    fn parts(&mut self, part: PartKind, sides: &[Keyed; 3]) -> Keyed {
        let by_id = sides.each_ref().map(|side| by_id(side));
        let mut merged: BTreeMap<&str, Value> = BTreeMap::new();
        let ids: BTreeSet<&str> = sides.iter().flatten().map(|(id, _)| id.as_str()).collect();
        for id in ids {
            let three = Three::of(&by_id, id);
            let there = [three.base, three.ours, three.theirs].into_iter().flatten();
            let kinds: Vec<Option<&Value>> = there.map(|node| node.get("type")).collect();
            // What a config says hangs on the type: where that changes it is one thing.
            let apart = part == PartKind::Node && kinds.windows(2).any(|two| two[0] != two[1]);
            if let Some(value) = self.value(part, id, String::new(), three, apart) {
                merged.insert(id, value);
            }
        }
        let [base, ours, theirs] = sides.each_ref().map(|side| ids_of(side));
        let mut all = Vec::with_capacity(merged.len());
        for id in ordered(&base, &ours, &theirs, |id| merged.contains_key(id)) {
            if let Some(value) = merged.remove(id) {
                all.push((id.to_owned(), value));
            }
        }
        all
    }

    /// Merges a value, by its members where it is an object.
    fn value(&mut self, part: PartKind, id: &str, field: String, three: Three<'_>, apart: bool) -> Option<Value> {
        if let Some(plain) = three.plain() {
            return plain.cloned();
        }
        let object = |side: Option<&Value>| side.is_some_and(Value::is_object);
        let open = object(three.ours) && object(three.theirs) && (three.base.is_none() || object(three.base));
        if !open || (apart && field == "/config") {
            return self.settled_with(part, id, field, three, three.why());
        }
        let sides = [three.ours, three.theirs, three.base];
        let names = sides.into_iter().flatten().filter_map(Value::as_object).flat_map(Map::keys);
        let (mut seen, mut merged) = (BTreeSet::new(), Map::new());
        for name in names.filter(|name| seen.insert(*name)) {
            let within = three.map(|side| side.get(name));
            let field = format!("{field}/{}", escaped(name));
            if let Some(value) = self.value(part, id, field, within, apart) {
                merged.insert(name.clone(), value);
            }
        }
        Some(Value::Object(merged))
    }

    /// What somebody said that it is to be; else it is a conflict.
    fn settled_with(&mut self, part: PartKind, id: &str, field: String, three: Three<'_>, why: Why) -> Option<Value> {
        let at = format!("{}{field}", part.place(id));
        let Three { base, ours, theirs } = three;
        let Some(take) = self.settle.get(&at) else {
            let [base, ours, theirs] = [base, ours, theirs].map(Option::<&Value>::cloned);
            let (id, one) = (id.to_owned(), ours.clone().or_else(|| theirs.clone()));
            self.conflicts.push(Conflict { at, part, id, field, why, base, ours, theirs });
            // So long as it is open both sides see the same of it.
            return one;
        };
        self.settled.insert(at);
        match take {
            Take::Ours => ours.cloned(),
            Take::Theirs => theirs.cloned(),
            Take::Base => base.cloned(),
            Take::Value(value) => Some(value.clone()),
        }
    }

    /// Nodes that one side took away while the other leads ways from them or to them. One that is kept keeps its ways.
    fn gone(&mut self, nodes: &[Keyed; 3], edges: &[Keyed; 3], merged: &mut Keyed, ways: &mut Keyed) {
        let by_id = nodes.each_ref().map(|side| by_id(side));
        for (id, _) in &nodes[0] {
            let three = Three::of(&by_id, id);
            if three.ours.is_some() == three.theirs.is_some() {
                continue;
            }
            let at = PartKind::Node.place(id);
            if self.conflicts.iter().any(|one| one.at == at) {
                continue;
            }
            let mut kept = merged.iter().any(|(one, _)| one == id);
            if !kept && !self.settled.contains(&at) && ways.iter().any(|(_, edge)| touches(edge, id)) {
                let value = self.settled_with(PartKind::Node, id, String::new(), three, Why::RemovedAndLinked);
                if let Some(value) = value {
                    merged.push((id.clone(), value));
                    kept = true;
                }
            }
            if !kept {
                if self.settled.contains(&at) {
                    ways.retain(|(_, edge)| !touches(edge, id));
                }
                continue;
            }
            // It was taken away with its ways: whoever keeps it keeps these, as far as they lead somewhere.
            let side = if three.ours.is_some() { &edges[1] } else { &edges[2] };
            for (key, edge) in side.iter().filter(|(_, edge)| touches(edge, id)) {
                let there = |end: &str| {
                    edge.get(end).and_then(Value::as_str).is_some_and(|end| merged.iter().any(|(one, _)| one == end))
                };
                if there("from") && there("to") && !ways.iter().any(|(one, _)| one == key) {
                    ways.push((key.clone(), edge.clone()));
                }
            }
        }
    }

    /// Edges that leave a node of which each side leads the only one elsewhere, and gateways that ask ways of both sides.
    fn leaving(
        &mut self,
        id: &str,
        node: &Value,
        sides: &[BTreeMap<&str, Vec<&(String, Value)>>; 3],
        merged: &mut Keyed,
        interleaved: &mut Vec<String>,
    ) {
        let sides = sides.each_ref().map(|side| side.get(id).map_or(&[][..], Vec::as_slice));
        let role = node.get("type").and_then(Value::as_str).and_then(node_type).map(|one| one.role);
        if role == Some(Role::Exclusive) {
            let [base, ours, theirs] = sides.map(|side| side.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>());
            let new = |side: &[&str]| side.iter().any(|edge| !base.contains(edge));
            let moved = |side: &[&str]| !in_one_order(&base, side);
            let both = (new(&ours) && new(&theirs)) || (moved(&ours) && moved(&theirs));
            if both && ours != theirs {
                interleaved.push(id.to_owned());
            }
            put_in_order(merged, id, &ordered(&base, &ours, &theirs, |_| true));
        }
        let parts = matches!(role, Some(Role::Exclusive | Role::Parallel | Role::Inclusive));
        if parts || sides[1].len() > 1 || sides[2].len() > 1 {
            return;
        }
        let sides = sides.map(|side| Value::Array(side.iter().map(|(_, edge)| edge.clone()).collect()));
        let three = Three { base: Some(&sides[0]), ours: Some(&sides[1]), theirs: Some(&sides[2]) };
        let chosen = self.settled_with(PartKind::Node, id, LEAVING.to_owned(), three, Why::WaysPart);
        merged.retain(|(_, edge)| !leaves(edge, id));
        let chosen = match chosen {
            Some(Value::Array(chosen)) => chosen,
            other => other.into_iter().collect(),
        };
        for edge in chosen {
            let key = edge.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
            merged.push((key, edge));
        }
    }
}

/// Edges by the node that they leave.
fn by_start(edges: &[(String, Value)]) -> BTreeMap<&str, Vec<&(String, Value)>> {
    let mut all: BTreeMap<&str, Vec<&(String, Value)>> = BTreeMap::new();
    for edge in edges {
        if let Some(from) = edge.1.get("from").and_then(Value::as_str) {
            all.entry(from).or_default().push(edge);
        }
    }
    all
}

fn leaves(edge: &Value, node: &str) -> bool {
    edge.get("from").is_some_and(|from| from == node)
}

/// Puts the edges that leave a node in an order, on the places that they have together.
fn put_in_order(edges: &mut [(String, Value)], node: &str, order: &[&str]) {
    let rank: BTreeMap<&str, usize> = order.iter().enumerate().map(|(rank, id)| (*id, rank)).collect();
    let mut sorted: Vec<(String, Value)> = edges.iter().filter(|(_, edge)| leaves(edge, node)).cloned().collect();
    sorted.sort_by_key(|(id, _)| rank.get(id.as_str()).copied());
    for (place, edge) in edges.iter_mut().filter(|(_, edge)| leaves(edge, node)).zip(sorted) {
        *place = edge;
    }
}

fn by_id(side: &[(String, Value)]) -> BTreeMap<&str, &Value> {
    side.iter().map(|(id, value)| (id.as_str(), value)).collect()
}

fn ids_of(side: &[(String, Value)]) -> Vec<&str> {
    side.iter().map(|(id, _)| id.as_str()).collect()
}

fn touches(edge: &Value, node: &str) -> bool {
    ["from", "to"].iter().any(|end| edge.get(*end).is_some_and(|end| end == node))
}

/// The order of the side that changed it, and what the other added behind what it stands behind there.
fn ordered<'a>(base: &[&'a str], ours: &[&'a str], theirs: &[&'a str], kept: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let (first, second) = if in_one_order(base, ours) { (theirs, ours) } else { (ours, theirs) };
    let mut all: Vec<&str> = first.iter().copied().filter(|id| kept(id)).collect();
    let mut there: BTreeSet<&str> = all.iter().copied().collect();
    let mut before: Option<&str> = None;
    for id in second.iter().copied().filter(|id| kept(id)) {
        if there.insert(id) {
            let place =
                before.and_then(|before| all.iter().position(|one| *one == before)).map_or(0, |place| place + 1);
            all.insert(place, id);
        }
        before = Some(id);
    }
    // What neither side has and somebody chose stands at the end.
    all.extend(base.iter().copied().filter(|id| kept(id) && !there.contains(id)));
    all
}

fn read<T: DeserializeOwned>(part: PartKind, all: Keyed) -> Result<Vec<(String, T)>, Unfit> {
    let one = |(id, value): (String, Value)| match serde_json::from_value(value) {
        Ok(read) => Ok((id, read)),
        Err(error) => Err((part.place(&id), error.to_string())),
    };
    all.into_iter().map(one).collect()
}

#[cfg(test)]
pub(super) mod chance;
#[cfg(test)]
mod tests;
