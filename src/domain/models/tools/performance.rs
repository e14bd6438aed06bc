//! `model_performance`: how fast and how well models answered.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::models::model::call::{CacheState, CallEnd, CallEntry};
use crate::domain::models::reading::Calls;
use crate::kernel::fault::Fault;
use crate::kernel::figures::{Spread, share};
use crate::kernel::time::Timestamp;

/// Tells performance.
pub(in crate::domain::models) struct Performance;

/// So many groups are told.
const MOST_GROUPS: usize = 500;

/// Which calls.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Input {
    #[serde(flatten)]
    calls: Calls,
}

/// How a model did for an agent.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Group {
    /// The agent; not there for calls of none.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// The model, as `provider/model`.
    model: String,
    /// Calls that reached the model.
    calls: u64,
    /// Of these, ended by a fault.
    failed: u64,
    /// The share of calls that ended by a fault, from 0 to 1. Those that were called off are not in it.
    error_rate: f64,
    /// Faults by their code.
    faults: BTreeMap<String, u64>,
    /// How long whole answers took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<Spread>,
    /// How long it took until an answer began, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_piece: Option<Spread>,
    /// How the answers were.
    quality: Quality,
}

/// How answers were, as far as it can be told without asking anybody: whether each ended by itself.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Quality {
    /// How it was found: `completeness`, the share of answers that were neither cut off for length nor refused.
    method: &'static str,
    /// Answers that were looked at.
    answers: u64,
    /// Of these, cut off because they reached the most tokens.
    cut_off: u64,
    /// Of these, refused by the model or its vendor's filter.
    refused: u64,
    /// The share that was neither, from 0 to 1; not there without answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
}

/// Performance.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::models) struct Output {
    /// From when.
    from: Timestamp,
    /// Until when.
    to: Timestamp,
    /// By agent and model, the most used first.
    groups: Vec<Group>,
    /// Groups beyond the number that is told.
    groups_left_out: usize,
}

#[derive(Default)]
struct Tally {
    calls: u64,
    failed: u64,
    aborted: u64,
    faults: BTreeMap<String, u64>,
    micros: Vec<u64>,
    first_micros: Vec<u64>,
    quality: Quality,
}

impl Capability for Performance {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "model_performance",
        Domain::Models,
        Route::get("/ai/performance"),
        Permit::on(Resource::Spending, Action::Read),
        "How models did, by agent and model, from the calls that were made: latency, errors by kind, and how many answers were whole. Whoever may \
         not manage spending sees their own. For money use model_usage.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let mut tallies: BTreeMap<(Option<String>, String), Tally> = BTreeMap::new();
        let look = |entry: &CallEntry| {
            // What the cache answered says nothing of the model.
            if matches!(entry.cache, CacheState::Off | CacheState::Miss) {
                tallies.entry((entry.agent.clone(), entry.model.clone())).or_default().add(entry);
            }
        };
        let span = input.calls.each(cx, look).await?;
        let mut groups: Vec<Group> =
            tallies.into_iter().map(|((agent, model), tally)| tally.group(agent, model)).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.calls));
        let groups_left_out = groups.len().saturating_sub(MOST_GROUPS);
        groups.truncate(MOST_GROUPS);
        Ok(Output { from: span.from, to: span.to, groups, groups_left_out })
    }
}

impl Tally {
    fn add(&mut self, entry: &CallEntry) {
        self.calls += 1;
        self.first_micros.extend(entry.first_micros);
        match entry.end {
            CallEnd::Answered => {
                self.micros.push(entry.micros);
                if let Some(stop) = &entry.stop {
                    self.quality.answers += 1;
                    self.quality.cut_off += u64::from(stop == "length");
                    self.quality.refused += u64::from(stop == "refused");
                }
            }
            CallEnd::Aborted => self.aborted += 1,
            CallEnd::Failed => {
                self.failed += 1;
                if let Some(fault) = &entry.fault {
                    *self.faults.entry(fault.clone()).or_default() += 1;
                }
            }
        }
    }

    fn group(self, agent: Option<String>, model: String) -> Group {
        let quality = self.quality;
        let whole = quality.answers.saturating_sub(quality.cut_off + quality.refused);
        Group {
            agent,
            model,
            calls: self.calls,
            failed: self.failed,
            error_rate: share(self.failed, self.calls - self.aborted).unwrap_or(0.0),
            faults: self.faults,
            latency: Spread::of(self.micros),
            first_piece: Spread::of(self.first_micros),
            quality: Quality { method: "completeness", score: share(whole, quality.answers), ..quality },
        }
    }
}
