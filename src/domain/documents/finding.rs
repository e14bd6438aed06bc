//! Finding passages by words and meaning: for whoever searches documents, and for whoever answers out of them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use uuid::Uuid;

use super::model::chunk::{Chunk, DOCUMENT_CHUNK};
use super::model::{Document, Type};
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::{Stored, visible_to};
use crate::domain::memory::retrieval::ranking::{By, Candidate, Why, order};
use crate::domain::memory::retrieval::words::{sought, stems};
use crate::domain::memory::retrieval::{near, parts_of};
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;
use crate::port::records::{Filter, Query, Ranking, Scalar, Word};

/// Passages that are looked at for one answer: some fall away by what their document is.
const LOOKED_AT: u32 = 400;

/// What is looked for.
#[derive(Debug, Default)]
pub(crate) struct Sought {
    /// A question or some words.
    pub(crate) query: String,
    /// Only in these documents, where any are named.
    pub(crate) document_ids: Vec<DocumentId>,
    /// Only in documents of this type.
    pub(crate) kind: Option<Type>,
    /// Only in documents with this tag.
    pub(crate) tag: Option<String>,
    /// At most so many.
    pub(crate) limit: usize,
}

/// A passage that was found.
pub(crate) struct Passage {
    /// The passage.
    pub(crate) chunk: Chunk,
    /// What its document is.
    pub(crate) kind: Type,
    /// How well it fits, from 0 to 1.
    pub(crate) score: f64,
    /// Why it stands where it does.
    pub(crate) why: Why,
}

/// What was found, the best first.
pub(crate) struct Found {
    /// The passages.
    pub(crate) passages: Vec<Passage>,
    /// How they were looked for: `lexical` or `hybrid`.
    pub(crate) method: &'static str,
    /// What was not looked at, and why.
    pub(crate) partial: Option<String>,
}

/// Finds passages that the caller may see.
///
/// # Errors
/// When the store fails.
pub(crate) async fn passages(cx: &Cx, wanted: Sought) -> Result<Found, Fault> {
    let mut filter = visible_to::<Chunk>(cx.caller());
    if !wanted.document_ids.is_empty() {
        let ids = wanted.document_ids.iter().map(|id| Scalar::Id(id.uuid())).collect();
        filter = filter.and(Filter::In("documentId", ids));
    }
    let words = sought(&wanted.query);
    let ranking = Ranking { words: words.clone(), filter: filter.clone(), limit: LOOKED_AT };
    let ranked = cx.platform().store.rank(cx.tenant(), &DOCUMENT_CHUNK, ranking).await.map_err(store_fault)?;
    let mut by_words = Vec::with_capacity(ranked.len());
    for (record, score) in ranked {
        let chunk = Stored::<Chunk>::read(record)?;
        let score = score * own(&chunk.value, &words);
        by_words.push((chunk, score));
    }
    by_words.sort_by(|one, other| other.1.total_cmp(&one.1));
    let near = near(cx, &DOCUMENT_CHUNK, &parts_of(cx), &wanted.query, LOOKED_AT as usize).await;
    let (near, method, partial) = near.told();
    let mut by_meaning = allowed(cx, &near, filter, &by_words).await?;
    let ids = by_words.iter().map(|(chunk, _)| chunk.value.document_id);
    let documents = documents(cx, ids.chain(by_meaning.values().map(|chunk| chunk.value.document_id))).await?;
    let fits = |chunk: &Chunk| {
        documents.get(&chunk.document_id).is_some_and(|document| {
            wanted.kind.is_none_or(|kind| document.kind == kind)
                && wanted.tag.as_ref().is_none_or(|tag| document.tags.contains(tag))
        })
    };
    let candidate = |chunk: Stored<Chunk>| Candidate {
        words: None,
        meaning: None,
        // A passage is as good as it was when it was written.
        age: Duration::ZERO,
        importance: 0.5,
        stems: stems(&chunk.value.text),
        item: chunk,
    };
    let mut candidates: Vec<Candidate<Stored<Chunk>>> = Vec::new();
    for (chunk, score) in by_words.into_iter().filter(|(chunk, _)| fits(&chunk.value)) {
        candidates.push(Candidate { words: Some((candidates.len(), score)), ..candidate(chunk) });
    }
    let places: HashMap<Uuid, usize> = candidates.iter().enumerate().map(|(at, one)| (one.item.id, at)).collect();
    let mut rank = 0;
    for (id, likeness) in near {
        if let Some(at) = places.get(&id) {
            candidates[*at].meaning = Some((rank, likeness));
        } else if let Some(chunk) = by_meaning.remove(&id).filter(|chunk| fits(&chunk.value)) {
            candidates.push(Candidate { meaning: Some((rank, likeness)), ..candidate(chunk) });
        } else {
            continue;
        }
        rank += 1;
    }
    let passage = |(chunk, score, why): (Stored<Chunk>, f64, Why)| {
        let kind = documents.get(&chunk.value.document_id)?.kind;
        Some(Passage { chunk: chunk.value, kind, score, why })
    };
    let ordered = order(candidates, By::of(cx.platform()), wanted.limit);
    Ok(Found { passages: ordered.into_iter().filter_map(passage).collect(), method, partial })
}

/// How much of what a passage is found by is said by itself, and not beside it: a quarter where it says nothing of it.
fn own(chunk: &Chunk, words: &[Word]) -> f64 {
    let said = format!("{} {}", chunk.heading, chunk.text).to_lowercase();
    let said: HashSet<&str> = said.split(|letter: char| !letter.is_alphanumeric()).collect();
    let is_said = |word: &&Word| {
        said.contains(word.text.as_str()) || (word.beginning && said.iter().any(|one| one.starts_with(&word.text)))
    };
    #[expect(clippy::cast_precision_loss, reason = "a question has few words")]
    let share = words.iter().filter(is_said).count() as f64 / words.len().max(1) as f64;
    0.25 + 0.75 * share
}

/// The passages that only their meaning leads to, as far as the caller may see them.
async fn allowed(
    cx: &Cx,
    near: &[(Uuid, f64)],
    filter: Filter,
    known: &[(Stored<Chunk>, f64)],
) -> Result<HashMap<Uuid, Stored<Chunk>>, Fault> {
    let known: HashSet<Uuid> = known.iter().map(|(chunk, _)| chunk.id).collect();
    let ids: Vec<Scalar> = near.iter().filter(|(id, _)| !known.contains(id)).map(|(id, _)| Scalar::Id(*id)).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found = cx.find::<Chunk>(Query::newest(Filter::In("id", ids).and(filter), LOOKED_AT)).await?;
    Ok(found.into_iter().map(|chunk| (chunk.id, chunk)).collect())
}

/// The documents that passages are of.
async fn documents(cx: &Cx, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, Document>, Fault> {
    let mut ids: Vec<Uuid> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let most = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let filter = visible_to::<Document>(cx.caller()).and(Filter::In("id", ids.into_iter().map(Scalar::Id).collect()));
    let found = cx.find::<Document>(Query::newest(filter, most)).await?;
    Ok(found.into_iter().map(|one| (one.id, one.value)).collect())
}
