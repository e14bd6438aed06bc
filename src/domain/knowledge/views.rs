//! How nodes and relations are told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::model::{Extracted, Merge, Node, Origin, Relation};
use crate::capability::owned::Stored;
use crate::kernel::id::{CallId, NodeId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::records::Visibility;

/// A node in short.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeBrief {
    /// Its id.
    #[schemars(with = "NodeId")]
    pub(super) id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub(super) of: String,
    /// Its name.
    pub(super) name: String,
    /// Its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
}

impl NodeBrief {
    pub(super) fn of(stored: &Stored<Node>) -> Self {
        let node = &stored.value;
        Self { id: stored.id, of: node.of.clone(), name: node.name.clone(), key: node.key.clone() }
    }
}

/// A node.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeView {
    /// The node in short.
    #[serde(flatten)]
    pub(super) brief: NodeBrief,
    /// What else it is called.
    pub(super) aliases: Vec<String>,
    /// Its properties.
    pub(super) properties: Map<String, Value>,
    /// From when on it holds; always before the end where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) valid_from: Option<Timestamp>,
    /// Until when it held; still where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) valid_to: Option<Timestamp>,
    /// Where it comes from, the newest last.
    pub(super) provenance: Vec<OriginView>,
    /// What was taken for this node though it was called otherwise: each can be split off again with `graph_upsert`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) merges: Vec<MergeView>,
    /// Who else may see it.
    pub(super) visibility: Visibility,
    /// Which version of it this is, from 1.
    pub(super) version: i64,
    /// When it was first recorded.
    pub(super) created_at: Timestamp,
    /// When this version was recorded.
    pub(super) recorded_at: Timestamp,
}

impl NodeView {
    pub(super) fn of(stored: &Stored<Node>) -> Self {
        let node = &stored.value;
        Self {
            brief: NodeBrief::of(stored),
            aliases: node.aliases.clone(),
            properties: node.properties.clone(),
            valid_from: node.valid_from,
            valid_to: node.valid_to,
            provenance: node.provenance.iter().map(OriginView::of).collect(),
            merges: node.merges.iter().map(MergeView::of).collect(),
            visibility: stored.visibility,
            version: stored.revision,
            created_at: stored.created_at,
            recorded_at: stored.updated_at,
        }
    }
}

/// Where something comes from.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OriginView {
    /// The address or name of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// The document's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    /// The words that say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// How a program drew it out of the document, where one did: then nobody has said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    extracted: Option<Extracted>,
    /// The call that wrote it.
    call_id: CallId,
    /// The user who made that call.
    by: UserId,
    /// When.
    at: Timestamp,
}

impl OriginView {
    fn of(origin: &Origin) -> Self {
        Self {
            source: origin.source.clone(),
            document: origin.document.clone(),
            note: origin.note.clone(),
            extracted: origin.extracted.clone(),
            call_id: origin.call,
            by: origin.by,
            at: origin.at,
        }
    }
}

/// That something given was taken for a node.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MergeView {
    /// Its id.
    #[schemars(with = "NodeId")]
    merge_id: Uuid,
    /// The name that was given.
    name: String,
    /// By what it was taken for this node: `name`, `alias` or `similarity`.
    by: String,
    /// How alike the names are, from 0 to 1.
    likeness: f64,
    /// When.
    at: Timestamp,
}

impl MergeView {
    fn of(merge: &Merge) -> Self {
        let likeness = f64::from(merge.likeness) / 1000.0;
        Self { merge_id: merge.id, name: merge.name.clone(), by: merge.by.clone(), likeness, at: merge.at }
    }
}

/// A relation.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RelationView {
    /// Its id.
    #[schemars(with = "NodeId")]
    pub(super) id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub(super) of: String,
    /// The node where it begins.
    #[schemars(with = "NodeId")]
    pub(super) from: Uuid,
    /// The node where it ends.
    #[schemars(with = "NodeId")]
    pub(super) to: Uuid,
    /// Its properties.
    #[serde(skip_serializing_if = "Map::is_empty")]
    properties: Map<String, Value>,
    /// How much it weighs.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<f64>,
    /// How sure it is, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    /// From when on it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<Timestamp>,
    /// Until when it held.
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_to: Option<Timestamp>,
    /// Where it comes from, the newest last.
    provenance: Vec<OriginView>,
    /// When this version of it was recorded.
    recorded_at: Timestamp,
}

impl RelationView {
    pub(super) fn of(stored: &Stored<Relation>) -> Self {
        let relation = &stored.value;
        Self {
            id: stored.id,
            of: relation.of.clone(),
            from: relation.from,
            to: relation.to,
            properties: relation.properties.clone(),
            weight: relation.weight,
            confidence: relation.confidence,
            valid_from: relation.valid_from,
            valid_to: relation.valid_to,
            provenance: relation.provenance.iter().map(OriginView::of).collect(),
            recorded_at: stored.updated_at,
        }
    }
}

/// A relation in short.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct LinkView {
    /// Its id.
    #[schemars(with = "NodeId")]
    pub(super) id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub(super) of: String,
    /// The node where it begins.
    #[schemars(with = "NodeId")]
    pub(super) from: Uuid,
    /// The node where it ends.
    #[schemars(with = "NodeId")]
    pub(super) to: Uuid,
}

impl LinkView {
    pub(super) fn of(link: crate::port::graph::Link) -> Self {
        Self { id: link.id, of: link.of, from: link.from, to: link.to }
    }
}

/// Which way relations are followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// From their beginning to their end.
    Out,
    /// From their end to their beginning.
    In,
    /// Either way.
    #[default]
    Both,
}

impl From<Way> for crate::port::graph::Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Out => Self::Out,
            Way::In => Self::In,
            Way::Both => Self::Both,
        }
    }
}
