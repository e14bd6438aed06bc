//! An execution: which version of a process it runs, for whom, and where it is. It is written with every step, in the commit of what that
//! step brings about.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::bound::Bound;
use crate::capability::caller::Principal;
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::processes::engine::interpreter::{Failure, Happening, State, TokenId, Wish};
use crate::kernel::id::{KeyId, UserId};
use crate::kernel::seal::sha256;
use crate::kernel::time::Timestamp;
use crate::kernel::trace::TraceContext;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of executions. What they know stays out of the audit log.
pub(in crate::domain::executions) static EXECUTION: Kind = Kind {
    fields: &[
        Field { name: "processId", of: FieldType::Text },
        Field { name: "version", of: FieldType::Text },
        Field { name: "status", of: FieldType::Text },
        Field { name: "startedAt", of: FieldType::Time },
        Field { name: "endedAt", of: FieldType::Time },
        Field { name: "parent", of: FieldType::Id },
    ],
    text: &["marks"],
    largest: LARGEST,
    private: &["state", "held", "marks", "failure", "result"],
    ..Kind::new("execution")
};

/// The most bytes of an execution as it is written, with every step: where a step would make it larger, the step fails.
pub(in crate::domain::executions) const LARGEST: usize = 8 << 20;

/// The queue of what happened to executions, and of what ends them: it is never kept waiting by what they wish.
pub const QUEUE: &str = "executions";
/// The queue of what executions wish.
pub(in crate::domain::executions) const WORK: &str = "execution_work";

/// How an execution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::executions) enum Status {
    /// It was made and not begun.
    Held,
    /// It runs, or waits for what it wished.
    Running,
    /// It takes no new steps until it is resumed.
    Paused,
    /// It came to its end.
    Completed,
    /// It failed; it can be recovered.
    Failed,
    /// It was called off.
    Cancelled,
    /// What it had done was taken back.
    Compensated,
}

/// An execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Execution {
    /// The process.
    pub process_id: String,
    /// The version that it keeps to.
    pub version: String,
    /// The number of the definition.
    pub revision: u32,
    /// How it stands.
    pub status: Status,
    /// Where it is.
    pub state: State,
    /// On whose behalf it runs.
    pub user: UserId,
    /// The key by which it was started, if it was by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyId>,
    /// What may be done at most, where what started it was itself within a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
    /// Smaller comes first among what is due.
    #[serde(default)]
    pub priority: i32,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The node at which it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<String>,
    /// What it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Map<String, serde_json::Value>>,
    /// The document of the execution that runs it as a part of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Uuid>,
    /// The token of the parent that waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_token: Option<TokenId>,
    /// The item of the parent's list that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_item: Option<usize>,
    /// The attempt of the parent's step that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_attempt: Option<u32>,
    /// The one above all that lie above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Uuid>,
    /// How many executions lie above it.
    #[serde(default)]
    pub depth: u32,
    /// How many subscriptions it took to start it.
    #[serde(default)]
    pub hops: u32,
    /// The place in a trace of the call that started it, where somebody follows that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<TraceContext>,
    /// What it wishes and is not to be begun while it is paused or held.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Wish>,
    /// Words by which it is found by the values of its variables.
    #[serde(default)]
    pub marks: String,
}

/// What is to be done for an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) enum Todo {
    /// What it wishes.
    Wish(Wish),
    /// What it wishes and somebody wants done by itself, also where the execution is paused.
    Step(Wish),
    /// What happened, to be told to it.
    Happening(Happening),
    /// It is called off, because what ran it is over.
    Cancel,
}

/// A job of the queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Work {
    /// The execution.
    pub execution: Uuid,
    /// What is to be done.
    pub todo: Todo,
}

impl Status {
    /// Whether nothing more happens by itself.
    #[must_use]
    pub(in crate::domain::executions) const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Compensated)
    }

    /// The name.
    #[must_use]
    pub(in crate::domain::executions) const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Compensated => "compensated",
        }
    }
}

impl Execution {
    /// By which principal it works.
    #[must_use]
    pub(in crate::domain::executions) fn principal(&self) -> Principal {
        self.key.map_or(Principal::LocalOwner, Principal::Key)
    }

    /// The words by which it is found by what it knows.
    #[must_use]
    pub(in crate::domain::executions) fn marks_of(variables: &serde_json::Map<String, serde_json::Value>) -> String {
        let scalar = |value: &serde_json::Value| !value.is_object() && !value.is_array();
        let marks =
            variables.iter().filter(|(_, value)| scalar(value)).take(100).map(|(name, value)| mark(name, value));
        marks.collect::<Vec<_>>().join(" ")
    }
}

/// The word for a variable with a value.
#[must_use]
pub(in crate::domain::executions) fn mark(name: &str, value: &serde_json::Value) -> String {
    let digest = sha256(format!("{name}\n{value}").as_bytes());
    digest[..10].iter().fold("v".to_owned(), |word, byte| format!("{word}{byte:02x}"))
}

impl Document for Execution {
    const KIND: &'static Kind = &EXECUTION;
}

impl Owned for Execution {
    const RESOURCE: Resource = Resource::Executions;
    const NOUN: &'static str = "execution";
}
