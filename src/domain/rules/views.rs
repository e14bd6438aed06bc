//! How rule sets are told.

use schemars::JsonSchema;
use serde::Serialize;

use super::content::{Decision, Function, InputData, Service, TestCase};
use super::engine::looking::Finding;
use super::engine::prepared::Prepared;
use super::model::{RuleSet, RuleVersion};
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;

/// A rule set in one version.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Full {
    /// Its id.
    pub(super) rule_set_id: String,
    /// Its name.
    pub(super) name: String,
    /// What it is about.
    pub(super) description: String,
    /// The version.
    pub(super) version: u32,
    /// The newest version.
    pub(super) newest: u32,
    /// The SHA-256 of what this version says.
    pub(super) digest: String,
    /// What may be given.
    pub(super) inputs: Vec<InputData>,
    /// What is decided.
    pub(super) decisions: Vec<Decision>,
    /// What decisions call.
    pub(super) functions: Vec<Function>,
    /// What is asked for by one name.
    pub(super) services: Vec<Service>,
    /// What must hold.
    pub(super) tests: Vec<TestCase>,
    /// What each decision reads: the graph of requirements, in an order in which everything is there when it is read.
    pub(super) graph: Vec<Node>,
    /// Overlaps and gaps of its tables, by example.
    pub(super) findings: Vec<Finding>,
    /// Who wrote this version.
    pub(super) author: UserId,
    /// What is new in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// When it was written.
    pub(super) written_at: Timestamp,
}

/// A decision in the graph.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    /// The decision.
    pub(super) decision: String,
    /// The inputs that it reads.
    pub(super) inputs: Vec<String>,
    /// The decisions that it reads.
    pub(super) decisions: Vec<String>,
    /// The functions that it calls.
    pub(super) functions: Vec<String>,
}

impl Full {
    pub(super) fn of(set: RuleSet, version: RuleVersion, prepared: &Prepared, findings: Vec<Finding>) -> Self {
        Self {
            rule_set_id: set.rule_set_id,
            name: set.name,
            description: set.description,
            version: version.version,
            newest: set.version,
            digest: version.digest,
            inputs: version.rules.inputs,
            decisions: version.rules.decisions,
            functions: version.rules.functions,
            services: version.rules.services,
            tests: version.rules.tests,
            graph: graph(prepared),
            findings,
            author: version.author,
            message: version.message,
            written_at: version.written_at,
        }
    }
}

/// The graph of requirements.
pub(super) fn graph(prepared: &Prepared) -> Vec<Node> {
    let rules = &prepared.rules;
    let node = |at: &usize| {
        let reads = &prepared.decisions[*at].reads;
        Node {
            decision: rules.decisions[*at].name.clone(),
            inputs: reads.inputs.iter().map(|at| rules.inputs[*at].name.clone()).collect(),
            decisions: reads.decisions.iter().map(|at| rules.decisions[*at].name.clone()).collect(),
            functions: reads.functions.iter().map(|at| rules.functions[*at].name.clone()).collect(),
        }
    };
    prepared.order.iter().map(node).collect()
}
