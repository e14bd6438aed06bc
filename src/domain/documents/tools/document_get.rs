//! `document_get`: one document with a piece of its text.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document_upload::Seen;
use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::engine::places::Places;
use crate::domain::documents::model::{Document, Type};
use crate::domain::documents::reading::text_of;
use crate::kernel::fault::Fault;
use crate::kernel::id::{DocumentId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::documents::Format;

/// Tells a document.
pub(in crate::domain::documents) struct DocumentGet;

/// Which document, and which piece of its text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Input {
    /// The document.
    id: DocumentId,
    /// Where the piece of the text begins, in characters; 0 when not said.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    offset: u64,
    /// How many characters of the text to answer; 20,000 when not said, 0 for none.
    #[serde(default)]
    #[schemars(range(min = 0, max = 200_000))]
    length: Option<u64>,
    /// Only the text of this page, slide or sheet, from 1; `offset` then counts within it.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    page: Option<u32>,
}

/// A document.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Output {
    /// The document.
    document_id: DocumentId,
    /// Its name.
    name: String,
    /// What it is for people.
    #[serde(rename = "type")]
    kind: Type,
    /// How sure that is, from 0 to 1.
    confidence: f64,
    /// What the file is.
    format: Format,
    /// Its media type.
    media_type: String,
    /// How large the file is.
    size_bytes: u64,
    /// The SHA-256 of the file.
    digest: String,
    /// How many pages, slides or sheets it has; 0 where the format has none.
    pages: u32,
    /// How many characters its text has.
    characters: u64,
    /// How many passages its text was cut into.
    chunks: u32,
    /// What it is found by.
    tags: Vec<String>,
    /// Who else sees it.
    visibility: Seen,
    /// What it says of itself: title, author, sender and the like.
    metadata: BTreeMap<String, String>,
    /// What could not be read of it.
    warnings: Vec<String>,
    /// Pages whose text was recognised in pictures; 0 for a picture.
    recognised_pages: Vec<u32>,
    /// Who uploaded it.
    uploaded_by: UserId,
    /// When.
    uploaded_at: Timestamp,
    /// What `document_extract` last read out of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    extracted: Option<Value>,
    /// The piece of its text.
    text: String,
    /// Where the piece begins in the whole text, in characters: what places of passages and fields count from.
    offset: u64,
    /// Give it as `offset` for the next piece; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<u64>,
}

impl Capability for DocumentGet {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "document_get",
        Domain::Documents,
        Route::get("/documents/{id}"),
        Permit::on(Resource::Documents, Action::Read),
        "One uploaded document: what it is, what it says of itself, and its text by characters or by page. To find passages by words \
         use document_search.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Document>(input.id.uuid(), Action::Read).await?;
        let length = input.length.unwrap_or(20_000);
        let (mut text, mut offset, mut next_offset) = (String::new(), input.offset, None);
        if length > 0 {
            let parsed = text_of(cx, &stored).await?;
            let places = Places::of(&parsed);
            let (from, to) = match input.page {
                None => (0, places.characters()),
                Some(page) => {
                    let on = || parsed.blocks.iter().filter(|block| block.page == page);
                    let begin = on().map(|block| block.start).min().unwrap_or(0);
                    let end = on().map(|block| block.end).max().unwrap_or(0);
                    if page > stored.value.pages {
                        return Err(Fault::bad_input(
                            "/page",
                            format!("must be at most {}: the document has as many", stored.value.pages),
                        ));
                    }
                    (places.character(begin), places.character(end))
                }
            };
            let first = from.saturating_add(usize::try_from(input.offset).unwrap_or(usize::MAX)).min(to);
            let last = first.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(to);
            parsed.text.get(places.byte(first)..places.byte(last)).unwrap_or_default().clone_into(&mut text);
            offset = first as u64;
            next_offset = (last < to).then_some((last - from) as u64);
        }
        let document = stored.value;
        Ok(Output {
            document_id: input.id,
            name: document.name,
            kind: document.kind,
            confidence: document.confidence,
            format: document.format,
            media_type: document.media_type,
            size_bytes: document.size_bytes,
            digest: document.digest,
            pages: document.pages,
            characters: document.characters,
            chunks: document.chunks,
            tags: document.tags,
            visibility: Seen::of(stored.visibility),
            metadata: document.metadata,
            warnings: document.warnings,
            recognised_pages: document.recognised,
            uploaded_by: document.uploaded_by,
            uploaded_at: stored.created_at,
            extracted: document.extracted,
            text,
            offset,
            next_offset,
        })
    }
}
