//! A version of a flow. What it says never changes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::definition::Definition;
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Across, Document, Field, FieldType, Kind, Unique};

/// The kind of versions.
pub(in crate::domain::flows) static FLOW_VERSION: Kind = Kind {
    fields: &[Field { name: "flowId", of: FieldType::Text }, Field { name: "version", of: FieldType::Text }],
    unique: &[Unique { name: "version", fields: &["flowId", "version"], across: Across::Tenant }],
    private: &["definition"],
    ..Kind::new("flow_version")
};

/// A version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names by which clients know them")]
pub(in crate::domain::flows) struct Version {
    /// The flow.
    pub flow_id: String,
    /// The version, such as `1.0.0`.
    pub version: String,
    /// Counts the flow's versions from 1.
    pub revision: u32,
    /// What it says.
    pub definition: Definition,
    /// Who wrote it.
    pub author: UserId,
    /// What is new in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was written.
    pub written_at: Timestamp,
}

impl Version {
    /// The id of the document of a version.
    pub(in crate::domain::flows) fn id(flow_id: &str, version: &str) -> Uuid {
        super::id_of(&format!("flow_version\n{flow_id}\n{version}"))
    }
}

impl Document for Version {
    const KIND: &'static Kind = &FLOW_VERSION;
}

/// The three numbers of a version.
pub(in crate::domain::flows) fn numbers(version: &str) -> Option<[u32; 3]> {
    let mut parts = version.split('.').map(|part| {
        let plain = !part.is_empty() && part.chars().all(|one| one.is_ascii_digit());
        (plain && (part.len() == 1 || !part.starts_with('0'))).then(|| part.parse::<u32>().ok()).flatten()
    });
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

/// The version that comes after one: its last number grows.
pub(in crate::domain::flows) fn after(version: &str) -> String {
    let [major, minor, patch] = numbers(version).unwrap_or([0, 0, 0]);
    format!("{major}.{minor}.{}", patch.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_have_three_numbers_and_the_last_one_grows() {
        assert_eq!(numbers("1.20.3"), Some([1, 20, 3]));
        for none in ["", "1.2", "1.2.3.4", "1.2.x", "01.2.3", "1.2.-3", "1.2.3-beta", "1..3", "99999999999.0.0"] {
            assert_eq!(numbers(none), None, "{none}");
        }
        assert_eq!(after("1.2.9"), "1.2.10");
    }
}
