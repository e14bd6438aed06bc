//! What an agent is to be reminded of: of what is believed, what bears on a question, from the places that are its caller's and its own, as far
//! as the policy of each place lets agents be told.

use super::engine::finding::{Wanted, find_among};
use super::engine::policies::Policies;
use super::model::memory::Memory;
pub(crate) use super::model::memory::{MemoryKind, Scope, Trust};
use super::places::own;
use super::tools::memory_search::MemorySearch;
use crate::capability::Capability as _;
use crate::capability::caller::Caller;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::registry::may_call;
use crate::kernel::fault::Fault;
use crate::kernel::id::MemoryId;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Scalar};

/// A question is not longer than that of a search.
const MOST_ASKED: usize = 2_000;

/// What bears on what.
pub(crate) struct Asked<'a> {
    /// The question.
    pub(crate) question: &'a str,
    /// Whose memories; of all scopes when there is none.
    pub(crate) scopes: &'a [Scope],
    /// The conversation whose memories are looked into, too.
    pub(crate) session: Option<&'a str>,
    /// So many at most.
    pub(crate) limit: usize,
}

/// A memory that bears on the question.
pub(crate) struct Recalled {
    pub(crate) id: MemoryId,
    pub(crate) text: String,
    pub(crate) kind: MemoryKind,
    pub(crate) trust: Trust,
    /// Since when it is believed.
    pub(crate) recorded_at: Timestamp,
}

/// What was found.
#[derive(Default)]
pub(crate) struct Recollection {
    /// The best first.
    pub(crate) memories: Vec<Recalled>,
    /// What was not looked at, and why.
    pub(crate) partial: Option<String>,
}

/// The name of the tool that tells the same: who may not have it is not told by recalling either.
pub(crate) const TOOL: &str = MemorySearch::SPEC.name;

/// Whether whoever calls may be told memories, whichever agent acts for them.
pub(crate) fn may_recall(cx: &Cx) -> bool {
    let caller = Caller { acting: None, ..Caller::clone(cx.caller()) };
    cx.platform().registry.present().find(cx.tenant(), TOOL).is_some_and(|tool| may_call(&caller, tool))
}

/// What the agent that acts in this call is to be reminded of. Nobody is told what they may not look up themselves.
///
/// # Errors
/// When the store fails.
pub(crate) async fn recall(cx: &Cx, asked: Asked<'_>) -> Result<Recollection, Fault> {
    if !may_recall(cx) {
        let partial = Some("nothing was recalled: the caller is not permitted memories:read".to_owned());
        return Ok(Recollection { partial, ..Recollection::default() });
    }
    let policies = Policies::load(cx).await?;
    let (mut parts, mut told) = (Vec::new(), Vec::new());
    for scope in Scope::ALL.into_iter().filter(|scope| asked.scopes.is_empty() || asked.scopes.contains(scope)) {
        let of_scope = own(cx, scope, asked.session);
        if !of_scope.is_empty() {
            let trusted = policies.recalled(scope).iter().map(|trust| trust.name());
            told.push(among("part", of_scope.iter().map(String::as_str)).and(among("trust", trusted)));
            parts.extend(of_scope);
        }
    }
    let question: String = asked.question.chars().take(MOST_ASKED).collect();
    if asked.limit == 0 || parts.is_empty() || question.trim().is_empty() {
        return Ok(Recollection::default());
    }
    let now = cx.now();
    let wanted = Wanted { query: Some(question), valid_at: Some(now), limit: asked.limit, ..Wanted::default() };
    let found = find_among(cx, wanted, &parts, Filter::Or(told)).await?;
    let recalled = |memory: Stored<Memory>| Recalled {
        id: MemoryId::from_uuid(memory.id),
        text: memory.value.text,
        kind: memory.value.kind,
        trust: memory.value.trust,
        recorded_at: memory.value.recorded_at,
    };
    let memories = found.items.into_iter().map(|(memory, _)| recalled(memory)).collect();
    Ok(Recollection { memories, partial: found.partial })
}

fn among<'a>(field: &'static str, values: impl Iterator<Item = &'a str>) -> Filter {
    Filter::In(field, values.map(|value| Scalar::Text(value.to_owned())).collect())
}
