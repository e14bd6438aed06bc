//! How agents are told.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::model::agent::{Agent, Profile, State};
use crate::capability::owned::Stored;
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;

/// An agent in short.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Brief {
    /// Its id.
    pub(super) agent_id: String,
    /// Its name.
    name: String,
    /// What it is for.
    description: String,
    /// What it is found by.
    tags: Vec<String>,
    /// Whether it works.
    state: State,
    /// Its present version.
    version: u32,
    /// The user who owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<UserId>,
}

/// An agent in one version.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Full {
    /// Its id.
    pub(super) agent_id: String,
    /// The version.
    pub(super) version: u32,
    /// Whether it works.
    pub(super) state: State,
    #[serde(flatten)]
    profile: Profile,
    /// The user who owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<UserId>,
    /// The user who wrote this version.
    author: UserId,
    /// What is new in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// When it was written.
    written_at: Timestamp,
}

/// A version in the history of an agent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionView {
    /// The version.
    version: u32,
    /// Whether it worked.
    state: State,
    /// The user who wrote it.
    author: UserId,
    /// What was new in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// When it was written.
    written_at: Timestamp,
}

impl Brief {
    pub(super) fn of(stored: Stored<Agent>) -> Self {
        let Agent { agent_id, version, state, profile, .. } = stored.value;
        let Profile { name, description, tags, .. } = profile;
        Self { agent_id, name, description, tags, state, version, owner: stored.owner.map(UserId::from_uuid) }
    }
}

impl Full {
    pub(super) fn of(agent: Agent, owner: Option<Uuid>, written_at: Timestamp) -> Self {
        let Agent { agent_id, version, state, profile, author, message } = agent;
        let owner = owner.map(UserId::from_uuid);
        Self { agent_id, version, state, profile, owner, author, message, written_at }
    }

    pub(super) fn stored(stored: Stored<Agent>) -> Self {
        Self::of(stored.value, stored.owner, stored.updated_at)
    }
}

impl VersionView {
    pub(super) fn of(stored: &Stored<Agent>) -> Self {
        let Agent { version, state, author, message, .. } = &stored.value;
        Self {
            version: *version,
            state: *state,
            author: *author,
            message: message.clone(),
            written_at: stored.updated_at,
        }
    }
}
