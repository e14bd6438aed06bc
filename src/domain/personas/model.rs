//! A persona of a tenant. Every version of it is kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::prompts::engine::content::Check;
use crate::kernel::id::UserId;
use crate::kernel::seal::{sha256, sha256_hex};
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of personas.
pub(super) static PERSONA: Kind = Kind {
    fields: &[Field { name: "personaId", of: FieldType::Text }],
    history: true,
    private: &["profile"],
    ..Kind::new("persona")
};

/// A turn that shows how the persona speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Turn {
    /// What somebody says.
    #[schemars(length(min = 1, max = 4000))]
    pub user: String,
    /// What the persona answers.
    #[schemars(length(min = 1, max = 8000))]
    pub assistant: String,
}

/// Who a persona is: what its versions differ in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Its name in words.
    pub title: String,
    /// Who it is in short, for choosing it.
    pub description: String,
    /// Its role.
    pub role: String,
    /// What it knows much of.
    #[serde(default)]
    pub expertise: Vec<String>,
    /// How it sounds.
    #[serde(default)]
    pub tone: String,
    /// What it is like.
    #[serde(default)]
    pub traits: Vec<String>,
    /// What it keeps to.
    #[serde(default)]
    pub rules: Vec<String>,
    /// What it is found by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How it speaks.
    #[serde(default)]
    pub examples: Vec<Turn>,
    /// What else it is told, as a template.
    #[serde(default)]
    pub instructions: String,
    /// What its text must be.
    #[serde(default)]
    pub checks: Vec<Check>,
}

impl Profile {
    /// The SHA-256 of what it says.
    pub fn digest(&self) -> String {
        // A profile is texts and maps with names: it can always be written.
        let mut value = serde_json::to_value(self).unwrap_or_default();
        value.sort_all_objects();
        sha256_hex(value.to_string().as_bytes())
    }
}

/// A persona.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the name of the contract")]
pub(super) struct Persona {
    /// Its id: its first title as words of small letters and digits joined by `-`.
    pub(super) persona_id: String,
    /// Its version.
    pub(super) version: String,
    /// Who it is.
    pub(super) profile: Profile,
    /// Who wrote this version.
    pub(super) author: UserId,
    /// What is new in it.
    pub(super) message: Option<String>,
    /// The version of the file that it began as, where it did: the tenant's first version is the next one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) file: Option<String>,
}

impl Persona {
    /// The id of the document of a persona, the same in every tenant.
    pub(super) fn id(persona_id: &str) -> Uuid {
        let mut half = [0; 16];
        half.copy_from_slice(&sha256(format!("persona\n{persona_id}").as_bytes())[..16]);
        uuid::Builder::from_custom_bytes(half).into_uuid()
    }
}

impl Document for Persona {
    const KIND: &'static Kind = &PERSONA;
}

impl Owned for Persona {
    const RESOURCE: Resource = Resource::Personas;
    const NOUN: &'static str = "persona";
}
