//! A run of a schedule: one due time, and what became of it. There is one for each due time, whichever instance saw it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::kernel::id::CallId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Across, Document, Field, FieldType, Kind, Unique};

/// The kind of runs.
pub(in crate::domain::schedules) static RUN: Kind = Kind {
    fields: &[
        Field { name: "schedule", of: FieldType::Id },
        Field { name: "slot", of: FieldType::Text },
        Field { name: "status", of: FieldType::Text },
        Field { name: "dueAt", of: FieldType::Time },
    ],
    unique: &[Unique { name: "due_time", fields: &["schedule", "slot"], across: Across::Tenant }],
    private: &["variables"],
    ..Kind::new("schedule_run")
};

/// A run of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::schedules) struct Run {
    /// The schedule.
    pub(in crate::domain::schedules) schedule: Uuid,
    /// What there is one of: the due time, or for a run that somebody asked for its own id.
    pub(in crate::domain::schedules) slot: String,
    /// When it was due.
    pub(in crate::domain::schedules) due_at: Timestamp,
    /// What set it off.
    pub(in crate::domain::schedules) cause: Cause,
    /// How it stands.
    pub(in crate::domain::schedules) status: Status,
    /// The input, where it is another than the schedule's.
    pub(in crate::domain::schedules) variables: Option<Map<String, Value>>,
    /// The call, as logs and the audit log name it.
    pub(in crate::domain::schedules) call: Option<CallId>,
    /// The run of the agent, where one ran.
    pub(in crate::domain::schedules) execution: Option<String>,
    /// When it began.
    pub(in crate::domain::schedules) began_at: Option<Timestamp>,
    /// When it ended.
    pub(in crate::domain::schedules) ended_at: Option<Timestamp>,
    /// The code of what went wrong.
    pub(in crate::domain::schedules) code: Option<String>,
    /// What went wrong.
    pub(in crate::domain::schedules) reason: Option<String>,
}

/// What set a run off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::schedules) enum Cause {
    /// It was due.
    Due,
    /// It makes up for a due time at which nothing could run.
    CatchUp,
    /// Somebody asked for it.
    Manual,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::schedules) enum Status {
    /// It waits: for its turn, or for another run to end.
    Queued,
    /// It runs.
    Running,
    /// It ended well.
    Succeeded,
    /// It did not.
    Failed,
    /// It was called off for a later one.
    Cancelled,
    /// It was left out, since another was under way.
    Skipped,
}

impl Status {
    /// Whether nothing more becomes of it.
    pub(in crate::domain::schedules) const fn is_over(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// The name, as filters use it.
    pub(in crate::domain::schedules) const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }
}

impl Document for Run {
    const KIND: &'static Kind = &RUN;
}
