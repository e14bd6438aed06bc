//! `document_embeddings`: the vectors of a document's passages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::faults::NO_EMBEDDER;
use crate::domain::documents::model::Document;
use crate::domain::documents::model::chunk::{Chunk, DOCUMENT_CHUNK};
use crate::domain::memory::retrieval::vectors;
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;
use crate::port::records::{Comparison, Filter, Query, Scalar};

/// So many passages are told when nothing is said.
const USUAL: u32 = 50;

/// Tells vectors.
pub(in crate::domain::documents) struct DocumentEmbeddings;

/// Of which document.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Input {
    /// The document.
    id: DocumentId,
    /// The first passage that is told, counted from 0.
    #[serde(default)]
    #[schemars(range(max = 1_000_000))]
    from_chunk: u32,
    /// How many passages to tell at most; 50 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u32>,
}

/// The vectors.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Output {
    /// The document.
    document_id: DocumentId,
    /// What made the vectors.
    embedder: String,
    /// How many numbers each has; 0 while none is made.
    dimensions: usize,
    /// The passages in order.
    chunks: Vec<Embedded>,
    /// Passages of these that are not embedded yet.
    waiting: usize,
    /// How many passages the document has.
    total_chunks: u32,
}

/// A passage.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Embedded {
    /// Counts the document's passages from 0.
    chunk: u32,
    /// Its first page; 0 where the format has none.
    page: u32,
    /// Where it begins in the document's text, in characters.
    offset: u64,
    /// How many characters it has.
    length: u64,
    /// Its vector; absent while it waits to be embedded.
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<Vec<f32>>,
}

impl Capability for DocumentEmbeddings {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "document_embeddings",
        Domain::Documents,
        Route::get("/documents/{id}/embeddings"),
        Permit::on(Resource::Documents, Action::Read),
        "The vectors of an uploaded document's passages, with the place of each and the embedder that made them: for grouping or comparing \
         elsewhere. To find passages use document_search, for vectors of other texts model_embed.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Document>(input.id.uuid(), Action::Read).await?;
        let limit = input.limit.unwrap_or(USUAL);
        let filter = Filter::is("documentId", Scalar::Id(stored.id)).and(Filter::Compare(
            "number",
            Comparison::AtLeast,
            Scalar::Integer(input.from_chunk.into()),
        ));
        let query = Query { filter, order: "number", descending: false, after: None, limit };
        let found = cx.find::<Chunk>(query).await?;
        let ids: Vec<Uuid> = found.iter().map(|chunk| chunk.id).collect();
        let mut made = vectors(cx, &DOCUMENT_CHUNK, &ids)
            .await?
            .ok_or_else(|| Fault::new(&NO_EMBEDDER, "no embedder is configured"))?;
        let chunks: Vec<Embedded> = found
            .into_iter()
            .map(|chunk| Embedded {
                chunk: chunk.value.number,
                page: chunk.value.page,
                offset: chunk.value.offset,
                length: chunk.value.length,
                vector: made.of.remove(&chunk.id),
            })
            .collect();
        Ok(Output {
            document_id: input.id,
            embedder: made.embedder,
            dimensions: chunks.iter().find_map(|chunk| chunk.vector.as_ref()).map_or(0, Vec::len),
            waiting: chunks.iter().filter(|chunk| chunk.vector.is_none()).count(),
            chunks,
            total_chunks: stored.value.chunks,
        })
    }
}
