//! What is kept of taking documents in: how far one was taken in, what was found in each of its passages, and what of the graph it bears out.
//! By these a second call does nothing, a killed one goes on, and what a document says no longer goes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::memory::recalling::Trust;
use crate::kernel::seal::sha256;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of documents that were taken in: one for each source, or each document that has none.
pub(crate) static KNOWLEDGE_INGESTION: Kind = Kind {
    fields: &[Field { name: "documentId", of: FieldType::Id }],
    private: &["source"],
    ..Kind::new("knowledge_ingestion")
};

/// The kind of passages that were read: what was found in each, so that no model is asked twice.
pub(crate) static KNOWLEDGE_PASSAGE: Kind = Kind {
    fields: &[Field { name: "ingestionId", of: FieldType::Id }],
    private: &["finds"],
    ..Kind::new("knowledge_passage")
};

/// The kind of notes on what bears what out: one for each node or relation and each document taken in.
pub(crate) static KNOWLEDGE_SUPPORT: Kind = Kind {
    fields: &[Field { name: "itemId", of: FieldType::Id }, Field { name: "ingestionId", of: FieldType::Id }],
    ..Kind::new("knowledge_support")
};

/// How names and relations were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::knowledge) enum Method {
    /// A language model was asked.
    Model,
    /// Capitals, patterns of words, and what stands together.
    Statistical,
    /// They were not looked for.
    None,
}

impl Method {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Statistical => "statistical",
            Self::None => "none",
        }
    }
}

/// What is asked of the finding: with other wishes the same passage is read anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wishes {
    pub(super) entity_types: Vec<String>,
    pub(super) relation_types: Vec<String>,
    pub(super) trust: Trust,
}

/// How far a document was taken in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ingestion {
    /// What stays the same where the content changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
    /// The document that has the content now.
    pub(super) document_id: Uuid,
    /// Whether it was kept only to be taken in: then it goes when another content takes its place.
    pub(super) kept_here: bool,
    /// Documents whose content it had before, until nothing names them any more; and whether each goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) earlier: Vec<(Uuid, bool)>,
    /// How it was read.
    pub(super) method: Method,
    /// The model or route that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    pub(super) wishes: Wishes,
    /// Whether all of it is in the graph.
    pub(super) complete: bool,
    /// Passages, nodes and relations of it, once it is.
    pub(super) passages: usize,
    pub(super) nodes: usize,
    pub(super) relations: usize,
    /// When that was written.
    pub(super) at: Timestamp,
}

impl Ingestion {
    /// The id: of a source or a document, within those that see it.
    pub(super) fn id(room: &str, of: &str) -> Uuid {
        half_digest(&format!("knowledge ingestion\n{room}\n{of}"))
    }
}

/// A name that was found in a passage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FoundName {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) of: String,
    pub(super) quote: String,
}

/// That two names of a passage hang together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FoundLink {
    /// Their places in the list of names.
    pub(super) from: usize,
    pub(super) to: usize,
    #[serde(rename = "type")]
    pub(super) of: String,
    pub(super) quote: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) confidence: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<f64>,
}

/// What was found in a passage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Finds {
    pub(super) names: Vec<FoundName>,
    pub(super) links: Vec<FoundLink>,
}

/// What a passage has in the graph.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Items {
    /// The document that the graph names for it.
    pub(super) document: Uuid,
    pub(super) nodes: Vec<Uuid>,
    pub(super) relations: Vec<Uuid>,
}

/// A passage that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Passage {
    pub(super) ingestion_id: Uuid,
    /// The digest of its text and headings.
    pub(super) digest: String,
    pub(super) method: Method,
    /// The model that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<String>,
    /// The model or route that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) wished: Option<String>,
    pub(super) wishes: Wishes,
    pub(super) finds: Finds,
    /// None until it is in the graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) items: Option<Items>,
}

impl Passage {
    pub(super) fn id(&self) -> Uuid {
        half_digest(&format!("knowledge passage\n{}\n{}", self.ingestion_id, self.digest))
    }
}

/// That a document bears something out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Support {
    pub(super) ingestion_id: Uuid,
    pub(super) item_id: Uuid,
    pub(super) relation: bool,
}

impl Support {
    pub(super) fn id(&self) -> Uuid {
        half_digest(&format!("knowledge support\n{}\n{}", self.ingestion_id, self.item_id))
    }
}

fn half_digest(of: &str) -> Uuid {
    let mut half = [0; 16];
    half.copy_from_slice(&sha256(of.as_bytes())[..16]);
    uuid::Builder::from_custom_bytes(half).into_uuid()
}

impl Document for Ingestion {
    const KIND: &'static Kind = &KNOWLEDGE_INGESTION;
}

impl Document for Passage {
    const KIND: &'static Kind = &KNOWLEDGE_PASSAGE;
}

impl Document for Support {
    const KIND: &'static Kind = &KNOWLEDGE_SUPPORT;
}
