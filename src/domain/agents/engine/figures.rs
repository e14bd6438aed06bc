//! Figures of an agent from the runs that it had.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::book::Runs;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Resource};
use crate::domain::agents::model::agent::Agent;
use crate::domain::agents::model::run::{AGENT_RUNS, RunEntry, RunStatus, StopReason, ToolCount, Usage};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::logs::TimeQuery;
use crate::port::records::{Comparison, Filter, Scalar, Scope};

/// Entries of one read.
const STEP: u32 = 2_000;
/// Entries that one question looks at.
const MOST: usize = 100_000;
/// Entries that are looked at to see how an agent does now.
pub(crate) const NEWEST: usize = 4_000;

/// A period.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

impl Span {
    /// The period that is asked for; without a beginning, so long before its end.
    pub(crate) fn of(cx: &Cx, from: Option<Timestamp>, to: Option<Timestamp>, usual: Duration) -> Result<Self, Fault> {
        let to = to.unwrap_or_else(|| cx.now().plus(Duration::from_millis(1)));
        let from = from.unwrap_or_else(|| to.minus(usual));
        if from >= to { Err(Fault::bad_input("/from", "must be before 'to'")) } else { Ok(Self { from, to }) }
    }
}

/// Whose runs are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Whose {
    /// Everybody's.
    Everybody,
    /// The caller's own.
    Own,
}

/// What runs add up to.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) by_status: BTreeMap<RunStatus, u64>,
    pub(crate) by_stop: BTreeMap<StopReason, u64>,
    pub(crate) faults: BTreeMap<String, u64>,
    pub(crate) tools: BTreeMap<String, ToolCount>,
    pub(crate) prompt_versions: BTreeMap<String, u64>,
    pub(crate) usage: Usage,
    /// Runs of which some price was not known.
    pub(crate) unpriced: u64,
    pub(crate) steps: u64,
    pub(crate) micros: Vec<u64>,
    pub(crate) last: Option<RunEntry>,
    /// Whether there may be more runs than were looked at.
    pub(crate) beyond: bool,
}

impl Figures {
    /// Those of an agent over a period. Whoever neither owns the agent nor manages runs sees their own.
    pub(crate) async fn of(cx: &Cx, agent: &Stored<Agent>, span: Span) -> Result<(Self, Whose), Fault> {
        let (figures, whose) = Self::read(cx, agent, span, MOST).await?;
        if figures.beyond {
            let say = format!("the period has more than {MOST} runs: ask for a shorter one");
            return Err(Fault::new(&codes::TOO_BROAD, say));
        }
        Ok((figures, whose))
    }

    /// The same of the newest runs of the period.
    pub(crate) async fn of_newest(cx: &Cx, agent: &Stored<Agent>, span: Span) -> Result<Self, Fault> {
        Ok(Self::read(cx, agent, span, NEWEST).await?.0)
    }

    async fn read(cx: &Cx, agent: &Stored<Agent>, span: Span, most: usize) -> Result<(Self, Whose), Fault> {
        // What ended just now is not written yet.
        cx.service::<Runs>()?.flush(cx.platform()).await?;
        let user = cx.caller().user.uuid();
        let all = agent.owner == Some(user) || cx.caller().may(Resource::Runs, Action::Manage);
        let whose = if all { Whose::Everybody } else { Whose::Own };
        let mut filter = Filter::is("agentId", Scalar::Text(agent.value.agent_id.clone()))
            .and(Filter::Compare("at", Comparison::AtLeast, Scalar::Time(span.from)))
            .and(Filter::Compare("at", Comparison::Less, Scalar::Time(span.to)));
        if !all {
            filter = filter.and(Filter::is("user", Scalar::Id(user)));
        }
        let (mut figures, mut beyond, mut seen) = (Self::default(), None, 0);
        loop {
            let query = TimeQuery { filter: filter.clone(), beyond, descending: true, limit: STEP };
            let scope = Scope::Tenant(cx.tenant());
            let found = cx.platform().store.entries_by_time(scope, &AGENT_RUNS, query).await.map_err(store_fault)?;
            let (count, last) = (found.len(), found.last().map(|entry| (entry.at, entry.position)));
            for entry in found {
                figures.add(serde_json::from_value(entry.body).map_err(Fault::internal)?);
            }
            seen += count;
            if count < STEP as usize {
                return Ok((figures, whose));
            }
            if seen >= most {
                figures.beyond = true;
                return Ok((figures, whose));
            }
            beyond = last;
        }
    }

    fn add(&mut self, entry: RunEntry) {
        *self.by_status.entry(entry.stop.status()).or_default() += 1;
        *self.by_stop.entry(entry.stop).or_default() += 1;
        if let Some(fault) = &entry.fault {
            *self.faults.entry(fault.clone()).or_default() += 1;
        }
        for (tool, count) in &entry.tools {
            let sum = self.tools.entry(tool.clone()).or_default();
            sum.calls = sum.calls.saturating_add(count.calls);
            sum.failed = sum.failed.saturating_add(count.failed);
        }
        if let Some(version) = &entry.prompt_version {
            *self.prompt_versions.entry(version.clone()).or_default() += 1;
        }
        self.usage.join(&entry.usage);
        self.unpriced += u64::from(entry.usage.unpriced);
        self.steps = self.steps.saturating_add(entry.steps.into());
        // How long something took that nobody waited for says nothing of the agent.
        if entry.stop.status() != RunStatus::Cancelled {
            self.micros.push(entry.micros);
        }
        // They come newest first.
        self.last.get_or_insert(entry);
    }

    pub(crate) fn ended(&self, status: RunStatus) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    /// Runs of every end.
    pub(crate) fn runs(&self) -> u64 {
        self.by_status.values().sum()
    }

    /// Runs that somebody waited for to their end.
    pub(crate) fn waited_for(&self) -> u64 {
        self.runs() - self.ended(RunStatus::Cancelled)
    }
}
