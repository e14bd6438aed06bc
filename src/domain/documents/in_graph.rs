//! Documents as nodes of the graph: what they are, never what they say.

use serde_json::json;
use uuid::Uuid;

use super::model::{DOCUMENT, Document};
use super::topics::{DELETED, EXTRACTED, UPLOADED};
use crate::kernel::id::DocumentId;
use crate::kernel::reading;
use crate::port::graph_mirror::{Image, Mirrored};
use crate::port::records::Record;

/// Documents in the graph.
pub static IN_GRAPH: Mirrored = Mirrored {
    kind: &DOCUMENT,
    of: "document",
    topics: &[UPLOADED, EXTRACTED, DELETED],
    record: |id| Uuid::parse_str(id).ok(),
    image,
};

fn image(record: &Record) -> Option<Image> {
    let document: Document = reading::read(record.body.clone()).ok()?;
    let properties = json!({
        "documentType": document.kind.name(),
        "mediaType": document.media_type,
        "pages": document.pages,
        "tags": document.tags,
    });
    let properties = properties.as_object().cloned().unwrap_or_default();
    Some(Image { key: DocumentId::from_uuid(record.id).to_string(), name: document.name, properties, ties: Vec::new() })
}
