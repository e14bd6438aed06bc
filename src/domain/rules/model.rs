//! A rule set and its versions. What a version says never changes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::rules::content::Rules;
use crate::kernel::id::UserId;
use crate::kernel::seal::sha256;
use crate::kernel::time::Timestamp;
use crate::port::records::{Across, Document, Field, FieldType, Kind, Unique};

/// The kind of rule sets.
pub(super) static RULE_SET: Kind =
    Kind { fields: &[Field { name: "ruleSetId", of: FieldType::Text }], ..Kind::new("rule_set") };

/// The kind of their versions.
pub(super) static RULE_VERSION: Kind = Kind {
    fields: &[
        Field { name: "ruleSetId", of: FieldType::Text },
        Field { name: "version", of: FieldType::Integer },
        Field { name: "digest", of: FieldType::Text },
    ],
    unique: &[Unique { name: "version", fields: &["ruleSetId", "version"], across: Across::Tenant }],
    private: &["rules"],
    ..Kind::new("rule_version")
};

/// A rule set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the name of the contract")]
pub(super) struct RuleSet {
    /// Its id: its first name as words of small letters and digits joined by `-`.
    pub(super) rule_set_id: String,
    /// Its name.
    pub(super) name: String,
    /// What it is about.
    pub(super) description: String,
    /// Its newest version.
    pub(super) version: u32,
    /// The digest of what that says.
    pub(super) digest: String,
}

impl RuleSet {
    /// The id of the document, the same in every tenant.
    pub(super) fn id(rule_set_id: &str) -> Uuid {
        id(&format!("rule_set\n{rule_set_id}"))
    }
}

impl Document for RuleSet {
    const KIND: &'static Kind = &RULE_SET;
}

impl Owned for RuleSet {
    const RESOURCE: Resource = Resource::Rules;
    const NOUN: &'static str = "rule set";
}

/// A version of a rule set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleVersion {
    /// The rule set.
    pub(super) rule_set_id: String,
    /// The version, from 1.
    pub(super) version: u32,
    /// The digest of what it says.
    pub(super) digest: String,
    /// What it says.
    pub(super) rules: Rules,
    /// Who wrote it.
    pub(super) author: UserId,
    /// What is new in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// When it was written.
    pub(super) written_at: Timestamp,
}

impl RuleVersion {
    /// The id of the document of a version.
    pub(super) fn id(rule_set_id: &str, version: u32) -> Uuid {
        id(&format!("rule_version\n{rule_set_id}\n{version}"))
    }
}

impl Document for RuleVersion {
    const KIND: &'static Kind = &RULE_VERSION;
}

fn id(of: &str) -> Uuid {
    let mut half = [0; 16];
    half.copy_from_slice(&sha256(of.as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}
