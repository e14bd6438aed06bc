//! How far executions went as a definition says: the ways that they went, held against the ways that there are.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::Trace;
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::interpreter::What;
use crate::domain::processes::engine::nodes::Role;
use crate::kernel::figures::share;

/// Deviations and ways that are told at most.
const MOST_TOLD: usize = 50;
/// Variants that are told.
const MOST_VARIANTS: usize = 5;
/// Nodes of a variant that are told.
const LONGEST_VARIANT: usize = 60;

/// A definition as far as ways go.
#[derive(Debug, Clone, Default)]
pub struct Model {
    kinds: BTreeMap<String, String>,
    ways: BTreeSet<(String, String)>,
    edges: BTreeMap<String, (String, String)>,
    /// The nodes that a token goes on to from a node when it goes on at all, where no choice is made.
    next: BTreeMap<String, Vec<String>>,
    /// Nodes that are left as soon as they are come to.
    passing: BTreeSet<String>,
}

/// How far executions went as a definition says.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conformance {
    /// The version that they are held against.
    pub against: String,
    /// Executions that went as it says, all along.
    pub conforming: u64,
    /// Executions that did not.
    pub deviating: u64,
    /// The share of all ways gone that the version has, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fitness: Option<f64>,
    /// In what they deviate, the most frequent first; 50 at most.
    pub deviations: Vec<Deviation>,
    /// Ways of the version that none of them went, as `from>to`; 50 at most.
    pub never_gone: Vec<String>,
}

/// In what executions deviate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deviation {
    /// What it is.
    pub kind: DeviationKind,
    /// The node, or the way as `from>to`; empty for what was done to a whole execution.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub at: String,
    /// How often.
    pub count: u64,
}

/// What a deviation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviationKind {
    /// The version has no such node.
    UnknownNode,
    /// The node is of another type there.
    OtherType,
    /// The version has no such way.
    UnknownWay,
    /// A step was left out.
    Skipped,
    /// Somebody recovered the execution, or did a step by itself.
    ByHand,
}

/// A way through the process that some executions went.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// The nodes in the order in which they were come to; the first 60.
    pub nodes: Vec<String>,
    /// How many executions went so.
    pub count: u64,
    /// The share of all, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// How long they took at the mean, in milliseconds; of those that are over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_ms: Option<u64>,
}

impl Model {
    /// Of a definition.
    #[must_use]
    pub fn of(graph: &Graph) -> Self {
        let id = |index: usize| graph.node(index).id.clone();
        let mut model = Self::default();
        for index in 0..graph.nodes.len() {
            let (node, linked) = (id(index), &graph.nodes[index]);
            model.kinds.insert(node.clone(), graph.node(index).kind.clone());
            let chooses = matches!(linked.role, Role::Exclusive | Role::Inclusive) && linked.outgoing.len() > 1;
            if !chooses {
                let next = linked.outgoing.iter().map(|edge| id(graph.edges[*edge].1)).collect();
                model.next.insert(node.clone(), next);
            }
            if !matches!(linked.role, Role::Activity | Role::Event) && !chooses {
                model.passing.insert(node);
            }
        }
        for (index, (from, to)) in graph.edges.iter().enumerate() {
            let way = (id(*from), id(*to));
            model.edges.insert(graph.edge(index).id.clone(), way.clone());
            model.ways.insert(way);
        }
        model
    }

    /// The ways that a trace of this version went.
    fn gone(&self, trace: &Trace) -> Vec<(String, String)> {
        let mut gone = Vec::new();
        for (_, entry) in &trace.lines {
            let Some(node) = &entry.node else { continue };
            match &entry.what {
                What::Took { edge } => gone.extend(self.edges.get(edge).cloned()),
                What::Entered if self.passing.contains(node) => gone.extend(self.on_from(node)),
                What::Done { item: None } | What::Came | What::Skipped if !self.passing.contains(node) => {
                    gone.extend(self.on_from(node));
                }
                _ => {}
            }
        }
        gone
    }

    fn on_from<'a>(&'a self, node: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
        self.next.get(node).into_iter().flatten().map(move |to| (node.to_owned(), to.clone()))
    }
}

/// Holds traces against a version: each was played by the model of its own version.
#[must_use]
pub fn conformance(traces: &[Trace], own: &BTreeMap<String, Model>, against: &str, model: &Model) -> Conformance {
    let (mut conforming, mut fits, mut all) = (0, 0, 0);
    let mut deviations: BTreeMap<(DeviationKind, String), u64> = BTreeMap::new();
    let mut never: BTreeSet<&(String, String)> = model.ways.iter().collect();
    for trace in traces {
        let before: u64 = deviations.values().sum();
        let Some(played) = own.get(&trace.version) else { continue };
        let mut deviates = |kind, at: String| *deviations.entry((kind, at)).or_default() += 1;
        for (_, entry) in &trace.lines {
            let Some(node) = &entry.node else { continue };
            match &entry.what {
                What::Entered => match (model.kinds.get(node), played.kinds.get(node)) {
                    (None, _) => deviates(DeviationKind::UnknownNode, node.clone()),
                    (Some(now), Some(then)) if now != then => deviates(DeviationKind::OtherType, node.clone()),
                    _ => {}
                },
                What::Skipped => deviates(DeviationKind::Skipped, node.clone()),
                _ => {}
            }
        }
        for _ in 0..trace.by_hand {
            deviates(DeviationKind::ByHand, String::new());
        }
        for way in played.gone(trace) {
            all += 1;
            never.remove(&way);
            if model.ways.contains(&way) {
                fits += 1;
            } else {
                deviates(DeviationKind::UnknownWay, format!("{}>{}", way.0, way.1));
            }
        }
        conforming += u64::from(deviations.values().sum::<u64>() == before);
    }
    let held = traces.iter().filter(|trace| own.contains_key(&trace.version)).count() as u64;
    let told = |((kind, at), count)| Deviation { kind, at, count };
    let mut deviations: Vec<Deviation> = deviations.into_iter().map(told).collect();
    deviations.sort_by_key(|deviation| std::cmp::Reverse(deviation.count));
    deviations.truncate(MOST_TOLD);
    let never = never.into_iter().filter(|_| held > 0).map(|(from, to)| format!("{from}>{to}"));
    Conformance {
        against: against.to_owned(),
        conforming,
        deviating: held - conforming,
        fitness: share(fits, all),
        deviations,
        never_gone: never.take(MOST_TOLD).collect(),
    }
}

/// The ways through the process that were gone most.
#[must_use]
pub fn variants(traces: &[Trace]) -> Vec<Variant> {
    let mut found: BTreeMap<Vec<&str>, (u64, Vec<u64>)> = BTreeMap::new();
    for trace in traces {
        let come_to = trace.lines.iter().filter(|(_, entry)| entry.what == What::Entered);
        let nodes: Vec<&str> = come_to.filter_map(|(_, entry)| entry.node.as_deref()).collect();
        let sum = found.entry(nodes).or_default();
        sum.0 += 1;
        sum.1.extend(trace.ended.map(|(ended, _)| super::millis(trace.started, ended)));
    }
    let mut all: Vec<Variant> = found
        .into_iter()
        .map(|(nodes, (count, took))| Variant {
            nodes: nodes.into_iter().take(LONGEST_VARIANT).map(str::to_owned).collect(),
            count,
            share: share(count, traces.len() as u64),
            mean_ms: took.iter().sum::<u64>().checked_div(took.len() as u64),
        })
        .collect();
    all.sort_by_key(|variant| std::cmp::Reverse(variant.count));
    all.truncate(MOST_VARIANTS);
    all
}
