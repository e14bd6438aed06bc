//! What is wrong with a definition, each finding with its place, the id of its rule, and how to mend it: from what can be seen at once to
//! what only shows when the tokens are played.

mod expressions;
mod findings;
mod flow;
mod named;
mod structure;
mod types;

pub use findings::{Finding, Findings, Level, MOST_FINDINGS, Place};
pub use named::{Found, Surroundings, key};

use std::sync::Arc;

use self::structure::structure;
use super::definition::Definition;
use super::graph::Graph;
use crate::port::expressions::Expressions;

/// What came of looking at a definition.
pub struct Judged {
    /// The findings, errors first.
    pub findings: Vec<Finding>,
    /// The graph, where the structure stands.
    pub graph: Option<Graph>,
    /// Whether it always comes to its end; `None` where that could not be looked at.
    pub sound: Option<Soundness>,
}

/// Whether a process always comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Soundness {
    /// It does.
    Sound,
    /// It does not.
    Unsound,
    /// The search was given up at its bound.
    Unknown,
}

impl Judged {
    /// Whether nothing forbids publishing it.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        self.graph.is_some() && self.findings.iter().all(|one| one.level != Level::Error)
    }
}

/// Looks at what a definition is by itself: its structure, its flow, its expressions.
#[must_use]
pub fn judge(definition: &Arc<Definition>, language: &dyn Expressions) -> Judged {
    judge_within(definition, language, &Surroundings::default())
}

/// The same, and at what it names.
#[must_use]
pub fn judge_within(definition: &Arc<Definition>, language: &dyn Expressions, around: &Surroundings) -> Judged {
    let mut findings = Findings::default();
    let configs = structure(definition, &mut findings);
    let graph = if findings.has_errors() { None } else { Graph::of(definition.clone(), configs) };
    let mut sound = None;
    if let Some(graph) = &graph {
        sound = Some(flow::flow(graph, &mut findings));
        expressions::expressions(graph, language, &mut findings);
        named::named(graph, around, &mut findings);
        types::types(graph, around, &mut findings);
    }
    Judged { findings: findings.told(), graph, sound }
}

/// What nodes are given, or keep, that does not fit what they name, where that is known; nothing else is looked at.
#[must_use]
pub fn unfit(definition: Arc<Definition>, around: &Surroundings) -> Vec<Finding> {
    let mut findings = Findings::default();
    let configs = structure(&definition, &mut findings);
    let mut unfit = Findings::default();
    if let Some(graph) = Graph::of(definition, configs) {
        types::types(&graph, around, &mut unfit);
    }
    unfit.told()
}
