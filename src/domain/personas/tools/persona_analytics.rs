//! `persona_analytics`: how a persona is used, what its answers are worth and cost, and how that changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::learning::engine::figures::{mean, told};
use crate::domain::learning::model::feedback::Feedback;
use crate::domain::learning::reading::Which;
use crate::domain::models::model::call::{CallEnd, CallEntry};
use crate::domain::models::reading::{Calls, Span, sees_all};
use crate::domain::personas::finding::Found;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// The period that is looked at when none is given.
const USUAL: Duration = Duration::from_hours(24 * 30);
/// A longer period is told by weeks.
const BY_DAYS: Duration = Duration::from_hours(24 * 31);
/// The longest period.
const LONGEST: Duration = Duration::from_hours(24 * 366);
/// So much feedback is looked at, the newest first.
const MOST_FEEDBACK: usize = 50_000;
/// So many agents and versions are told, the most used first.
const MOST_TOLD: usize = 50;

/// Tells how a persona is used.
pub(in crate::domain::personas) struct PersonaAnalytics;

/// Which persona, over which period.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::personas) struct Input {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Not before this moment; thirty days before `to` when not given. A year at most.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Before this moment; now when not given.
    #[serde(default)]
    to: Option<Timestamp>,
}

/// How it is used.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::personas) struct Output {
    /// The persona.
    persona_id: String,
    /// From when.
    from: Timestamp,
    /// Until when.
    to: Timestamp,
    /// Whether everybody's calls are in it; else only the caller's own.
    everybody: bool,
    /// The whole period.
    total: Figures,
    /// The period of the same length before it.
    before: Figures,
    /// Days of the period, or weeks where it is longer than a month; those without use and feedback are left out.
    trend: Vec<Step>,
    /// What each version was used for, the most used first.
    versions: Vec<Share>,
    /// Which agents it spoke for, the most used first.
    agents: Vec<Share>,
    /// Whether all feedback was looked at: the newest 50,000 are.
    all_feedback: bool,
}

/// What was used of it and said of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Figures {
    /// Calls of models in which it spoke.
    calls: u64,
    /// Of these, answered by the cache.
    cached: u64,
    /// Of these, ended by a fault.
    failed: u64,
    /// How many executions it spoke in.
    executions: usize,
    /// How many users it spoke to.
    users: usize,
    /// Tokens that were read and written.
    tokens: u64,
    /// What it cost, in thousand-millionths of a dollar, as far as prices are known; left out for those who may not read spending.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_nano_dollars: Option<u64>,
    /// Calls whose price is not known: what they cost is not in the sum.
    calls_without_price: u64,
    /// How long models took to answer at the mean, in milliseconds; what the cache answered is not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_latency_ms: Option<f64>,
    /// How often something was said of its answers; left out for those who may not read feedback.
    #[serde(skip_serializing_if = "Option::is_none")]
    feedback: Option<usize>,
    /// How good answers were at the mean, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_score: Option<f64>,
    /// How right they were, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_accuracy: Option<f64>,
    /// How content people were, from 1 to 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_satisfaction: Option<f64>,
}

/// A day or week.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Step {
    /// When it begins.
    from: Timestamp,
    #[serde(flatten)]
    figures: Figures,
}

/// How much of the use something has.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Share {
    /// The version, or the agent.
    name: String,
    /// Calls of models.
    calls: u64,
    /// What they cost, in thousand-millionths of a dollar, as far as prices are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_nano_dollars: Option<u64>,
}

impl Capability for PersonaAnalytics {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "persona_analytics",
        Domain::Personas,
        Route::get("/personas/{id}/analytics"),
        Permit::on(Resource::Personas, Action::Read),
        "How a persona does over a period: use, users, tokens, cost, ratings, by version, agent and day, beside the period before. Calls count \
         that agents made with it or that name it in 'persona'. For an agent's runs use agent_metrics.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let found = Found::load(cx, &input.id, Action::Read).await?;
        let persona_id = found.id().to_owned();
        let to = input.to.unwrap_or_else(|| cx.now().plus(Duration::from_millis(1)));
        let from = input.from.unwrap_or_else(|| to.minus(USUAL));
        if from >= to {
            return Err(Fault::bad_input("/from", "must be before 'to'"));
        }
        let length = Duration::from_millis(to.as_millis().abs_diff(from.as_millis()));
        if length > LONGEST {
            return Err(Fault::bad_input("/from", "must be at most 366 days before 'to'"));
        }
        let mut periods = Periods::new(from, length);
        let both = Span { from: from.minus(length), to };
        Calls::within(both).of_persona(&persona_id).each(cx, |entry| periods.add(entry)).await?;
        let may = |resource| cx.caller().may(resource, Action::Read);
        let sees = Sees { ratings: may(Resource::Feedback), costs: may(Resource::Spending) };
        let mut all_feedback = true;
        if sees.ratings {
            let which = Which {
                persona_id: Some(persona_id.clone()),
                from: Some(both.from),
                to: Some(both.to),
                ..Which::default()
            };
            let look =
                |stored: crate::capability::owned::Stored<Feedback>| periods.rate(stored.created_at, &stored.value);
            all_feedback = which.each(cx, MOST_FEEDBACK, look).await?;
        }
        let step = |(number, sum): (u64, Sum)| Step {
            from: from.plus(Duration::from_millis(number.saturating_mul(periods.step))),
            figures: sum.told(sees),
        };
        Ok(Output {
            persona_id,
            from,
            to,
            everybody: sees_all(cx),
            total: periods.total.told(sees),
            before: periods.before.told(sees),
            trend: periods.steps.into_iter().map(step).collect(),
            versions: shares(periods.versions, sees),
            agents: shares(periods.agents, sees),
            all_feedback,
        })
    }
}

