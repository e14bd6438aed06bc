//! `document_search`: passages of documents by their words and what they mean.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::finding::{Found, Passage, Sought, passages};
use crate::domain::documents::model::Type;
use crate::domain::memory::retrieval::ranking::Why;
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;

/// Finds passages.
pub(in crate::domain::documents) struct DocumentSearch;

/// What is looked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Input {
    /// What is looked for, in words: a question or some words of the passage. The rarer a word, the more it counts; where
    /// an embedder is configured, passages that mean the same are found, too.
    #[schemars(length(min = 1, max = 1000))]
    query: String,
    /// Only in these documents.
    #[serde(default)]
    #[schemars(length(max = 100))]
    document_ids: Vec<DocumentId>,
    /// Only in documents of this type.
    #[serde(default)]
    document_type: Option<Type>,
    /// Only in documents with this tag.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    tag: Option<String>,
    /// How many passages to answer at most; 10 when not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 50))]
    limit: Option<u32>,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Output {
    /// How it was looked for: `lexical` is by words, `hybrid` by words and meaning.
    method: &'static str,
    /// The passages, the best first.
    hits: Vec<Hit>,
    /// What was not looked at, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<String>,
}

/// A passage.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Hit {
    /// The document that it is of.
    document_id: DocumentId,
    /// The document's name.
    name: String,
    /// What the document is.
    #[serde(rename = "type")]
    kind: Type,
    /// Counts the document's passages from 0.
    chunk: u32,
    /// Its text.
    text: String,
    /// The headings above it.
    heading: String,
    /// Its first page; 0 where the format has none.
    page: u32,
    /// Its last page.
    last_page: u32,
    /// Where it begins in the document's text, in characters.
    offset: u64,
    /// How many characters it has.
    length: u64,
    /// How well it fits, from 0 to 1; to be compared within this answer only.
    score: f64,
    /// Why it stands where it does.
    why: Why,
}

impl Capability for DocumentSearch {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "document_search",
        Domain::Documents,
        Route::post("/documents/search"),
        Permit::on(Resource::Documents, Action::Read),
        "Finds passages of uploaded documents by their words and what they mean, the best first, each with its document, page and place, so that it can be \
         cited. Narrow it by document, type or tag. For the whole text use document_get.",
    )
    .asks()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let wanted = Sought {
            query: input.query,
            document_ids: input.document_ids,
            kind: input.document_type,
            tag: input.tag,
            limit: input.limit.unwrap_or(10) as usize,
            for_more: false,
        };
        let Found { passages, method, partial } = passages(cx, wanted).await?;
        let hit = |Passage { chunk, kind, score, why }| Hit {
            document_id: DocumentId::from_uuid(chunk.document_id),
            name: chunk.document_name,
            kind,
            chunk: chunk.number,
            text: chunk.text,
            heading: chunk.heading,
            page: chunk.page,
            last_page: chunk.last_page,
            offset: chunk.offset,
            length: chunk.length,
            score,
            why,
        };
        Ok(Output { method, hits: passages.into_iter().map(hit).collect(), partial })
    }
}
