//! What is remembered of something, for whoever puts it beside what documents and the graph say; and what an agent learned, remembered for it.

use serde_json::json;

use super::engine::finding::{Found, Wanted, find_among};
use super::engine::keeping::may_change;
use super::model::memory::{Memory, Scope, State, Trust};
pub(crate) use super::model::memory::{MemoryKind, Source};
use super::model::policy::Share;
use super::places::{own, place};
use super::tools::memory_store::MemoryStore;
use super::topics::UPDATED;
use crate::capability::Capability as _;
use crate::capability::cx::Cx;
use crate::kernel::fault::Fault;
use crate::kernel::id::MemoryId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Comparison, Filter, Scalar};

/// What matters most and least of what is weighed, in thousandths: nothing is taken for certain, and nothing is silenced.
const HEAVIEST: u16 = 950;
const LIGHTEST: u16 = 50;

/// What is looked for.
pub(crate) struct Asked<'a> {
    pub(crate) question: &'a str,
    /// The agent whose memories are looked into, too.
    pub(crate) agent: Option<&'a str>,
    /// Only what can be trusted so far; all where it is empty.
    pub(crate) trust: &'a [Trust],
    /// Only what was said since.
    pub(crate) since: Option<Timestamp>,
    pub(crate) limit: usize,
}

/// A memory.
pub(crate) struct Known {
    pub(crate) id: MemoryId,
    pub(crate) text: String,
    pub(crate) kind: MemoryKind,
    pub(crate) scope: Scope,
    pub(crate) trust: Trust,
    /// How much it matters, from 0 to 1.
    pub(crate) importance: f64,
    /// How near its meaning is.
    pub(crate) likeness: Option<f64>,
    pub(crate) said_at: Timestamp,
    pub(crate) sources: Vec<Source>,
}

/// What the caller may see of what is remembered, the best first; how it was looked for, and what was not looked at.
///
/// # Errors
/// `not_found` for an agent that the caller may not see; when the store fails.
pub(crate) async fn known(cx: &Cx, asked: Asked<'_>) -> Result<(Vec<Known>, &'static str, Option<String>), Fault> {
    let mut parts: Vec<String> = Scope::ALL.into_iter().flat_map(|scope| own(cx, scope, None)).collect();
    if let Some(agent) = asked.agent {
        let of_agent = place(cx, Some(Scope::Agent), Some(agent)).await?.part;
        if !parts.contains(&of_agent) {
            parts.push(of_agent);
        }
    }
    let since =
        asked.since.map_or(Filter::All, |since| Filter::Compare("saidAt", Comparison::AtLeast, Scalar::Time(since)));
    let wanted = Wanted {
        query: Some(asked.question.to_owned()),
        trust: asked.trust.to_vec(),
        valid_at: Some(cx.now()),
        limit: asked.limit,
        for_more: true,
        ..Wanted::default()
    };
    let Found { items, method, partial } = find_among(cx, wanted, &parts, since).await?;
    let known = items.into_iter().map(|(stored, told)| {
        let Memory { text, kind, scope, trust, importance, said_at, source, .. } = stored.value;
        Known {
            id: MemoryId::from_uuid(stored.id),
            text,
            kind,
            scope,
            trust,
            importance: Share(importance).number(),
            likeness: told.and_then(|(_, why)| why.likeness()),
            said_at,
            sources: source,
        }
    });
    Ok((known.collect(), method, partial))
}

/// What an agent is to remember.
#[derive(Debug, Clone)]
pub(crate) struct Lesson<'a> {
    pub(crate) agent: &'a str,
    pub(crate) text: &'a str,
    pub(crate) about: Option<&'a str>,
    pub(crate) tags: &'a [String],
    pub(crate) importance: Option<f64>,
    pub(crate) trust: Trust,
    pub(crate) source: Source,
}

/// Remembers how something is done, as `memory_store` does. Answers the memory and what became of it.
///
/// # Errors
/// As `memory_store`.
pub(crate) async fn learn(cx: &Cx, lesson: &Lesson<'_>) -> Result<(MemoryId, String), Fault> {
    let mut input = json!({
        "text": lesson.text, "kind": "procedure", "scope": "agent", "scopeId": lesson.agent, "tags": lesson.tags, "trust": lesson.trust,
        "source": lesson.source,
    });
    if let Some(about) = lesson.about {
        input["about"] = about.into();
    }
    if let Some(importance) = lesson.importance {
        input["importance"] = importance.into();
    }
    let input = serde_json::from_value(input).map_err(Fault::internal)?;
    let told = serde_json::to_value(Box::pin(MemoryStore::run(cx, input)).await?).map_err(Fault::internal)?;
    let id = serde_json::from_value(told["memory"]["memoryId"].clone()).map_err(Fault::internal)?;
    let action = told["action"].as_str().map(str::to_owned).unwrap_or_default();
    Ok((id, action))
}

/// How a memory was weighed: how much it mattered and matters.
pub(crate) struct Weighed {
    pub(crate) id: MemoryId,
    pub(crate) before: f64,
    pub(crate) after: f64,
}

/// Has what an agent remembers matter more or less by so many thousandths: those of its own that are believed and that the caller may change.
///
/// # Errors
/// When the store fails.
pub(crate) async fn weigh(cx: &Cx, agent: &str, ids: &[MemoryId], by: i32) -> Result<Vec<Weighed>, Fault> {
    let mut weighed = Vec::new();
    for id in ids {
        let Some(stored) = cx.get::<Memory>(id.uuid()).await? else { continue };
        let old = &stored.value;
        let is_own = old.scope == Scope::Agent && old.scope_id.as_deref() == Some(agent);
        if !is_own || old.state != State::Current || !may_change(cx, &stored) {
            continue;
        }
        let sum = i32::from(old.importance).saturating_add(by);
        // What somebody set beyond the bounds stays where it is.
        let bounds = (old.importance.min(LIGHTEST), old.importance.max(HEAVIEST));
        let importance = u16::try_from(sum.max(0)).unwrap_or(u16::MAX).clamp(bounds.0, bounds.1);
        if importance == old.importance {
            continue;
        }
        cx.change(&stored, &Memory { importance, ..old.clone() })?;
        cx.emit(UPDATED, stored.id, &json!({ "memoryId": stored.id, "kind": old.kind, "scope": old.scope }))?;
        weighed.push(Weighed { id: *id, before: Share(old.importance).number(), after: Share(importance).number() });
    }
    Ok(weighed)
}
