//! `document_search`: passages of documents by their words.

use std::collections::{HashMap, HashSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::{Stored, visible_to};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::documents::model::chunk::{Chunk, DOCUMENT_CHUNK};
use crate::domain::documents::model::{Document, Type};
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;
use crate::port::records::{Filter, Query, Ranking, Scalar, Word};

/// Words of a question that are looked for.
const MOST_WORDS: usize = 32;
/// Passages that are looked at for one answer: some fall away by what their document is.
const LOOKED_AT: u32 = 400;

/// Finds passages.
pub(in crate::domain::documents) struct DocumentSearch;

/// What is looked for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::documents) struct Input {
    /// What is looked for, in words: a question or some words of the passage. A passage has at least one of them; the rarer a word,
    /// the more it counts.
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
    /// How it was looked for: `lexical` is by words.
    method: &'static str,
    /// The passages, the best first.
    hits: Vec<Hit>,
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
    /// How well it fits, to be compared within this answer only.
    score: f64,
}

impl Capability for DocumentSearch {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "document_search",
        Domain::Documents,
        Route::post("/documents/search"),
        Permit::on(Resource::Documents, Action::Read),
        "Finds passages of uploaded documents by their words, the best first, each with its document, page and place, so that it can be \
         cited. Narrow it by document, type or tag. For the whole text use document_get.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let words = words(&input.query);
        let limit = input.limit.unwrap_or(10) as usize;
        let mut hits = Vec::new();
        if !words.is_empty() {
            let mut filter = visible_to::<Chunk>(cx.caller());
            if !input.document_ids.is_empty() {
                let ids = input.document_ids.iter().map(|id| Scalar::Id(id.uuid())).collect();
                filter = filter.and(Filter::In("documentId", ids));
            }
            let ranking = Ranking { words: words.clone(), filter, limit: LOOKED_AT };
            let ranked = cx.platform().store.rank(cx.tenant(), &DOCUMENT_CHUNK, ranking).await.map_err(store_fault)?;
            let mut chunks = Vec::with_capacity(ranked.len());
            for (record, score) in ranked {
                let chunk = Stored::<Chunk>::read(record)?;
                let own = own(&chunk.value, &words);
                chunks.push((chunk, score * own));
            }
            chunks.sort_by(|one, other| other.1.total_cmp(&one.1));
            let documents = documents(cx, &chunks).await?;
            for (chunk, score) in chunks {
                let chunk = chunk.value;
                let Some(document) = documents.get(&chunk.document_id) else { continue };
                let fits = input.document_type.is_none_or(|kind| document.kind == kind)
                    && input.tag.as_ref().is_none_or(|tag| document.tags.contains(tag));
                if !fits {
                    continue;
                }
                hits.push(Hit {
                    document_id: DocumentId::from_uuid(chunk.document_id),
                    name: document.name.clone(),
                    kind: document.kind,
                    chunk: chunk.number,
                    text: chunk.text,
                    heading: chunk.heading,
                    page: chunk.page,
                    last_page: chunk.last_page,
                    offset: chunk.offset,
                    length: chunk.length,
                    score,
                });
                if hits.len() == limit {
                    break;
                }
            }
        }
        Ok(Output { method: "lexical", hits })
    }
}

/// The words of a question, each once.
fn words(query: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for word in query.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let word = Word { text: word.to_lowercase(), beginning: false };
        if words.len() < MOST_WORDS && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// How much of what a passage is found by is said by itself, and not beside it: a quarter where it says nothing of it.
fn own(chunk: &Chunk, words: &[Word]) -> f64 {
    let said = format!("{} {}", chunk.heading, chunk.text).to_lowercase();
    let said: HashSet<&str> = said.split(|letter: char| !letter.is_alphanumeric()).collect();
    #[expect(clippy::cast_precision_loss, reason = "a question has few words")]
    let share =
        words.iter().filter(|word| said.contains(word.text.as_str())).count() as f64 / words.len().max(1) as f64;
    0.25 + 0.75 * share
}

/// The documents that passages are of.
async fn documents(cx: &Cx, chunks: &[(Stored<Chunk>, f64)]) -> Result<HashMap<uuid::Uuid, Document>, Fault> {
    let mut ids: Vec<uuid::Uuid> = chunks.iter().map(|(chunk, _)| chunk.value.document_id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let filter = visible_to::<Document>(cx.caller()).and(Filter::In("id", ids.into_iter().map(Scalar::Id).collect()));
    let found = cx.find::<Document>(Query::newest(filter, LOOKED_AT)).await?;
    Ok(found.into_iter().map(|one| (one.id, one.value)).collect())
}
