//! The journal: what happened in an execution, in order, never changed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::processes::engine::interpreter::{Entry, TokenId};
use crate::kernel::id::UserId;
use crate::port::logs::{Keep, Log};
use crate::port::records::{Field, FieldType};

/// The journal of all executions; the stream is the execution's id.
pub(in crate::domain::executions) static JOURNAL: Log = Log {
    name: "execution_journal",
    fields: &[Field { name: "event", of: FieldType::Text }, Field { name: "node", of: FieldType::Text }],
    text: &[],
    keep: Keep { age: Duration::from_hours(24 * 365), entries: 20_000_000 },
    followed: false,
};

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(in crate::domain::executions) enum Line {
    /// Of the play.
    Played(Entry),
    /// Of somebody who did something to the execution.
    Done(Deed),
    /// Of what an activity said when it was done.
    Said(Saying),
}

/// What an activity said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Saying {
    /// `said`.
    pub event: String,
    /// The node.
    pub node: String,
    /// The visit.
    pub token: TokenId,
    /// The item that it was done for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<usize>,
    /// What, at most `LONGEST_SAYING` bytes of it.
    pub text: String,
}

/// So many bytes are kept of what an activity says.
const LONGEST_SAYING: usize = 2_000;

impl Saying {
    pub(in crate::domain::executions) fn of(node: &str, token: TokenId, item: Option<usize>, text: &str) -> Self {
        let mut end = text.len().min(LONGEST_SAYING);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut kept = text[..end].to_owned();
        if end < text.len() {
            kept.push('…');
        }
        Self { event: "said".to_owned(), node: node.to_owned(), token, item, text: kept }
    }
}

/// What somebody did to an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Deed {
    /// What: `started`, `paused`, `resumed`, `cancelled`, `recovered`, `migrated`, `signalled`.
    pub event: String,
    /// Who.
    pub by: UserId,
    /// What else is to be said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}
