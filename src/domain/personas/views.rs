//! How personas are told.

use schemars::JsonSchema;
use serde::Serialize;

use super::finding::OneVersion;
use super::model::Turn;
use crate::domain::prompts::engine::content::{Check, Source};
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;

/// A persona in short.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Brief {
    /// Its id.
    pub(super) persona_id: String,
    /// Its name.
    pub(super) name: String,
    /// Who it is in short.
    pub(super) description: String,
    /// Its role.
    pub(super) role: String,
    /// What it knows much of.
    pub(super) expertise: Vec<String>,
    /// How it sounds.
    pub(super) tone: String,
    /// What it is found by.
    pub(super) tags: Vec<String>,
    /// Its present version.
    pub(super) version: String,
    /// Where it comes from.
    pub(super) source: Source,
}

/// A persona in one version.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Full {
    /// The persona.
    #[serde(flatten)]
    pub(super) brief: Brief,
    /// The SHA-256 of what this version says.
    pub(super) digest: String,
    /// What it is like.
    pub(super) traits: Vec<String>,
    /// What it keeps to.
    pub(super) rules: Vec<String>,
    /// How it speaks.
    pub(super) examples: Vec<Turn>,
    /// What else it is told, as a template.
    pub(super) instructions: String,
    /// What its text must be.
    pub(super) checks: Vec<Check>,
    /// What a model is told: the text in front of a conversation.
    pub(super) system_prompt: String,
    /// The user who wrote this version; nobody where it came as a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) author: Option<UserId>,
    /// What is new in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// When it was written; left out for files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) written_at: Option<Timestamp>,
}

impl Brief {
    pub(super) fn of(persona_id: &str, one: &OneVersion) -> Self {
        let profile = &one.profile;
        Self {
            persona_id: persona_id.to_owned(),
            name: profile.title.clone(),
            description: profile.description.clone(),
            role: profile.role.clone(),
            expertise: profile.expertise.clone(),
            tone: profile.tone.clone(),
            tags: profile.tags.clone(),
            version: one.version.clone(),
            source: if one.persona.is_some() { Source::Tenant } else { Source::File },
        }
    }
}

impl Full {
    pub(super) fn of(persona_id: &str, one: OneVersion, system_prompt: String) -> Self {
        let brief = Brief::of(persona_id, &one);
        let (author, message, written_at) = match one.persona {
            Some(stored) => (Some(stored.value.author), stored.value.message, Some(stored.updated_at)),
            None => (None, None, None),
        };
        let digest = one.profile.digest();
        Self {
            brief,
            digest,
            traits: one.profile.traits,
            rules: one.profile.rules,
            examples: one.profile.examples,
            instructions: one.profile.instructions,
            checks: one.profile.checks,
            system_prompt,
            author,
            message,
            written_at,
        }
    }
}
