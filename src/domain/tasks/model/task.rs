//! A task: what is asked of whom, by when, and what was answered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::who::Who;
use crate::capability::caller::Caller;
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::tasks::form::hints::Hints;
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Field, FieldType, Filter, Kind};

/// The kind of tasks. What people are asked and say stays out of the audit log.
pub static TASK: Kind = Kind {
    fields: &[
        Field { name: "status", of: FieldType::Text },
        Field { name: "assignee", of: FieldType::Text },
        Field { name: "taskType", of: FieldType::Text },
        Field { name: "alike", of: FieldType::Text },
        Field { name: "processId", of: FieldType::Text },
        Field { name: "executionId", of: FieldType::Text },
        Field { name: "slaStatus", of: FieldType::Text },
        Field { name: "priority", of: FieldType::Integer },
        Field { name: "dueAt", of: FieldType::Time },
    ],
    text: &["people"],
    private: &["description", "data", "answers", "response", "attachments"],
    ..Kind::new("task")
};

/// How a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody has it yet: candidates may claim it.
    Open,
    /// Somebody has it.
    Assigned,
    /// Its answer was put off.
    Deferred,
    /// It was answered, or ended by what its chain says.
    Completed,
    /// Nobody answered in time, and its chain says that this is a failure.
    Failed,
    /// It was withdrawn.
    Cancelled,
}

impl Status {
    /// The name, as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Assigned => "assigned",
            Self::Deferred => "deferred",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether no answer is taken any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// How a task stands with its time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlaStatus {
    /// It has no time to keep.
    #[default]
    None,
    /// There is time.
    OnTrack,
    /// A warning was given.
    Warned,
    /// The time is over and it is not answered.
    Breached,
    /// It was answered in time.
    Met,
    /// It was answered too late, or not.
    Missed,
}

impl SlaStatus {
    /// The name, as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::OnTrack => "on_track",
            Self::Warned => "warned",
            Self::Breached => "breached",
            Self::Met => "met",
            Self::Missed => "missed",
        }
    }
}

/// How long a task may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sla {
    /// Hours from its making until it must be answered: of the business calendar where it names one, else of the clock.
    #[schemars(range(min = 0.01, max = 87_600.0))]
    pub hours_to_complete: f64,
    /// At which shares of these hours, in percent, a warning is told; 80 when not said, none for an empty list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 8), inner(range(min = 1, max = 99)))]
    pub warn_at_percent: Option<Vec<u32>>,
}

/// Who may not answer, whatever else they may.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Separation {
    /// Not who began: the starter of the execution, or who made the task.
    pub starter: bool,
    /// Not who is in a group with them: the other members of the starter's groups.
    pub starter_groups: bool,
    /// Not who has answered another task of the same execution.
    pub earlier_answerers: bool,
    /// Not these people, by id or email.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 320)))]
    pub users: Vec<String>,
    /// Not the members of these groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 100)))]
    pub groups: Vec<String>,
}

/// How many must say the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quorum {
    /// So many must give the same outcome: the first outcome that has so many answers is the task's.
    #[schemars(range(min = 1, max = 100))]
    pub needed: u32,
    /// Of so many who may answer; as many as there are candidate users and agents when not said. Needed where a group is a candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub of: Option<u32>,
    /// The outcome where no outcome can have so many any more; `no_quorum` when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub otherwise: Option<String>,
}

/// A step of the escalation chain, as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainStep {
    /// When it is taken by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// To whom the task goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Who>,
    /// Or by which outcome it ends; `fail` is a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Who answered.
    pub by: Who,
    /// The person for whom it was answered.
    pub user: UserId,
    /// What was decided.
    pub outcome: String,
    /// What was filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Map<String, Value>>,
    /// What was said besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The digest of what was shown.
    pub shown_hash: String,
    /// The door by which it came in.
    pub door: String,
}

