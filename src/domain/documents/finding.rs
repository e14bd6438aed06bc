//! Finding passages by words and meaning: for whoever searches documents, and for whoever answers out of them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use uuid::Uuid;

use super::model::chunk::{Chunk, DOCUMENT_CHUNK};
use super::model::{Document, Type};
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::{Stored, visible_to};
use crate::domain::memory::retrieval::ranking::{By, Candidate, Fusing, Why, order_stemming};
use crate::domain::memory::retrieval::reranking::{before, joined, reranked};
use crate::domain::memory::retrieval::words::{sought, stems};
use crate::domain::memory::retrieval::{Near, near, near_among, parts_of};
use crate::kernel::fault::Fault;
use crate::kernel::id::DocumentId;
use crate::port::records::{Filter, Query, Ranking, Scalar, Word};

/// Passages that are looked at for one answer: some fall away by what their document is.
const LOOKED_AT: u32 = 400;
/// Documents that are looked through for a type or a tag, and those of them that passages are then looked for in.
const LOOKED_THROUGH: u32 = 2000;
const MOST_FITTING: usize = 500;
/// Passages of them that are held against the question's meaning where others are nearer to it.
const MOST_AMONG: u32 = 5000;

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
    /// Whether they are put in order with other things: then no reranker is asked of them alone.
    pub(crate) for_more: bool,
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
    let fitting = fitting(cx, &wanted).await?;
    if let Some(fitting) = &fitting {
        filter = filter.and(Filter::In("documentId", fitting.iter().copied().map(Scalar::Id).collect()));
    }
    let words = sought(&wanted.query);
    let ranking = Ranking { words: words.clone(), filter: filter.clone(), limit: LOOKED_AT };
    let ranked = cx.platform().store.rank(cx.tenant(), &DOCUMENT_CHUNK, ranking).await.map_err(store_fault)?;
    let best = ranked.iter().map(|(_, score)| *score).fold(f64::MIN_POSITIVE, f64::max);
    let mut by_words = Vec::with_capacity(ranked.len());
    for (record, score) in ranked {
        let chunk = Stored::<Chunk>::read(record)?;
        let score = score / best * own(&chunk.value, &words);
        by_words.push((chunk, score));
    }
    by_words.sort_by(|one, other| other.1.total_cmp(&one.1));
    let near = meaning_alike(cx, &wanted, &filter, fitting.is_some() || !wanted.document_ids.is_empty()).await?;
    let (near, method, mut partial) = near.told();
    let narrowed_late = (wanted.kind.is_some() || wanted.tag.is_some()) && fitting.is_none();
    if narrowed_late && by_words.len() >= LOOKED_AT as usize {
        let why = format!(
            "the best {LOOKED_AT} passages were looked at for the type or tag, since too many documents may have it: name documents, or ask \
             with rarer words"
        );
        partial = Some(partial.map_or_else(|| why.clone(), |other| format!("{other}; {why}")));
    }
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
        stems: BTreeSet::new(),
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
    // Of two hundred documents the passage that answers a question in other words is often first by its meaning and not found by words at all;
    // by places it would come behind everything that both orders have (docs/performance.md).
    let by = By { fusing: Fusing::Figures, ..By::of(cx.platform()) };
    let most = if wanted.for_more { wanted.limit } else { before(cx.platform(), wanted.limit) };
    let mut ordered = order_stemming(candidates, by, most, |chunk| stems(&chunk.value.text));
    let text = |chunk: &Stored<Chunk>| format!("{}\n{}", chunk.value.heading, chunk.value.text).trim().to_owned();
    if !wanted.for_more {
        let (again, kept) = reranked(cx, &wanted.query, ordered, wanted.limit, text).await;
        (ordered, partial) = (again, joined(partial, kept));
    }
    let passage = |(chunk, score, why): (Stored<Chunk>, f64, Why)| {
        let kind = documents.get(&chunk.value.document_id)?.kind;
        Some(Passage { chunk: chunk.value, kind, score, why })
    };
    Ok(Found { passages: ordered.into_iter().filter_map(passage).collect(), method, partial })
}

/// The passages that mean most like the question. Where they are narrowed to some documents and others are nearer, among those alone.
async fn meaning_alike(cx: &Cx, wanted: &Sought, filter: &Filter, narrowed: bool) -> Result<Near, Fault> {
    let (parts, most) = (parts_of(cx), LOOKED_AT as usize);
    let nearest = near(cx, &DOCUMENT_CHUNK, &parts, &wanted.query, most).await;
    let is_cut = matches!(&nearest, Near::Found(found, _) if found.len() >= most);
    if !narrowed || !is_cut {
        return Ok(nearest);
    }
    let passages = cx.find::<Chunk>(Query::newest(filter.clone(), MOST_AMONG)).await?;
    let among = passages.into_iter().map(|passage| passage.id).collect();
    Ok(near_among(cx, &DOCUMENT_CHUNK, &parts, &wanted.query, most, Some(among)).await)
}

/// The documents that have the type and the tag; `None` where neither is asked for, or too many may have them.
async fn fitting(cx: &Cx, wanted: &Sought) -> Result<Option<Vec<Uuid>>, Fault> {
    if wanted.kind.is_none() && wanted.tag.is_none() {
        return Ok(None);
    }
    let mut filter = visible_to::<Document>(cx.caller());
    if let Some(kind) = wanted.kind {
        filter = filter.and(Filter::is("type", Scalar::Text(kind.name().to_owned())));
    }
    if !wanted.document_ids.is_empty() {
        filter = filter.and(Filter::In("id", wanted.document_ids.iter().map(|id| Scalar::Id(id.uuid())).collect()));
    }
    let found = cx.find::<Document>(Query::newest(filter, LOOKED_THROUGH + 1)).await?;
    let whole = found.len() <= LOOKED_THROUGH as usize;
    let has_tag = |document: &Document| wanted.tag.as_ref().is_none_or(|tag| document.tags.contains(tag));
    let ids: Vec<Uuid> = found.iter().filter(|one| has_tag(&one.value)).map(|one| one.id).collect();
    Ok((whole && ids.len() <= MOST_FITTING).then_some(ids))
}

/// How much of what is looked for a passage says itself, and not what stands beside it: from a quarter, where it says nothing of it, to 1.
fn own(chunk: &Chunk, words: &[Word]) -> f64 {
    let said = format!("{} {}", chunk.heading, chunk.text).to_lowercase();
    let said: BTreeSet<&str> = said.split(|letter: char| !letter.is_alphanumeric()).collect();
    let is_said = |word: &&Word| {
        let sought = word.text.as_str();
        said.range(sought..).next().is_some_and(|one| *one == sought || (word.beginning && one.starts_with(sought)))
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
