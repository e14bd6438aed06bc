//! Definitions made by chance, for the tests of what differs and of merging: they need not stand.

use serde_json::{Map, Value, json};

use crate::domain::processes::engine::definition::{Definition, Edge, Lane, Node, Variable};

/// Numbers by chance, the same ones every time.
pub(in crate::domain::processes::engine) struct Chance(pub(in crate::domain::processes::engine) u64);

impl Chance {
    pub(in crate::domain::processes::engine) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn word(&mut self) -> String {
        ["", "a", "b", "c/d", "e~f"][self.below(5)].to_owned()
    }

    fn members(&mut self) -> Map<String, Value> {
        let mut all = Map::new();
        for _ in 0..self.below(4) {
            let value = match self.below(4) {
                0 => json!(self.below(3)),
                1 => json!([self.below(2), self.below(2)]),
                2 => json!({ "x": self.below(2), "y/z": { "w": self.below(2) } }),
                _ => json!(self.word()),
            };
            all.insert(self.word(), value);
        }
        all
    }

    fn node(&mut self, id: String) -> Node {
        let kind = ["tool", "exclusive", "parallel", "end", "script"][self.below(5)].to_owned();
        let name = self.word();
        Node { id, kind, name, config: self.members(), input: self.members(), ..Node::default() }
    }

    fn edge(&mut self, nodes: &[Node]) -> Option<Edge> {
        let from = nodes.get(self.below(nodes.len().max(1)))?.id.clone();
        let to = nodes.get(self.below(nodes.len().max(1)))?.id.clone();
        let condition = (self.below(2) == 0).then(|| format!("x > {}", self.below(3)));
        Some(Edge { from, to, condition, ..Edge::default() })
    }
}

/// A definition.
pub(in crate::domain::processes::engine) fn any(chance: &mut Chance) -> Definition {
    let mut definition = Definition::default();
    for number in 0..chance.below(8) {
        let node = chance.node(format!("n{number}"));
        definition.nodes.push(node);
    }
    for _ in 0..chance.below(10) {
        definition.edges.extend(chance.edge(&definition.nodes));
    }
    for number in 0..chance.below(3) {
        definition.lanes.push(Lane { id: format!("l{number}"), name: chance.word() });
        let variable = Variable { schema: chance.members(), description: chance.word(), ..Variable::default() };
        definition.variables.insert(format!("v{number}"), variable);
    }
    definition.name_edges();
    definition
}

/// The same with a few changes.
pub(in crate::domain::processes::engine) fn changed(before: &Definition, chance: &mut Chance) -> Definition {
    let mut after = before.clone();
    for _ in 0..chance.below(5) {
        match chance.below(9) {
            0 => {
                let node = chance.node(format!("m{}", chance.0 % 97));
                if after.node(&node.id).is_none() {
                    let place = chance.below(after.nodes.len() + 1);
                    after.nodes.insert(place, node);
                }
            }
            1 if !after.nodes.is_empty() => {
                let gone = after.nodes.remove(chance.below(after.nodes.len())).id;
                after.edges.retain(|edge| edge.from != gone && edge.to != gone);
            }
            2 if !after.nodes.is_empty() => {
                let place = chance.below(after.nodes.len());
                after.nodes[place].config = chance.members();
                after.nodes[place].name = chance.word();
            }
            3 => {
                let edge = chance.edge(&after.nodes);
                let place = chance.below(after.edges.len() + 1);
                if let Some(edge) = edge {
                    after.edges.insert(place, edge);
                }
            }
            4 if !after.edges.is_empty() => drop(after.edges.remove(chance.below(after.edges.len()))),
            5 if after.edges.len() > 1 => {
                let (one, other) = (chance.below(after.edges.len()), chance.below(after.edges.len()));
                after.edges.swap(one, other);
            }
            6 if !after.edges.is_empty() => {
                let place = chance.below(after.edges.len());
                after.edges[place].condition = Some("y".to_owned());
            }
            7 => {
                let variable = Variable { schema: chance.members(), ..Variable::default() };
                after.variables.insert(format!("v{}", chance.below(4)), variable);
            }
            _ => {
                after.lanes.reverse();
                after.nodes.reverse();
            }
        }
        after.name_edges();
    }
    after
}
