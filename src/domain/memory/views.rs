//! Memories as they are told.

use schemars::JsonSchema;
use serde::Serialize;

use super::model::memory::{Memory, MemoryKind, Scope, Source, State, Trust};
use crate::capability::owned::Stored;
use crate::kernel::id::{CallId, MemoryId, UserId};
use crate::kernel::time::Timestamp;

/// A memory.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemoryView {
    /// Its id.
    memory_id: MemoryId,
    /// Its revision.
    revision: i64,
    /// What it says.
    text: String,
    /// What kind of thing it is.
    kind: MemoryKind,
    /// Whose it is.
    scope: Scope,
    /// Which workspace, agent, session or other user.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope_id: Option<String>,
    /// What it is about: of two that are about the same only the later one is believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<String>,
    /// Words to find it by.
    tags: Vec<String>,
    /// How much it matters, from 0 to 1.
    importance: f64,
    /// How far it can be trusted.
    trust: Trust,
    /// Whether it is still believed.
    state: State,
    /// Where it comes from, the first source first.
    sources: Vec<Source>,
    /// Who wrote it.
    written_by: UserId,
    /// The agent that wrote it for them, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    written_by_agent: Option<String>,
    /// The request that wrote it, as the audit log knows it.
    request_id: CallId,
    /// Since when it is so, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<Timestamp>,
    /// Until when it is so, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to: Option<Timestamp>,
    /// Since when it is believed.
    recorded_at: Timestamp,
    /// Until when it was believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    /// From when on it is put aside by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// When it was last said.
    said_at: Timestamp,
    /// How often it was said.
    times_said: u32,
    /// The memory that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    superseded_by: Option<MemoryId>,
    /// The memories that it took the place of.
    supersedes: Vec<MemoryId>,
}

impl MemoryView {
    pub(super) fn of(stored: Stored<Memory>) -> Self {
        let Stored { id, revision, value: memory, .. } = stored;
        Self {
            memory_id: MemoryId::from_uuid(id),
            revision,
            text: memory.text,
            kind: memory.kind,
            scope: memory.scope,
            scope_id: memory.scope_id,
            about: memory.about,
            tags: memory.tags,
            importance: f64::from(memory.importance) / 1000.0,
            trust: memory.trust,
            state: memory.state,
            sources: memory.source,
            written_by: memory.writer.user_id,
            written_by_agent: memory.writer.agent_id,
            request_id: memory.writer.request_id,
            valid_from: memory.valid_from,
            valid_to: memory.valid_to,
            recorded_at: memory.recorded_at,
            ended_at: memory.ended_at,
            expires_at: memory.expires_at,
            said_at: memory.said_at,
            times_said: memory.times_said,
            superseded_by: memory.superseded_by.map(MemoryId::from_uuid),
            supersedes: memory.supersedes.into_iter().map(MemoryId::from_uuid).collect(),
        }
    }
}
