//! What is found in a definition: where, by which rule, how bad, and how to mend it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::processes::engine::graph::{Graph, NodeIndex};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It cannot be published so.
    Error,
    /// It can, and may not be what is meant.
    Warning,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule, an id that stays.
    pub rule: String,
    /// How bad it is.
    pub level: Level,
    /// The node that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The edge that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<String>,
    /// The place in the definition, as a JSON pointer.
    pub at: String,
    /// What is wrong.
    pub say: String,
    /// How to mend it.
    pub mend: String,
    /// The ways that lead there, from where ways part: ids of edges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub example: Vec<String>,
}

/// Collects findings.
#[derive(Debug, Default)]
pub struct Findings {
    all: Vec<Finding>,
}

/// The most findings that are told of one definition.
pub const MOST_FINDINGS: usize = 200;

impl Findings {
    /// Adds one.
    pub fn add(&mut self, rule: &str, level: Level, place: Place<'_>, say: impl Into<String>, mend: impl Into<String>) {
        self.all.push(Finding {
            rule: rule.to_owned(),
            level,
            node: place.node.map(str::to_owned),
            edge: place.edge.map(str::to_owned),
            at: place.at,
            say: say.into(),
            mend: mend.into(),
            example: Vec::new(),
        });
    }

    /// Adds an error.
    pub fn error(&mut self, rule: &str, place: Place<'_>, say: impl Into<String>, mend: impl Into<String>) {
        self.add(rule, Level::Error, place, say, mend);
    }

    /// Adds a warning.
    pub fn warning(&mut self, rule: &str, place: Place<'_>, say: impl Into<String>, mend: impl Into<String>) {
        self.add(rule, Level::Warning, place, say, mend);
    }

    /// The same with the ways that lead there.
    pub fn with_example(&mut self, example: Vec<String>) {
        if let Some(last) = self.all.last_mut() {
            last.example = example;
        }
    }

    /// Whether one of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.all.iter().any(|one| one.level == Level::Error)
    }

    /// All of them, errors first, else in the order in which they were found; not more than are told.
    #[must_use]
    pub fn told(mut self) -> Vec<Finding> {
        self.all.sort_by_key(|one| one.level);
        self.all.truncate(MOST_FINDINGS);
        self.all
    }
}

/// A place in a definition.
#[derive(Debug, Clone, Default)]
pub struct Place<'a> {
    node: Option<&'a str>,
    edge: Option<&'a str>,
    at: String,
}

impl<'a> Place<'a> {
    /// A place that is none of a node or an edge.
    #[must_use]
    pub fn at(at: impl Into<String>) -> Self {
        Self { at: at.into(), ..Self::default() }
    }

    /// A place in a node, by its number in the list.
    #[must_use]
    pub fn node(id: &'a str, number: usize, within: &str) -> Self {
        Self { node: Some(id), edge: None, at: format!("/nodes/{number}{within}") }
    }

    /// A place in an edge, by its number in the list.
    #[must_use]
    pub fn edge(id: &'a str, number: usize, within: &str) -> Self {
        Self { node: None, edge: Some(id), at: format!("/edges/{number}{within}") }
    }

    /// A place in a node of a graph.
    #[must_use]
    pub fn of(graph: &'a Graph, node: NodeIndex, within: &str) -> Self {
        Self::node(&graph.node(node).id, node, within)
    }
}
