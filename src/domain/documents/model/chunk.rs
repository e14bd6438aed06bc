//! A passage of a document, as it is found: its text with the place it has, the headings above it, and what stands beside it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::domain::memory::retrieval::{Piece, Searchable, part_of};
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of passages. They are written and removed with their document, whose envelope they have.
pub static DOCUMENT_CHUNK: Kind = Kind {
    fields: &[Field { name: "documentId", of: FieldType::Id }, Field { name: "number", of: FieldType::Integer }],
    text: &["text", "heading", "beside"],
    private: &["text", "heading", "beside"],
    ..Kind::new("document_chunk")
};

/// A passage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Chunk {
    /// The document that it is of.
    pub document_id: Uuid,
    /// The document's name.
    pub document_name: String,
    /// Counts the passages of the document from 0.
    pub number: u32,
    /// The passage that begins the part that this one is in.
    pub parent: Option<u32>,
    /// Its text.
    pub text: String,
    /// The headings above it, outermost first, with ` › ` between them.
    pub heading: String,
    /// What stands before and after it, for the search by words.
    pub beside: String,
    /// Where it begins in the document's text, in characters.
    pub offset: u64,
    /// How many characters it has.
    pub length: u64,
    /// Its first page; 0 where the format has none.
    pub page: u32,
    /// Its last page.
    pub last_page: u32,
}

/// Passages are found by meaning, each with the headings above it.
pub static SEARCHABLE: Searchable = Searchable {
    kind: &DOCUMENT_CHUNK,
    piece: |record| {
        let text = |name: &str| record.body.get(name).and_then(Value::as_str).unwrap_or_default();
        let text = format!("{}\n{}", text("heading"), text("text"));
        Some(Piece { part: part_of(record)?, text: text.trim().to_owned(), user: record.owner })
    },
};

impl Document for Chunk {
    const KIND: &'static Kind = &DOCUMENT_CHUNK;
}

impl Owned for Chunk {
    const RESOURCE: Resource = Resource::Documents;
    const NOUN: &'static str = "passage";
}
