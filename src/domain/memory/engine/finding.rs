//! Finding memories: which come into question, and in what order.

use std::collections::HashMap;

use uuid::Uuid;

use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::{Stored, visible_to};
use crate::domain::memory::model::memory::{MEMORY, Memory, MemoryKind, Scope, State, Trust, distinct};
use crate::domain::memory::model::policy::Share;
use crate::domain::memory::places::parts;
use crate::domain::memory::retrieval::near;
use crate::domain::memory::retrieval::ranking::{By, Candidate, Why, order};
use crate::domain::memory::retrieval::reranking::{before, joined, reranked};
use crate::domain::memory::retrieval::words::{sought, stems};
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Comparison, Filter, Query, Ranking, Scalar};

/// So many come into question for each that is answered, and at least so many.
const FOR_EACH: usize = 4;
const AT_LEAST: usize = 40;
/// So many are looked through for tags, where nothing else narrows the search.
const LOOKED_THROUGH: u32 = 1000;

/// What is looked for.
#[derive(Debug, Default)]
pub(in crate::domain::memory) struct Wanted {
    pub(in crate::domain::memory) query: Option<String>,
    pub(in crate::domain::memory) scope: Option<Scope>,
    pub(in crate::domain::memory) scope_id: Option<String>,
    pub(in crate::domain::memory) kinds: Vec<MemoryKind>,
    pub(in crate::domain::memory) tags: Vec<String>,
    pub(in crate::domain::memory) about: Option<String>,
    pub(in crate::domain::memory) trust: Vec<Trust>,
    pub(in crate::domain::memory) min_importance: Option<f64>,
    pub(in crate::domain::memory) valid_at: Option<Timestamp>,
    pub(in crate::domain::memory) believed_at: Option<Timestamp>,
    pub(in crate::domain::memory) include_ended: bool,
    pub(in crate::domain::memory) limit: usize,
    /// Whether they are put in order with other things: then no reranker is asked of them alone.
    pub(in crate::domain::memory) for_more: bool,
}

/// A memory, and how well it fits and why; without a question nothing says that.
type Item = (Stored<Memory>, Option<(f64, Why)>);

/// What was found.
pub(in crate::domain::memory) struct Found {
    pub(in crate::domain::memory) items: Vec<Item>,
    pub(in crate::domain::memory) method: &'static str,
    /// What was not looked at, and why.
    pub(in crate::domain::memory) partial: Option<String>,
}

/// Finds memories that the caller may see.
///
/// # Errors
/// As `places::place`; when the store fails.
pub(in crate::domain::memory) async fn find(cx: &Cx, wanted: Wanted) -> Result<Found, Fault> {
    let parts = parts(cx, wanted.scope, wanted.scope_id.as_deref()).await?;
    find_among(cx, wanted, &parts, Filter::All).await
}

