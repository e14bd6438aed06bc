//! `memory_search`: what is remembered of something.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::memory::engine::finding::{Found, Wanted, find};
use crate::domain::memory::model::memory::{MemoryKind, Scope, Trust};
use crate::domain::memory::retrieval::ranking::Why;
use crate::domain::memory::views::MemoryView;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// Finds memories.
pub(in crate::domain::memory) struct MemorySearch;

/// What to look for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Input {
    /// A question or some words; the newest memories when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 2000))]
    query: Option<String>,
    /// Where to look; everybody's, the caller's own, their workspaces' and those of the agent that acts when not given. A session is looked
    /// into only when it is named.
    #[serde(default)]
    scope: Option<Scope>,
    /// Which workspace, agent or session.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    scope_id: Option<String>,
    /// Only of these kinds.
    #[serde(default)]
    #[schemars(length(max = 6))]
    kinds: Vec<MemoryKind>,
    /// Only with all of these tags.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 50)))]
    tags: Vec<String>,
    /// Only what is about this.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    about: Option<String>,
    /// Only what can be trusted so far; all when not given.
    #[serde(default)]
    #[schemars(length(max = 3))]
    trust: Vec<Trust>,
    /// Only what matters at least so much, from 0 to 1.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    min_importance: Option<f64>,
    /// What is so at this moment, as far as it is known when it is so.
    #[serde(default)]
    valid_at: Option<Timestamp>,
    /// What was believed at this moment, whatever was learned since.
    #[serde(default)]
    believed_at: Option<Timestamp>,
    /// Also what is believed no longer.
    #[serde(default)]
    include_ended: bool,
    /// How many to answer at most; 10 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 50))]
    limit: Option<usize>,
}

/// What is remembered.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Output {
    /// The best first; without a query the newest.
    items: Vec<Hit>,
    /// How it was found: `lexical`, by words; `hybrid`, by words and meaning; `newest` without a query.
    method: &'static str,
    /// What was not looked at, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<String>,
}

/// A memory that was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Hit {
    #[serde(flatten)]
    memory: MemoryView,
    /// How well it fits, from 0 to 1; absent without a query.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    /// Why it stands where it does; absent without a query.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<Why>,
}

impl Capability for MemorySearch {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "memory_search",
        Domain::Memory,
        Route::get("/memory/search"),
        Permit::on(Resource::Memories, Action::Read),
        "What is remembered of something, best first, with where each comes from and why it was found: by words, meaning, newness and importance. Also what \
         was believed at an earlier time. Search here before asking somebody again what they said once.",
    )
    .also(&[Route::post("/memory/search")])
    .asks()
    .spends()
    .everyday();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let wanted = Wanted {
            query: input.query,
            scope: input.scope,
            scope_id: input.scope_id,
            kinds: input.kinds,
            tags: input.tags,
            about: input.about,
            trust: input.trust,
            min_importance: input.min_importance,
            valid_at: input.valid_at,
            believed_at: input.believed_at,
            include_ended: input.include_ended,
            limit: input.limit.unwrap_or(10),
            for_more: false,
        };
        let Found { items, method, partial } = find(cx, wanted).await?;
        let hit = |(memory, told): (_, Option<(f64, Why)>)| {
            let (score, why) = told.unzip();
            Hit { memory: MemoryView::of(memory), score, why }
        };
        Ok(Output { items: items.into_iter().map(hit).collect(), method, partial })
    }
}
