//! `memory_stats`: how much is remembered.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::visible_to;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::memory::model::memory::{Memory, Scope, State};
use crate::domain::memory::places::parts;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Place, Query, Scalar};

/// So many are looked at a time.
const PAGE: u32 = 500;
/// So many are counted, the newest first.
const MOST: u64 = 50_000;
/// Growth is told for so many days.
const DAYS: usize = 30;

/// Counts memories.
pub(in crate::domain::memory) struct MemoryStats;

/// Which ones.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Input {
    /// Only these; all that the caller may see when not given.
    #[serde(default)]
    scope: Option<Scope>,
    /// Which workspace, agent or session.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    scope_id: Option<String>,
}

/// How many there are.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::memory) struct Output {
    /// Those that the caller may see.
    total: u64,
    /// By whether they are believed.
    by_state: BTreeMap<&'static str, u64>,
    /// Those that are believed, by kind.
    by_kind: BTreeMap<&'static str, u64>,
    /// Those that are believed, by whose they are.
    by_scope: BTreeMap<&'static str, u64>,
    /// Those that are believed, by how far they can be trusted.
    by_trust: BTreeMap<&'static str, u64>,
    /// Bytes of their texts.
    text_bytes: u64,
    /// How many were recorded on each of the last 30 days, today last.
    recorded_by_day: Vec<u64>,
    /// How many ended on each of these days: superseded or put aside.
    ended_by_day: Vec<u64>,
    /// When the first was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<Timestamp>,
    /// Whether all were counted: the newest 50,000 are.
    whole: bool,
}

impl Capability for MemoryStats {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "memory_stats",
        Domain::Memory,
        Route::get("/memory/stats"),
        Permit::on(Resource::Memories, Action::Read),
        "How much is remembered: counts by kind, scope, state and trust, bytes of text, and what was recorded and what ended on each of the last \
         30 days.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let mut filter = visible_to::<Memory>(cx.caller());
        if input.scope.is_some() || input.scope_id.is_some() {
            let parts = parts(cx, input.scope, input.scope_id.as_deref()).await?;
            filter = filter.and(Filter::In("part", parts.into_iter().map(Scalar::Text).collect()));
        }
        let now = cx.now();
        let mut told =
            Output { recorded_by_day: vec![0; DAYS], ended_by_day: vec![0; DAYS], whole: true, ..Output::default() };
        let mut after: Option<Place> = None;
        loop {
            let query = Query { filter: filter.clone(), order: "recordedAt", descending: true, after, limit: PAGE };
            let page = cx.find::<Memory>(query).await?;
            after = page.last().map(|last| Place { key: Scalar::Time(last.value.recorded_at), id: last.id });
            let ends = page.len() < PAGE as usize;
            for stored in page {
                told.add(&stored.value, now);
            }
            if ends {
                return Ok(told);
            }
            if told.total >= MOST {
                told.whole = false;
                return Ok(told);
            }
        }
    }
}

impl Output {
    fn add(&mut self, memory: &Memory, now: Timestamp) {
        self.total += 1;
        self.text_bytes += u64::try_from(memory.text.len()).unwrap_or(u64::MAX);
        *self.by_state.entry(memory.state.name()).or_default() += 1;
        if memory.state == State::Current {
            *self.by_kind.entry(memory.kind.name()).or_default() += 1;
            *self.by_scope.entry(memory.scope.name()).or_default() += 1;
            *self.by_trust.entry(memory.trust.name()).or_default() += 1;
        }
        on_day(&mut self.recorded_by_day, memory.recorded_at, now);
        if let Some(ended) = memory.ended_at {
            on_day(&mut self.ended_by_day, ended, now);
        }
        // The newest come first.
        self.oldest = Some(memory.recorded_at);
    }
}

/// Counts a moment on its day, the last one being the 24 hours before now.
fn on_day(days: &mut [u64], moment: Timestamp, now: Timestamp) {
    let ago = now.since(moment).as_secs() / Duration::from_hours(24).as_secs();
    if let Some(day) = usize::try_from(ago).ok().and_then(|ago| days.len().checked_sub(ago + 1)) {
        days[day] += 1;
    }
}
