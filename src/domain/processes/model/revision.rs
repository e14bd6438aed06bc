//! A revision of a process: a definition with who wrote it and why. Nothing of it changes but that it gets a version once, when it is
//! published.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::process::id_of;
use crate::capability::bound::Bound;
use crate::capability::permit::Grants;
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
    /// What whoever published it could do then: what is done by it is within that, whoever starts it. None for what was published before this
    /// was kept, and for what the installation brings along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<Grants>,
    /// When it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
}

impl Revision {
    /// What is done by it is within this.
    #[must_use]
    pub(crate) fn bound(&self) -> Option<Bound> {
        let of = format!("version {} of the process '{}'", self.called(), self.process_id);
        self.granted.map(|grants| Bound { grants, of })
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_published_before_grants_were_kept_is_not_bound() {
        let mut written = serde_json::json!({
            "processId": "order", "revision": 3, "branch": "main", "parents": [], "version": "1.0.0", "meant": "1.0.0", "digest": "",
            "definition": { "nodes": [], "edges": [] }, "author": UserId::from_uuid(Uuid::nil()), "writtenAt": Timestamp::from_millis(0),
        });
        let read = |written: &serde_json::Value| serde_json::from_value::<Revision>(written.clone()).unwrap().bound();
        assert_eq!(read(&written), None);
        written["granted"] = serde_json::json!(["users:read"]);
        let bound = read(&written).unwrap();
        assert_eq!(
            (bound.grants, bound.of.as_str()),
            (Grants::parse("users:read").unwrap(), "version 1.0.0 of the process 'order'")
        );
    }
}