/// The same in these parts, of what fits `also`.
pub(in crate::domain::memory) async fn find_among(
    cx: &Cx,
    wanted: Wanted,
    parts: &[String],
    also: Filter,
) -> Result<Found, Fault> {
    let filter = visible_to::<Memory>(cx.caller()).and(filter(&wanted, parts, cx.now())).and(also);
    let tags = distinct(wanted.tags);
    let fits = |memory: &Memory| tags.iter().all(|tag| memory.tags.contains(tag));
    let Some(question) = &wanted.query else {
        let limit = if tags.is_empty() { u32::try_from(wanted.limit).unwrap_or(u32::MAX) } else { LOOKED_THROUGH };
        let query = Query { filter, order: "recordedAt", descending: true, after: None, limit };
        let found = cx.find::<Memory>(query).await?.into_iter().filter(|one| fits(&one.value));
        let items = found.take(wanted.limit).map(|memory| (memory, None)).collect();
        return Ok(Found { items, method: "newest", partial: None });
    };
    let many = (wanted.limit * FOR_EACH).max(AT_LEAST);
    let limit = if tags.is_empty() { u32::try_from(many).unwrap_or(u32::MAX) } else { LOOKED_THROUGH };
    let ranking = Ranking { words: sought(question), filter: filter.clone(), limit };
    let ranked = cx.platform().store.rank(cx.tenant(), &MEMORY, ranking).await.map_err(store_fault)?;
    let near = near(cx, &MEMORY, parts, question, many * FOR_EACH).await;
    let (near, method, partial) = near.told();
    let cut = !tags.is_empty() && ranked.len() >= LOOKED_THROUGH as usize;
    let mut partial =
        partial.or_else(|| cut.then(|| format!("only the first {LOOKED_THROUGH} were held against the tags")));
    let now = wanted.believed_at.unwrap_or_else(|| cx.now());
    let candidate = |memory: Stored<Memory>| Candidate {
        words: None,
        meaning: None,
        age: now.since(memory.value.said_at),
        importance: Share(memory.value.importance).number(),
        stems: stems(&memory.value.text),
        item: memory,
    };
    let mut candidates: Vec<Candidate<Stored<Memory>>> = Vec::new();
    for (record, score) in ranked {
        let memory = Stored::<Memory>::read(record)?;
        if fits(&memory.value) && candidates.len() < many {
            candidates.push(Candidate { words: Some((candidates.len(), score)), ..candidate(memory) });
        }
    }
    // The index knows whose they are, and nothing of what else is asked.
    let ids: Vec<Scalar> = near.iter().map(|(id, _)| Scalar::Id(*id)).collect();
    let most = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let allowed = Query::newest(Filter::In("id", ids).and(filter), most.max(1));
    let allowed = if near.is_empty() { Vec::new() } else { cx.find::<Memory>(allowed).await? };
    let mut allowed: HashMap<Uuid, Stored<Memory>> =
        allowed.into_iter().filter(|one| fits(&one.value)).map(|one| (one.id, one)).collect();
    for (rank, (id, likeness)) in
        near.into_iter().filter(|(id, _)| allowed.contains_key(id)).take(many).enumerate().collect::<Vec<_>>()
    {
        let meaning = Some((rank, likeness));
        if let Some(known) = candidates.iter_mut().find(|known| known.item.id == id) {
            known.meaning = meaning;
        } else if let Some(memory) = allowed.remove(&id) {
            candidates.push(Candidate { meaning, ..candidate(memory) });
        }
    }
    let most = if wanted.for_more { wanted.limit } else { before(cx.platform(), wanted.limit) };
    let mut ordered = order(candidates, By::of(cx.platform()), most);
    let text = |memory: &Stored<Memory>| memory.value.text.clone();
    if !wanted.for_more {
        let (again, kept) = reranked(cx, question, ordered, wanted.limit, text).await;
        (ordered, partial) = (again, joined(partial, kept));
    }
    let items = ordered.into_iter().map(|(memory, score, why)| (memory, Some((score, why)))).collect();
    Ok(Found { items, method, partial })
}

/// Everything that can be asked of the store itself.
fn filter(wanted: &Wanted, parts: &[String], now: Timestamp) -> Filter {
    let text = |text: &str| Scalar::Text(text.to_owned());
    let mut all = vec![Filter::In("part", parts.iter().cloned().map(Scalar::Text).collect())];
    if !wanted.kinds.is_empty() {
        all.push(Filter::In("kind", wanted.kinds.iter().map(|kind| text(kind.name())).collect()));
    }
    if !wanted.trust.is_empty() {
        all.push(Filter::In("trust", wanted.trust.iter().map(|trust| text(trust.name())).collect()));
    }
    if let Some(about) = &wanted.about {
        all.push(Filter::is("about", Scalar::Text(about.trim().to_lowercase())));
    }
    if let Some(least) = wanted.min_importance {
        let least = Scalar::Integer(Share::of(least).0.into());
        all.push(Filter::Compare("importance", Comparison::AtLeast, least));
    }
    if let Some(moment) = wanted.valid_at {
        all.push(until("validFrom", moment));
        all.push(beyond("validTo", moment));
    }
    if let Some(moment) = wanted.believed_at {
        all.push(Filter::Compare("recordedAt", Comparison::AtMost, Scalar::Time(moment)));
        all.push(beyond("endedAt", moment));
    } else if !wanted.include_ended {
        all.push(Filter::is("state", text(State::Current.name())));
        all.push(beyond("expiresAt", now));
    }
    Filter::And(all)
}

/// It has begun, or nobody knows when.
fn until(field: &'static str, moment: Timestamp) -> Filter {
    let begun = Filter::Compare(field, Comparison::AtMost, Scalar::Time(moment));
    Filter::Or(vec![Filter::IsNull(field), begun])
}

/// It is not over, or never.
fn beyond(field: &'static str, moment: Timestamp) -> Filter {
    let later = Filter::Compare(field, Comparison::Greater, Scalar::Time(moment));
    Filter::Or(vec![Filter::IsNull(field), later])
}
