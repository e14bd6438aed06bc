//! What happened to a task, entry by entry: nothing of it is ever trimmed, so entries are documents and no log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::who::Who;
use crate::kernel::id::UserId;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of entries.
pub static TASK_ENTRY: Kind = Kind {
    fields: &[Field { name: "task", of: FieldType::Id }, Field { name: "what", of: FieldType::Text }],
    private: &["text"],
    ..Kind::new("task_entry")
};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The task was made.
    Created,
    /// It was given to somebody.
    Assigned,
    /// A candidate took it.
    Claimed,
    /// Its assignee passed it on.
    Delegated,
    /// Its assignee gave it back to the candidates.
    Released,
    /// Its answer was put off.
    Deferred,
    /// The moment came until which it was put off, or at which it was to be looked at.
    FollowUp,
    /// Its due time passed.
    Due,
    /// Its time is nearly over.
    SlaWarning,
    /// Its time is over.
    SlaBreached,
    /// It went on to the next of the escalation chain.
    Escalated,
    /// Somebody answered.
    Answered,
    /// It ended.
    Completed,
    /// It was withdrawn by what had opened it.
    Cancelled,
    /// A comment.
    Commented,
    /// A file or document was added.
    Attached,
    /// A link was made by which one person can answer.
    Linked,
}

impl What {
    /// The name, as it is written.
    #[must_use]
    pub fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
    }
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The task.
    pub task: Uuid,
    /// What happened.
    pub what: What,
    /// Who did it; nobody where a timer did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Who>,
    /// The person for whom it was done, where an agent did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// More about it.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub detail: Value,
}

impl Document for Entry {
    const KIND: &'static Kind = &TASK_ENTRY;
}
