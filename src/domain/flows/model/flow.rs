//! A flow as it is now.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::definition::Definition;
use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::flows::engine::kinds::FlowType;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of flows.
pub(in crate::domain::flows) static FLOW: Kind = Kind {
    fields: &[
        Field { name: "flowId", of: FieldType::Text },
        Field { name: "name", of: FieldType::Text },
        Field { name: "type", of: FieldType::Text },
        Field { name: "status", of: FieldType::Text },
    ],
    text: &["words", "marks"],
    private: &["definition", "words", "marks"],
    ..Kind::new("flow")
};

/// A flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names by which clients know them")]
pub(in crate::domain::flows) struct Flow {
    /// Its id, which never changes.
    pub flow_id: String,
    /// What people call it.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: FlowType,
    /// How it stands.
    pub status: Status,
    /// Counts its versions from 1.
    pub revision: u32,
    /// Its newest version.
    pub version: String,
    /// Who made it, as they called themselves.
    pub created_by: String,
    /// Words by which it is found.
    pub words: String,
    /// Words for its tags and for what it depends on.
    pub marks: String,
    /// What its newest version says.
    pub definition: Definition,
}

/// How a flow stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::flows) enum Status {
    /// It can be executed.
    Active,
    /// It is set aside: it cannot be executed.
    Inactive,
    /// It was taken out of use; its versions and executions are kept.
    Archived,
}

impl Status {
    /// The name.
    pub(in crate::domain::flows) const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Archived => "archived",
        }
    }
}

impl Flow {
    /// The id of the document of a flow.
    pub(in crate::domain::flows) fn id(flow_id: &str) -> Uuid {
        super::id_of(&format!("flow\n{flow_id}"))
    }
}

impl Document for Flow {
    const KIND: &'static Kind = &FLOW;
}

impl Owned for Flow {
    const RESOURCE: Resource = Resource::Flows;
    const NOUN: &'static str = "flow";
}
