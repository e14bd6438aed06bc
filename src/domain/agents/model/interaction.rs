//! An interaction with an agent that was taken in: what it was about, how good it was, and what was learned of it. By it the same interaction is
//! learned of once, and what is said of an agent's work adds up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::knowledge::knowing::InGraph;
use crate::domain::memory::recalling::Trust;
use crate::kernel::id::{FeedbackId, MemoryId};
use crate::kernel::seal::sha256;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of interactions.
pub(crate) static AGENT_INTERACTION: Kind = Kind {
    fields: &[Field { name: "agentId", of: FieldType::Text }, Field { name: "executionId", of: FieldType::Text }],
    private: &["lessons", "topic"],
    ..Kind::new("agent_interaction")
};

/// What an agent is to remember of an interaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Lesson {
    pub(crate) text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) about: Option<String>,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) importance: Option<f64>,
    pub(crate) trust: Trust,
    /// What became of it, once it is remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<(MemoryId, String)>,
}

/// How a memory was weighed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Weighed {
    /// The memory.
    pub(crate) memory_id: MemoryId,
    /// How much it mattered before, from 0 to 1.
    pub(crate) before: f64,
    /// How much it matters now.
    pub(crate) after: f64,
}

/// An interaction.
#[expect(clippy::struct_field_names, reason = "the id has a name of its own beside others")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Interaction {
    pub(crate) agent_id: String,
    pub(crate) interaction_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) execution_id: Option<String>,
    /// The digest of what was given.
    pub(crate) digest: String,
    /// What it was about, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) topic: Option<String>,
    /// How good it was, in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) permille: Option<u32>,
    /// The tools that the run called, and how often each failed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tools: BTreeMap<String, u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) feedback_id: Option<FeedbackId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) facts: Vec<InGraph>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) lessons: Vec<Lesson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) weighed: Vec<Weighed>,
    /// The model that drew something out of it, and how much of what it said was dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<(String, usize)>,
}

impl Interaction {
    /// The id of somebody's interaction with an agent.
    pub(crate) fn id(agent_id: &str, user: Uuid, interaction_id: &str) -> Uuid {
        let mut half = [0; 16];
        let text = format!("agent interaction\n{agent_id}\n{user}\n{interaction_id}");
        half.copy_from_slice(&sha256(text.as_bytes())[..16]);
        uuid::Builder::from_custom_bytes(half).into_uuid()
    }
}

impl Document for Interaction {
    const KIND: &'static Kind = &AGENT_INTERACTION;
}
