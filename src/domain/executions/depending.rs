//! Which nodes of an execution wait for which: the order in which they come, how each stands, and what each still waits for.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::model::execution::Execution;
use super::playing::said;
use crate::domain::processes::engine::graph::{Graph, NodeIndex};
use crate::domain::processes::engine::nodes::Role;

/// The most nodes that are told of what a node waits for.
const MOST_WAITED_FOR: usize = 20;

/// A node, and what it depends on.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Depending {
    /// The node.
    pub(super) node: String,
    /// What people call it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// `completed`, what a token does there now, `open` where a token can still come, or `out_of_reach`.
    pub(super) state: String,
    /// Its place in the order, from 1: nodes of the same place do not depend on each other.
    pub(super) order: usize,
    /// The nodes from which a way leads to it at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) depends_on: Vec<String>,
    /// Where an open node is: the nodes at which tokens are that must go on before one comes here; 20 at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) waits_for: Vec<String>,
    /// The node that runs it, for each item of a list or to undo another: no way leads to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) run_by: Option<String>,
}

/// A way that leads back.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Back {
    /// The node that it leaves.
    pub(super) from: String,
    /// The node to which it leads again.
    pub(super) to: String,
}

/// All nodes in their order, and the ways that lead back and do not count for it.
pub(super) fn depending(execution: &Execution, graph: &Graph) -> (Vec<Depending>, Vec<Back>) {
    let (order, back) = ordered(graph);
    let id = |index: NodeIndex| graph.node(index).id.clone();
    let mut stands: BTreeMap<NodeIndex, &'static str> = BTreeMap::new();
    let over = execution.status.is_over() && execution.failure.is_none();
    if !over {
        for token in &execution.state.tokens {
            if let Some(index) = graph.find(&token.node) {
                stands.insert(index, said(&token.stage));
            }
        }
    }
    // From which of these a token can come to each node.
    let mut comes: BTreeMap<NodeIndex, Vec<NodeIndex>> = BTreeMap::new();
    for from in stands.keys() {
        let next: Vec<NodeIndex> = graph.after(*from).collect();
        for (index, _) in graph.reached(next, Graph::after).iter().enumerate().filter(|(_, reached)| **reached) {
            comes.entry(index).or_default().push(*from);
        }
    }
    let mut all: Vec<Depending> = (0..graph.nodes.len())
        .filter(|index| graph.nodes[*index].role != Role::Compensation)
        .map(|index| {
            let node = graph.node(index);
            let state = match stands.get(&index) {
                Some(stands) => *stands,
                None if execution.state.passed.contains(&node.id) => "completed",
                None if comes.contains_key(&index) => "open",
                None => match graph.nodes[index].run_by {
                    Some(by) if stands.contains_key(&by) || comes.contains_key(&by) => "open",
                    Some(by) if execution.state.passed.contains(&graph.node(by).id) => "completed",
                    _ => "out_of_reach",
                },
            };
            let waits = comes.get(&index).filter(|_| state == "open").into_iter().flatten();
            let before: BTreeSet<String> = graph.before(index).map(id).collect();
            let run_by = graph.nodes[index].run_by;
            Depending {
                node: node.id.clone(),
                name: node.name.clone(),
                kind: node.kind.clone(),
                state: state.to_owned(),
                order: run_by.map_or(order[index], |by| order[by]) + 1,
                depends_on: before.into_iter().collect(),
                waits_for: waits.take(MOST_WAITED_FOR).map(|from| id(*from)).collect(),
                run_by: run_by.map(id),
            }
        })
        .collect();
    all.sort_by(|one, other| (one.order, &one.node).cmp(&(other.order, &other.node)));
    (all, back.into_iter().map(|(from, to)| Back { from: id(from), to: id(to) }).collect())
}

/// How far each node lies from the start by its longest way, without the ways that lead back; and these.
fn ordered(graph: &Graph) -> (Vec<usize>, Vec<(NodeIndex, NodeIndex)>) {
    let count = graph.nodes.len();
    let next: Vec<Vec<NodeIndex>> = (0..count).map(|index| graph.after(index).collect()).collect();
    // 0 not seen, 1 on the way that is walked, 2 done.
    let mut seen = vec![0_u8; count];
    let (mut back, mut done) = (Vec::new(), Vec::with_capacity(count));
    let begins = std::iter::once(graph.start).chain(0..count);
    for begin in begins {
        if seen[begin] != 0 {
            continue;
        }
        seen[begin] = 1;
        let mut walk = vec![(begin, 0_usize)];
        while let Some((at, way)) = walk.last_mut() {
            let from = *at;
            match next[from].get(*way).copied() {
                None => {
                    seen[from] = 2;
                    done.push(from);
                    walk.pop();
                }
                Some(to) => {
                    *way += 1;
                    match seen[to] {
                        0 => {
                            seen[to] = 1;
                            walk.push((to, 0));
                        }
                        1 => back.push((from, to)),
                        _ => {}
                    }
                }
            }
        }
    }
    let mut order = vec![0; count];
    let leads_back: BTreeSet<(NodeIndex, NodeIndex)> = back.iter().copied().collect();
    for from in done.into_iter().rev() {
        for to in next[from].iter().filter(|to| !leads_back.contains(&(from, **to))) {
            order[*to] = order[*to].max(order[from] + 1);
        }
    }
    (order, leads_back.into_iter().collect())
}
