//! What callers see of flows and their executions.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::engine::finding::Finding;
use super::engine::kinds::FlowType;
use super::judging::Judged;
use super::model::definition::{Definition, Dependency, DependencyType, Edge, Node};
use super::model::execution::{FlowExecution, Runs, Status as ExecutionStatus};
use super::model::flow::{Flow, Status};
use crate::capability::owned::Stored;
use crate::kernel::id::{ExecutionId, UserId};
use crate::kernel::time::Timestamp;

/// A credential that a flow needs, never its text.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CredentialView {
    /// What the flow calls it.
    pub(super) key: String,
    /// What it is, such as `api_key`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// Whether the flow cannot run without it.
    pub(super) required: bool,
    /// The name that it has in the vault.
    pub(super) secret: String,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) description: String,
    /// Whether it is there.
    pub(super) available: bool,
}

/// A flow in short.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Brief {
    /// Its id.
    pub(super) id: String,
    /// What people call it.
    pub(super) name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(super) kind: FlowType,
    /// How it stands.
    pub(super) status: Status,
    /// The newest version.
    pub(super) version: String,
    /// What it does.
    pub(super) description: String,
    /// What it is found by.
    pub(super) tags: Vec<String>,
    /// How many nodes it has.
    pub(super) node_count: usize,
    /// How many edges it has.
    pub(super) edge_count: usize,
    /// The flows that it depends on by itself.
    pub(super) depends_on: Vec<String>,
    /// Who made it, as they called themselves.
    pub(super) created_by: String,
    /// When it was registered.
    pub(super) created_at: Timestamp,
    /// When it was last changed.
    pub(super) updated_at: Timestamp,
}

/// A flow in one version.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Full {
    /// Its id.
    pub(super) id: String,
    /// What people call it.
    pub(super) name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(super) kind: FlowType,
    /// How it stands.
    pub(super) status: Status,
    /// The version.
    pub(super) version: String,
    /// The newest version.
    pub(super) newest: String,
    /// Counts its versions from 1: the number of the newest.
    pub(super) revision: u32,
    /// What it does.
    pub(super) description: String,
    /// What it is found by.
    pub(super) tags: Vec<String>,
    /// Its nodes.
    pub(super) nodes: Vec<Node>,
    /// Its edges.
    pub(super) edges: Vec<Edge>,
    /// The credentials that it needs, and whether the vault has them.
    pub(super) credentials: Vec<CredentialView>,
    /// The flows that it depends on.
    pub(super) dependencies: Vec<Dependency>,
    /// The process by which it runs here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) process_id: Option<String>,
    /// The version of that process, where one is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) process_version: Option<String>,
    /// The user whose runner carries it out elsewhere and reports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runner: Option<UserId>,
    /// What else is known of it.
    pub(super) metadata: Map<String, Value>,
    /// Where it would run, were it executed now by the caller.
    pub(super) runs: Runs,
    /// Why it would not run here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why_outside: Option<String>,
    /// What will stand in the way of executing it.
    pub(super) warnings: Vec<Finding>,
    /// Who made it, as they called themselves.
    pub(super) created_by: String,
}

impl Brief {
    pub(super) fn of(stored: Stored<Flow>) -> Self {
        let Stored { value, created_at, updated_at, .. } = stored;
        let definition = value.definition;
        Self {
            id: value.flow_id,
            name: value.name,
            kind: value.kind,
            status: value.status,
            version: value.version,
            description: definition.description,
            tags: definition.tags,
            node_count: definition.nodes.len(),
            edge_count: definition.edges.len(),
            depends_on: definition.dependencies.into_iter().map(|one| one.depends_on_flow_id).collect(),
            created_by: value.created_by,
            created_at,
            updated_at,
        }
    }
}

impl Full {
    /// A flow in the version that says this.
    pub(super) fn of(flow: &Flow, version: String, said: Definition, judged: Judged) -> Self {
        let Definition {
            name,
            description,
            tags,
            nodes,
            edges,
            dependencies,
            process_id,
            process_version,
            runner,
            metadata,
            credentials: _,
        } = said;
        Self {
            id: flow.flow_id.clone(),
            name,
            kind: flow.kind,
            status: flow.status,
            version,
            newest: flow.version.clone(),
            revision: flow.revision,
            description,
            tags,
            nodes,
            edges,
            credentials: judged.credentials,
            dependencies,
            process_id,
            process_version,
            runner,
            metadata,
            runs: judged.place.runs(),
            why_outside: judged.place.why(),
            warnings: judged.warnings,
            created_by: flow.created_by.clone(),
        }
    }
}

/// An execution of a flow.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecutionView {
    /// Its id.
    pub(super) execution_id: ExecutionId,
    /// The flow.
    pub(super) flow_id: String,
    /// The version that was executed.
    pub(super) flow_version: String,
    /// How it stands.
    pub(super) status: ExecutionStatus,
    /// Where it runs.
    pub(super) runs: Runs,
    /// The execution of the process that it is, where it runs here: `execution_get` tells it in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) process_execution_id: Option<ExecutionId>,
    /// What it was given.
    pub(super) parameters: Map<String, Value>,
    /// Results of the flows that it depends on for data, by their ids.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) inputs: Map<String, Value>,
    /// Who or what it was executed by, as they called themselves.
    pub(super) triggered_by: String,
    /// The user on whose behalf.
    pub(super) user_id: UserId,
    /// How far it is, in percent, as its runner last said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) progress: Option<f64>,
    /// What its runner last said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// What it brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Map<String, Value>>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    /// When it was asked for.
    pub(super) requested_at: Timestamp,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration_ms: Option<u64>,
    /// When its runner last reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reported_at: Option<Timestamp>,
}

impl ExecutionView {
    pub(super) fn of(id: Uuid, requested_at: Timestamp, execution: FlowExecution) -> Self {
        let took = execution.started_at.zip(execution.ended_at);
        let duration_ms = took.and_then(|(from, to)| u64::try_from(to.since(from).as_millis()).ok());
        Self {
            execution_id: ExecutionId::from_uuid(id),
            flow_id: execution.flow_id,
            flow_version: execution.flow_version,
            status: execution.status,
            runs: execution.runs,
            process_execution_id: execution.process.map(ExecutionId::from_uuid),
            parameters: execution.parameters,
            inputs: execution.inputs,
            triggered_by: execution.triggered_by,
            user_id: execution.user,
            progress: execution.progress,
            message: execution.message,
            result: execution.result,
            error: execution.error,
            requested_at,
            started_at: execution.started_at,
            ended_at: execution.ended_at,
            duration_ms,
            reported_at: execution.reported_at,
        }
    }
}

/// Whether a dependency is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Holds {
    /// It is.
    Met,
    /// It is not.
    Unmet,
    /// Its condition says that it does not count this time.
    NotApplicable,
}

/// A dependency, held against what was executed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DependencyState {
    /// The other flow.
    pub(super) depends_on_flow_id: String,
    /// How the flow depends on it.
    pub(super) dependency_type: DependencyType,
    /// Whether it is met.
    pub(super) state: Holds,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}
