//! What callers see of executions.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::model::execution::{Execution, Status};
use super::playing::said;
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::interpreter::{Failure, Stage, TokenId};
use crate::kernel::id::{ExecutionId, UserId};
use crate::kernel::time::Timestamp;

/// An execution in short.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Brief {
    /// Its id.
    pub(super) execution_id: ExecutionId,
    /// The process.
    pub(super) process_id: String,
    /// The version that it keeps to.
    pub(super) version: String,
    /// How it stands.
    pub(super) status: Status,
    /// The node at which it is, where it is at one; the first of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) current_node: Option<String>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended_at: Option<Timestamp>,
    /// On whose behalf it runs.
    pub(super) started_by: UserId,
    /// The execution that runs it as a part of itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<ExecutionId>,
    /// Smaller comes first among what is due.
    pub(super) priority: i32,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
    /// The node at which it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_at: Option<String>,
}

/// An execution as it is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Full {
    /// In short.
    #[serde(flatten)]
    pub(super) brief: Brief,
    /// Where it is.
    pub(super) state: StateView,
    /// What it answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Map<String, Value>>,
    /// How far it is.
    pub(super) progress: Progress,
}

/// Where an execution is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StateView {
    /// What it knows.
    pub(super) variables: Map<String, Value>,
    /// The nodes that were come to: `completed`, or what their token does now.
    pub(super) node_states: BTreeMap<String, &'static str>,
    /// Its tokens.
    pub(super) tokens: Vec<TokenView>,
}

/// A token.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenView {
    /// Its id.
    pub(super) id: TokenId,
    /// The node.
    pub(super) node: String,
    /// What it does there.
    pub(super) stage: &'static str,
    /// How often its activity was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempt: Option<u32>,
    /// Until when it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<Timestamp>,
    /// The message or event that it waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) waits_for: Option<String>,
    /// What that must be about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) correlation_key: Option<String>,
}

/// How far an execution is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Progress {
    /// Nodes that were passed.
    pub(super) passed: usize,
    /// Nodes of the process.
    pub(super) nodes: usize,
}

impl Brief {
    pub(super) fn of(id: Uuid, execution: &Execution) -> Self {
        Self {
            execution_id: ExecutionId::from_uuid(id),
            process_id: execution.process_id.clone(),
            version: execution.version.clone(),
            status: execution.status,
            current_node: execution
                .state
                .tokens
                .first()
                .map(|token| token.node.clone())
                .filter(|_| !execution.status.is_over() || execution.status == Status::Failed),
            started_at: execution.started_at,
            ended_at: execution.ended_at,
            started_by: execution.user,
            parent: execution.parent.map(ExecutionId::from_uuid),
            priority: execution.priority,
            failure: execution.failure.clone(),
            failed_at: execution.failed_at.clone(),
        }
    }
}

impl Full {
    pub(super) fn of(id: Uuid, execution: Execution, graph: &Graph) -> Self {
        let brief = Brief::of(id, &execution);
        let mut node_states: BTreeMap<String, &'static str> =
            execution.state.passed.iter().map(|node| (node.clone(), "completed")).collect();
        let mut tokens = Vec::new();
        for token in &execution.state.tokens {
            let stage = given_up(execution.status, &token.stage).unwrap_or_else(|| said(&token.stage));
            node_states.insert(token.node.clone(), stage);
            tokens.push(TokenView { stage, ..TokenView::of(token.id, &token.node, &token.stage, graph) });
        }
        let nodes = (0..graph.nodes.len()).filter(|index| graph.in_flow(*index)).count();
        let progress = Progress { passed: execution.state.passed.len(), nodes };
        let state = StateView { variables: execution.state.variables, node_states, tokens };
        Self { brief, state, result: execution.result, progress }
    }
}

/// What a token does no more, since the execution is over.
fn given_up(status: Status, stage: &Stage) -> Option<&'static str> {
    match (status, stage) {
        (Status::Cancelled, _) => Some("given_up"),
        // It is taken up again when the execution is recovered.
        (Status::Failed, stage) if !matches!(stage, Stage::Failed { .. }) => Some("stopped"),
        _ => None,
    }
}

impl TokenView {
    fn of(id: TokenId, node: &str, stage: &Stage, graph: &Graph) -> Self {
        let mut view = Self {
            id,
            node: node.to_owned(),
            stage: said(stage),
            attempt: None,
            until: None,
            waits_for: None,
            correlation_key: None,
        };
        match stage {
            Stage::Working { attempt, .. } => view.attempt = Some(*attempt),
            Stage::Retrying { attempt, at, .. } => (view.attempt, view.until) = (Some(*attempt), Some(*at)),
            Stage::Until { at } => view.until = Some(*at),
            Stage::Listening { key } => {
                view.correlation_key.clone_from(key);
                let config = graph.find(node).map(|index| &graph.nodes[index].config);
                if let Some(crate::domain::processes::engine::nodes::Config::Wait(wait)) = config {
                    view.waits_for = wait.message.clone().or_else(|| wait.event.clone());
                }
            }
            Stage::Before { .. } | Stage::Each { .. } | Stage::Undoing { .. } | Stage::Failed { .. } => {}
        }
        view
    }
}
