//! What is kept, how long, and what is put aside: a policy for each scope.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::memory::{MemoryKind, Scope, Trust};
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::kernel::seal::sha256;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of policies.
pub(crate) static MEMORY_POLICY: Kind =
    Kind { fields: &[Field { name: "scope", of: FieldType::Text }], history: true, ..Kind::new("memory_policy") };

/// What is kept of the memories of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Policy {
    /// Whose memories it is for.
    pub(crate) scope: Scope,
    /// Days after which a memory is forgotten that nobody said again; never when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 36_500))]
    pub(crate) forget_after_days: Option<u32>,
    /// Days after which one is put aside that nobody said again and that matters less than `keepFromImportance`; never when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 36_500))]
    pub(crate) retire_after_days: Option<u32>,
    /// From this importance on nothing is put aside by age: 0.7 when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) keep_from_importance: Option<Share>,
    /// Days after which superseded and retired ones are forgotten; never when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 36_500))]
    pub(crate) forget_ended_after_days: Option<u32>,
    /// The most memories of one user, workspace, agent or session that are believed at once; what matters least and is oldest is put aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) most: Option<u32>,
    /// Kinds that the policy leaves alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 6))]
    pub(crate) except: Vec<MemoryKind>,
    /// What agents may be reminded of when they begin to work, by how far it can be trusted: all but `untrusted` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3))]
    pub(crate) recall: Option<Vec<Trust>>,
}

/// A share between 0 and 1, kept in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share(pub(crate) u16);

impl Share {
    /// Of a number between 0 and 1.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
    pub(crate) fn of(number: f64) -> Self {
        Self((number.clamp(0.0, 1.0) * 1000.0).round() as u16)
    }

    /// As a number between 0 and 1.
    #[must_use]
    pub(crate) fn number(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}

impl Serialize for Share {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.number())
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::of)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "number", "minimum": 0, "maximum": 1 })
    }
}

impl Policy {
    /// The id of the document of a scope's policy.
    #[must_use]
    pub(crate) fn id(scope: Scope) -> Uuid {
        let mut half = [0; 16];
        half.copy_from_slice(&sha256(format!("memory policy\n{scope:?}").as_bytes())[..16]);
        uuid::Builder::from_custom_bytes(half).into_uuid()
    }
}

impl Document for Policy {
    const KIND: &'static Kind = &MEMORY_POLICY;
}

impl Owned for Policy {
    const RESOURCE: Resource = Resource::Memories;
    const NOUN: &'static str = "memory policy";
}
