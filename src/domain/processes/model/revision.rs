//! A revision of a process: a definition with who wrote it and why. Nothing of it changes but that it gets a version once, when it is
//! published.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::process::id_of;
use crate::domain::processes::engine::definition::Definition;
use crate::kernel::id::UserId;
use crate::kernel::seal::sha256;
use crate::kernel::time::Timestamp;
use crate::port::records::{Across, Document, Field, FieldType, Kind, Unique};

/// The kind of revisions.
pub(in crate::domain::processes) static PROCESS_REVISION: Kind = Kind {
    fields: &[
        Field { name: "processId", of: FieldType::Text },
        Field { name: "revision", of: FieldType::Integer },
        Field { name: "version", of: FieldType::Text },
        Field { name: "branch", of: FieldType::Text },
    ],
    unique: &[Unique { name: "version", fields: &["processId", "version"], across: Across::Tenant }],
    private: &["definition"],
    ..Kind::new("process_revision")
};

/// A revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names by which clients know them")]
pub(crate) struct Revision {
    /// The process.
    pub process_id: String,
    /// Its number.
    pub revision: u32,
    /// The branch that it was written on.
    pub branch: String,
    /// The revisions that it was made of: one, two where branches were merged, none for the first.
    pub parents: Vec<u32>,
    /// Its version, once it is published.
    pub version: Option<String>,
    /// The version that it would have become when it was written.
    pub meant: String,
    /// The digest of the definition.
    pub digest: String,
    /// The definition.
    pub definition: Definition,
    /// Who wrote it.
    pub author: UserId,
    /// What is new in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was written.
    pub written_at: Timestamp,
    /// When it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
}

impl Revision {
    /// The id of the document of a revision.
    #[must_use]
    pub(crate) fn id(process_id: &str, revision: u32) -> Uuid {
        id_of(&format!("process revision\n{process_id}\n{revision}"))
    }

    /// What it is called: its version, or the one that it is a draft of.
    #[must_use]
    pub(crate) fn called(&self) -> String {
        self.version.clone().unwrap_or_else(|| format!("{}-draft.{}", self.meant, self.revision))
    }

    /// The digest of a definition: the same for the same nodes, edges, variables and lanes.
    #[must_use]
    pub(crate) fn digest_of(definition: &Definition) -> String {
        let text = serde_json::to_vec(definition).unwrap_or_default();
        sha256(&text).iter().fold(String::new(), |all, byte| all + &format!("{byte:02x}"))
    }
}

impl Document for Revision {
    const KIND: &'static Kind = &PROCESS_REVISION;
}
