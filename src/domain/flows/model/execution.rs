//! An execution of a flow: carried out here as a process, or by an outside runner that reports.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::capability::caller::Caller;
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Field, FieldType, Filter, Kind, Scalar};

/// The kind of executions of flows. What they were given and brought stays out of the audit log.
pub(in crate::domain::flows) static FLOW_EXECUTION: Kind = Kind {
    fields: &[
        Field { name: "flowId", of: FieldType::Text },
        Field { name: "status", of: FieldType::Text },
        Field { name: "startedAt", of: FieldType::Time },
        Field { name: "endedAt", of: FieldType::Time },
        Field { name: "process", of: FieldType::Id },
        Field { name: "flowOwner", of: FieldType::Id },
        Field { name: "runner", of: FieldType::Id },
    ],
    private: &["parameters", "inputs", "result", "error", "message"],
    ..Kind::new("flow_execution")
};

/// How an execution of a flow stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::flows) enum Status {
    /// Nobody has begun it.
    Pending,
    /// It is under way.
    Running,
    /// It came to its end.
    Completed,
    /// It failed.
    Failed,
    /// It was called off.
    Cancelled,
}

/// Where something runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::flows) enum Runs {
    /// Here, as an execution of a process.
    Here,
    /// Elsewhere, by a runner that reports with `flow_execution_status`.
    Outside,
}

/// An execution of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct FlowExecution {
    /// The flow.
    pub flow_id: String,
    /// The version that was executed.
    pub flow_version: String,
    /// How it stands, as it was last told; of one that runs here, how it began.
    pub status: Status,
    /// Where it runs.
    pub runs: Runs,
    /// The execution of the process that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Uuid>,
    /// What it was given.
    #[serde(default)]
    pub parameters: Map<String, Value>,
    /// Results of the flows that it depends on for data, by their ids.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map<String, Value>,
    /// Who or what it was executed by, as they called themselves.
    pub triggered_by: String,
    /// On whose behalf.
    pub user: UserId,
    /// Who owns the flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_owner: Option<Uuid>,
    /// The user whose runner reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<UserId>,
    /// How far it is, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<f64>,
    /// What the runner last said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What it brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Map<String, Value>>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// When its runner last reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<Timestamp>,
}

impl Status {
    /// All of them.
    pub(in crate::domain::flows) const ALL: [Self; 5] =
        [Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Cancelled];

    /// The name.
    pub(in crate::domain::flows) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The one of a name.
    pub(in crate::domain::flows) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Whether nothing more happens.
    pub(in crate::domain::flows) const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl Document for FlowExecution {
    const KIND: &'static Kind = &FLOW_EXECUTION;
}

impl Owned for FlowExecution {
    const RESOURCE: Resource = Resource::Flows;
    const NOUN: &'static str = "execution of a flow";

    /// Who owns the flow, and whose runner carries it out.
    fn takes_part(&self, caller: &Caller) -> bool {
        self.flow_owner == Some(caller.user.uuid()) || self.runner == Some(caller.user)
    }

    fn with_part_of(caller: &Caller) -> Option<Filter> {
        let me = || Scalar::Id(caller.user.uuid());
        Some(Filter::Or(vec![Filter::is("flowOwner", me()), Filter::is("runner", me())]))
    }
}
