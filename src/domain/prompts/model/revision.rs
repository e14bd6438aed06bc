//! A revision of a prompt: a content with who wrote it and why. Nothing of it changes but that it gets a version once, when it is
//! published.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::prompt::id_of;
use crate::domain::prompts::engine::content::Content;
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Across, Document, Field, FieldType, Kind, Unique};

/// The kind of revisions.
pub static REVISION: Kind = Kind {
    fields: &[
        Field { name: "promptId", of: FieldType::Text },
        Field { name: "revision", of: FieldType::Integer },
        Field { name: "version", of: FieldType::Text },
        Field { name: "digest", of: FieldType::Text },
    ],
    unique: &[Unique { name: "version", fields: &["promptId", "version"], across: Across::Tenant }],
    private: &["content"],
    ..Kind::new("prompt_revision")
};

/// A revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// The prompt.
    pub prompt_id: String,
    /// Its number.
    pub revision: u32,
    /// Its version, once it is published.
    pub version: Option<String>,
    /// The version that it would have become when it was written.
    pub meant: String,
    /// The digest of its content.
    pub digest: String,
    /// Its content.
    pub content: Content,
    /// Who wrote it; nobody where it was a file.
    pub author: Option<UserId>,
    /// What is new in it.
    pub message: Option<String>,
    /// When it was written.
    pub written_at: Timestamp,
    /// When it was published.
    pub published_at: Option<Timestamp>,
    /// How its contract cases ended when they were last run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tested: Option<Tested>,
}

/// How contract cases ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tested {
    /// How many answers were as they must be.
    pub passed: usize,
    /// How many were not.
    pub failed: usize,
    /// When they were run.
    pub at: Timestamp,
}

impl Revision {
    /// The id of the document of a revision.
    #[must_use]
    pub fn id(prompt_id: &str, revision: u32) -> Uuid {
        id_of(&format!("prompt revision\n{prompt_id}\n{revision}"))
    }

    /// What it is called: its version, or the one that it is a draft of.
    #[must_use]
    pub fn called(&self) -> String {
        self.version.clone().unwrap_or_else(|| format!("{}-draft.{}", self.meant, self.revision))
    }
}

impl Document for Revision {
    const KIND: &'static Kind = &REVISION;
}
