//! A prompt or block of a tenant: what it is called and which of its versions stand for which label. The versions themselves
//! are documents of their own and never change.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::kernel::id::UserId;
use crate::kernel::seal::sha256;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of prompts.
pub static PROMPT: Kind = Kind {
    fields: &[Field { name: "promptId", of: FieldType::Text }, Field { name: "kind", of: FieldType::Text }],
    private: &["description"],
    ..Kind::new("prompt")
};

/// The most moves of a label that are kept.
const MOST_MOVES: usize = 50;

/// What one is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PromptKind {
    /// It is used by itself.
    #[default]
    Prompt,
    /// Prompts include it.
    Block,
}

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prompt {
    /// Its id: its name as words of small letters and digits joined by `-`. It never changes.
    pub prompt_id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it is found by.
    pub tags: Vec<String>,
    /// Whether it is a block.
    pub kind: PromptKind,
    /// Counts its contents from 1: the newest.
    pub revision: u32,
    /// The newest version that was published.
    pub published: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, Label>,
    /// The digest of the file that it began as, where it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<String>,
}

/// A label.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// The versions that it stands for.
    pub targets: Vec<Target>,
    /// The role that may move it, where not everybody who may change the prompt.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub role: Option<String>,
    /// What it stood for before, newest last.
    pub moves: Vec<Move>,
}

/// A version that a label stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The version.
    pub version: String,
    /// Its share of the sessions, against the others' weights.
    pub weight: u32,
}

/// A move of a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Move {
    /// What it stood for before.
    pub before: Vec<Target>,
    /// What it stands for since.
    pub after: Vec<Target>,
    /// Who moved it.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
}

impl Label {
    /// Lets it stand for other versions.
    pub fn set(&mut self, targets: Vec<Target>, by: UserId, at: Timestamp, message: Option<String>) {
        let before = std::mem::replace(&mut self.targets, targets.clone());
        self.moves.push(Move { before, after: targets, by, at, message });
        let old = self.moves.len().saturating_sub(MOST_MOVES);
        self.moves.drain(..old);
    }

    /// What it stood for before its last move.
    #[must_use]
    pub fn before(&self) -> Option<&[Target]> {
        self.moves.last().map(|last| last.before.as_slice()).filter(|targets| !targets.is_empty())
    }
}

impl Target {
    /// The whole of a label.
    #[must_use]
    pub fn only(version: impl Into<String>) -> Self {
        Self { version: version.into(), weight: 100 }
    }
}

impl Prompt {
    /// The id of the document of a prompt, the same in every tenant.
    #[must_use]
    pub fn id(prompt_id: &str) -> Uuid {
        id_of(&format!("prompt\n{prompt_id}"))
    }
}

/// An id that is made of a text.
pub(super) fn id_of(text: &str) -> Uuid {
    let mut half = [0; 16];
    half.copy_from_slice(&sha256(text.as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}

impl Document for Prompt {
    const KIND: &'static Kind = &PROMPT;
}

impl Owned for Prompt {
    const RESOURCE: Resource = Resource::Prompts;
    const NOUN: &'static str = "prompt";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_keeps_what_it_stood_for() {
        let user = UserId::from_uuid(Uuid::nil());
        let mut label = Label::default();
        assert_eq!(label.before(), None);
        for number in 0..=MOST_MOVES {
            let target = vec![Target::only(format!("1.0.{number}"))];
            label.set(target, user, Timestamp::from_millis(0), None);
        }
        assert_eq!(label.moves.len(), MOST_MOVES);
        assert_eq!(label.before().unwrap(), [Target::only("1.0.49")]);
    }
}