/// Something that belongs to a task: a document, a file that lies elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// What it is called.
    pub name: String,
    /// The document's id, as `document_get` takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_id: Option<String>,
    /// Where it lies, where it is no document here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Who added it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A moment at which something happens to a task by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timer {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Alarm,
}

/// What happens at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Alarm {
    /// A warning, at so many percent of the time.
    Warn {
        /// The share.
        percent: u32,
    },
    /// The time is over.
    Breach,
    /// The due time.
    Due,
    /// It is to be looked at again.
    FollowUp,
    /// A step of the chain.
    Escalate {
        /// Its place in the chain.
        step: usize,
    },
}

/// Where the outcome goes besides the event: a job that is put into a queue in the commit in which the task ends. Only a part of the program
/// gives one, when it opens a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Continuation {
    /// The queue; it must be one of `Continuations`.
    pub queue: String,
    /// What the job's `key` says.
    pub key: Value,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// What is asked, in a line.
    pub title: String,
    /// What is asked, at length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What kind of task it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_type: Option<String>,
    /// Tasks that are alike have the same: of the type, else of the form and outcomes.
    pub alike: String,
    /// The form: a JSON Schema of the closed subset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<Map<String, Value>>,
    /// How the form is shown.
    #[serde(default)]
    pub ui: Hints,
    /// What the person is to know besides.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// What can be decided.
    pub outcomes: Vec<String>,
    /// How it stands.
    pub status: Status,
    /// Who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<Who>,
    /// Who may claim it.
    #[serde(default)]
    pub candidates: Vec<Who>,
    /// The words of all who take part.
    #[serde(default)]
    pub people: String,
    /// Who began: of the execution, or of the task.
    pub starter: UserId,
    /// Who passed it on, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegated_by: Vec<Who>,
    /// From 0 to 100, more is more urgent.
    pub priority: i64,
    /// The process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_id: Option<String>,
    /// The execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// The node of the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_id: Option<String>,
    /// The business calendar in which its hours are counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// When it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// When it is to be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_up_at: Option<Timestamp>,
    /// How long it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla: Option<Sla>,
    /// Until when it must be answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sla_deadline: Option<Timestamp>,
    /// How it stands with its time.
    pub sla_status: SlaStatus,
    /// The escalation chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<ChainStep>,
    /// How many steps of it were taken.
    #[serde(default)]
    pub chain_at: usize,
    /// Who may not answer.
    #[serde(default)]
    pub separation: Separation,
    /// How many must say the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quorum: Option<Quorum>,
    /// The answers.
    #[serde(default)]
    pub answers: Vec<Answer>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// What was filled in, by whoever decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Map<String, Value>>,
    /// What belongs to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The digest of what is shown.
    pub shown_hash: String,
    /// What is to happen by itself, the first one first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timers: Vec<Timer>,
    /// The number of the job that waits for the first of them: a job of another number is an old one.
    #[serde(default)]
    pub timer: u64,
    /// Where the outcome goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuation: Option<Continuation>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Task {
    /// Everybody who takes part: who has it, who may claim it, and who has answered.
    pub fn parts(&self) -> impl Iterator<Item = &Who> {
        let given = self.answers.iter().map(|answer| &answer.by);
        self.assignee.iter().chain(&self.candidates).chain(&self.delegated_by).chain(given)
    }
}

impl Document for Task {
    const KIND: &'static Kind = &TASK;
}

impl Owned for Task {
    const RESOURCE: Resource = Resource::Tasks;
    const NOUN: &'static str = "task";

    fn takes_part(&self, caller: &Caller) -> bool {
        let all = Who::all_of(caller);
        self.parts().any(|part| all.contains(part))
    }

    fn with_part_of(caller: &Caller) -> Option<Filter> {
        Some(among(&Who::all_of(caller)))
    }
}

/// The tasks in which one of these takes part.
#[must_use]
pub fn among(all: &[Who]) -> Filter {
    Filter::Or(all.iter().map(|who| Filter::Matches(who.word())).collect())
}
