//! Nodes and relations as they are kept. Every version of them is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::memory::recalling::Trust;
use crate::kernel::id::{CallId, UserId};
use crate::kernel::seal::sha256;
use crate::kernel::time::Timestamp;
use crate::port::graph::{NODE, RELATION, name_key};
use crate::port::records::{Document, Kind, Visibility};

/// So many places where something comes from are kept, the newest.
const MOST_ORIGINS: usize = 20;
/// So many merges are kept, the newest.
const MOST_MERGES: usize = 50;
/// So much of the texts in the properties is found by full text.
const MOST_SAYS: usize = 4_000;

/// Where something comes from, and who said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Origin {
    /// The address or name of the source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) source: Option<String>,
    /// The document's id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) document: Option<String>,
    /// The words that say it, or what else there is to say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) note: Option<String>,
    /// How a program drew it out of the document, where one did: then nobody has said it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) extracted: Option<Extracted>,
    /// The call that wrote it.
    pub(super) call: CallId,
    /// Who made that call.
    pub(super) by: UserId,
    /// When.
    pub(super) at: Timestamp,
}

/// How something was drawn out of a document or a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Extracted {
    /// The passage of the document that says it, counted from 0; 0 of a conversation.
    pub(super) passage: u32,
    /// Its page; 0 where the format has none.
    pub(super) page: u32,
    /// `model` or `statistical`.
    pub(super) method: String,
    /// The model that was asked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) model: Option<String>,
    /// How far it can be trusted: `untrusted` unless whoever ingested the document vouched for it.
    pub(super) trust: Trust,
}

impl Origin {
    /// Whether both say the same of where something comes from.
    fn same_place(&self, other: &Self) -> bool {
        (&self.source, &self.document, &self.note, &self.extracted)
            == (&other.source, &other.document, &other.note, &other.extracted)
    }
}

/// Adds where something comes from, where that is not known yet. Answers whether it was added.
pub(super) fn add_origin(origins: &mut Vec<Origin>, new: &Origin) -> bool {
    let says = new.source.is_some() || new.document.is_some() || new.note.is_some();
    if origins.iter().any(|origin| origin.same_place(new)) || (!says && !origins.is_empty()) {
        return false;
    }
    origins.push(new.clone());
    while origins.len() > MOST_ORIGINS {
        // What somebody said is kept before what was drawn out of texts.
        let first = origins.iter().position(|origin| origin.extracted.is_some()).unwrap_or(0);
        origins.remove(first);
    }
    true
}

/// That something given was taken for this node: enough to undo it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Merge {
    /// Its id.
    pub(super) id: Uuid,
    /// When.
    pub(super) at: Timestamp,
    /// By what: `name`, `alias` or `similarity`.
    pub(super) by: String,
    /// How alike the names are, in thousandths.
    pub(super) likeness: u32,
    /// The name that was given.
    pub(super) name: String,
    /// The aliases that were given.
    pub(super) aliases: Vec<String>,
    /// The properties that were given.
    pub(super) properties: Map<String, Value>,
    /// What stood in the node before in place of properties that were given; null where there was nothing.
    pub(super) replaced: Map<String, Value>,
    /// The aliases that the node has of it.
    pub(super) added_aliases: Vec<String>,
    /// The key that the node has of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) key: Option<String>,
    /// The validity that was given.
    #[serde(skip_serializing_if = "Span::is_open", default)]
    pub(super) valid: Span,
    /// The node's validity before.
    #[serde(skip_serializing_if = "Span::is_open", default)]
    pub(super) valid_before: Span,
    /// Where it came from.
    pub(super) origin: Origin,
}

/// From when until when something holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) to: Option<Timestamp>,
}

impl Span {
    fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    #[serde(rename = "type")]
    pub(super) of: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) key: Option<String>,
    pub(super) name: String,
    pub(super) name_key: String,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) aliases: Vec<String>,
    /// The texts in the properties.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub(super) says: String,
    /// Within what a key names one node.
    pub(super) room: String,
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub(super) properties: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) valid_from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) valid_to: Option<Timestamp>,
    pub(super) provenance: Vec<Origin>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) merges: Vec<Merge>,
}

impl Node {
    /// Puts right what follows from the rest.
    pub(super) fn settle(&mut self) {
        self.name_key = name_key(&self.name);
        let mut says = String::new();
        for value in self.properties.values() {
            texts(value, &mut says);
        }
        self.says = says;
        let over = self.merges.len().saturating_sub(MOST_MERGES);
        self.merges.drain(..over);
    }

    /// Whether a name is one of its aliases.
    pub(super) fn is_called(&self, key: &str) -> bool {
        self.aliases.iter().any(|alias| name_key(alias) == key)
    }
}

fn texts(value: &Value, into: &mut String) {
    match value {
        Value::String(text) if into.len() + text.len() < MOST_SAYS => {
            into.push_str(text);
            into.push('\n');
        }
        Value::Array(list) => list.iter().for_each(|one| texts(one, into)),
        Value::Object(all) => all.values().for_each(|one| texts(one, into)),
        _ => {}
    }
}

impl Document for Node {
    const KIND: &'static Kind = &NODE;
}

impl Owned for Node {
    const RESOURCE: Resource = Resource::Graph;
    const NOUN: &'static str = "node";
}

/// A relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Relation {
    pub(super) from: Uuid,
    pub(super) to: Uuid,
    #[serde(rename = "type")]
    pub(super) of: String,
    #[serde(skip_serializing_if = "Map::is_empty", default)]
    pub(super) properties: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) weight: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) valid_from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) valid_to: Option<Timestamp>,
    pub(super) provenance: Vec<Origin>,
    /// The merge by which its beginning is the node that it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) from_merge: Option<Uuid>,
    /// The merge by which its end is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) to_merge: Option<Uuid>,
}

impl Relation {
    /// Its id: the same for the same ends, type and beginning of the validity within a room.
    pub(super) fn id(&self, room: &str) -> Uuid {
        let mut half = self.digest(room);
        // It begins with the time at which its beginning was made: what is written together lies together in every index.
        half[..6].copy_from_slice(&self.from.as_bytes()[..6]);
        uuid::Builder::from_custom_bytes(half).into_uuid()
    }

    /// The id that it has where it was written before ids began with a time.
    pub(super) fn former_id(&self, room: &str) -> Uuid {
        uuid::Builder::from_custom_bytes(self.digest(room)).into_uuid()
    }

    fn digest(&self, room: &str) -> [u8; 16] {
        let from = self.valid_from.map_or_else(String::new, |at| at.to_string());
        let text = format!("relation\n{room}\n{}\n{}\n{from}\n{}", self.from, self.to, self.of);
        let mut half = [0; 16];
        half.copy_from_slice(&sha256(text.as_bytes())[..16]);
        half
    }
}

impl Document for Relation {
    const KIND: &'static Kind = &RELATION;
}

impl Owned for Relation {
    const RESOURCE: Resource = Resource::Graph;
    const NOUN: &'static str = "relation";
}

/// Within what keys and relations are told apart: what everybody of the tenant sees, what a workspace sees, what is private to somebody.
pub(super) fn room(visibility: Visibility, workspace: Option<Uuid>, owner: Option<Uuid>) -> String {
    let id = |id: Option<Uuid>| id.map_or_else(String::new, |id| id.simple().to_string());
    match visibility {
        Visibility::Tenant => "tenant".to_owned(),
        Visibility::Workspace => format!("workspace:{}", id(workspace)),
        Visibility::Private => format!("private:{}", id(owner)),
    }
}