/// What the caller may see besides use.
#[derive(Clone, Copy)]
struct Sees {
    ratings: bool,
    costs: bool,
}

/// Two periods of the same length, the later one in steps.
struct Periods {
    from: Timestamp,
    /// So many milliseconds a step has.
    step: u64,
    total: Sum,
    before: Sum,
    steps: BTreeMap<u64, Sum>,
    versions: BTreeMap<String, (u64, u64)>,
    agents: BTreeMap<String, (u64, u64)>,
}

impl Periods {
    fn new(from: Timestamp, length: Duration) -> Self {
        let days = if length > BY_DAYS { 7 } else { 1 };
        Self {
            from,
            step: days * 24 * 3_600_000,
            total: Sum::default(),
            before: Sum::default(),
            steps: BTreeMap::new(),
            versions: BTreeMap::new(),
            agents: BTreeMap::new(),
        }
    }

    /// The sums that something of a moment goes into.
    fn at(&mut self, at: Timestamp) -> Vec<&mut Sum> {
        match u64::try_from(at.as_millis() - self.from.as_millis()) {
            Ok(since) => vec![&mut self.total, self.steps.entry(since / self.step).or_default()],
            Err(_) => vec![&mut self.before],
        }
    }

    fn add(&mut self, entry: &CallEntry) {
        self.at(entry.at).into_iter().for_each(|sum| sum.add(entry));
        if entry.at < self.from {
            return;
        }
        for (sums, name) in [(&mut self.versions, &entry.persona_version), (&mut self.agents, &entry.agent)] {
            if let Some(name) = name {
                let sum = sums.entry(name.clone()).or_default();
                sum.0 += 1;
                sum.1 = sum.1.saturating_add(entry.cost.map_or(0, |cost| cost.0));
            }
        }
    }

    fn rate(&mut self, at: Timestamp, feedback: &Feedback) {
        for sum in self.at(at) {
            sum.feedback += 1;
            sum.scores.extend(feedback.score());
            sum.accuracies.extend(feedback.accuracy);
            sum.satisfactions.extend(feedback.user_satisfaction);
        }
    }
}

/// What a period adds up to.
#[derive(Debug, Default)]
struct Sum {
    calls: u64,
    cached: u64,
    failed: u64,
    executions: BTreeSet<String>,
    users: BTreeSet<Uuid>,
    tokens: u64,
    cost: u64,
    unpriced: u64,
    latency: Vec<f64>,
    feedback: usize,
    scores: Vec<f64>,
    accuracies: Vec<f64>,
    satisfactions: Vec<f64>,
}

impl Sum {
    fn add(&mut self, entry: &CallEntry) {
        self.calls += 1;
        self.cached += u64::from(entry.cache.was_kept());
        self.failed += u64::from(entry.end == CallEnd::Failed);
        self.executions.extend(entry.execution.clone());
        self.users.insert(entry.user);
        self.tokens = self.tokens.saturating_add(entry.tokens.input).saturating_add(entry.tokens.output);
        self.cost = self.cost.saturating_add(entry.cost.map_or(0, |cost| cost.0));
        self.unpriced += u64::from(entry.cost.is_none());
        if entry.end == CallEnd::Answered && !entry.cache.was_kept() {
            self.latency.push(Duration::from_micros(entry.micros).as_secs_f64() * 1000.0);
        }
    }

    fn told(&self, sees: Sees) -> Figures {
        let mean = |values: &[f64]| mean(values).map(told);
        Figures {
            calls: self.calls,
            cached: self.cached,
            failed: self.failed,
            executions: self.executions.len(),
            users: self.users.len(),
            tokens: self.tokens,
            cost_nano_dollars: sees.costs.then_some(self.cost),
            calls_without_price: self.unpriced,
            mean_latency_ms: mean(&self.latency),
            feedback: sees.ratings.then_some(self.feedback),
            mean_score: mean(&self.scores),
            mean_accuracy: mean(&self.accuracies),
            mean_satisfaction: mean(&self.satisfactions),
        }
    }
}

/// The most used first.
fn shares(sums: BTreeMap<String, (u64, u64)>, sees: Sees) -> Vec<Share> {
    let share = |(name, (calls, cost)): (String, (u64, u64))| {
        let cost_nano_dollars = sees.costs.then_some(cost);
        Share { name, calls, cost_nano_dollars }
    };
    let mut shares: Vec<Share> = sums.into_iter().map(share).collect();
    shares.sort_by(|one, other| other.calls.cmp(&one.calls).then_with(|| one.name.cmp(&other.name)));
    shares.truncate(MOST_TOLD);
    shares
}
