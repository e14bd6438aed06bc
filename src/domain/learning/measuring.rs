//! Measuring: what the calls of models and the feedback of a period say, as figures that periods and versions are compared by.

use std::collections::BTreeMap;

use super::reading::Which;
use crate::capability::cx::Cx;
use crate::domain::models::model::call::{CallEnd, CallEntry};
use crate::domain::models::reading::{Calls, Span};
use crate::kernel::fault::Fault;

/// So much feedback of a period is looked at, the newest first.
const MOST_FEEDBACK: usize = 50_000;

/// Of whose answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of<'a> {
    /// An agent's.
    Agent(&'a str),
    /// Those to a prompt, or to one version of it.
    Prompt(&'a str, Option<&'a str>),
}

/// What was measured over a period.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// How long models took to answer, in milliseconds; what the cache answered is not in it.
    pub(crate) latency: Vec<f64>,
    /// Tokens that were read.
    pub(crate) input_tokens: Vec<f64>,
    /// Tokens that were written.
    pub(crate) output_tokens: Vec<f64>,
    /// What calls cost, in thousand-millionths of a dollar, where the price is known.
    pub(crate) cost: Vec<f64>,
    /// Calls of models.
    pub(crate) calls: usize,
    /// Of these, ended by a fault.
    pub(crate) failed: usize,
    /// How they ended.
    pub(crate) outcomes: BTreeMap<String, usize>,
    /// Why models stopped.
    pub(crate) stops: BTreeMap<String, usize>,
    /// Which models answered.
    pub(crate) models: BTreeMap<String, usize>,
    /// How good answers were, from 0 to 1.
    pub(crate) scores: Vec<f64>,
    /// How right they were.
    pub(crate) accuracies: Vec<f64>,
    /// How content people were.
    pub(crate) satisfactions: Vec<f64>,
    /// How often something was said.
    pub(crate) feedback: usize,
    /// Whether all feedback was looked at: the newest 50,000 are.
    pub(crate) whole: bool,
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn number(count: u64) -> f64 {
    count as f64
}

impl Figures {
    fn add(&mut self, entry: &CallEntry) {
        self.calls += 1;
        self.failed += usize::from(entry.end == CallEnd::Failed);
        let outcome = match (entry.end, &entry.fault) {
            (CallEnd::Answered, _) => "answered",
            (CallEnd::Aborted, _) => "aborted",
            (CallEnd::Failed, Some(fault)) => fault,
            (CallEnd::Failed, None) => "failed",
        };
        *self.outcomes.entry(outcome.to_owned()).or_default() += 1;
        // What the cache answers says nothing of how a model does.
        if entry.end != CallEnd::Answered || entry.cache.was_kept() {
            return;
        }
        *self.models.entry(entry.model.clone()).or_default() += 1;
        if let Some(stop) = &entry.stop {
            *self.stops.entry(stop.clone()).or_default() += 1;
        }
        self.latency.push(number(entry.micros) / 1000.0);
        self.input_tokens.push(number(entry.tokens.input));
        self.output_tokens.push(number(entry.tokens.output));
        self.cost.extend(entry.cost.map(|cost| number(cost.0)));
    }

    /// What was measured over a period, as far as the caller may see calls and feedback.
    ///
    /// # Errors
    /// `too_broad` where there are too many calls.
    pub(crate) async fn measure(cx: &Cx, of: Of<'_>, span: Span) -> Result<Self, Fault> {
        let mut figures = Self::of_calls(cx, of, span).await?;
        figures.add_feedback(cx, of, span).await?;
        Ok(figures)
    }

    /// What the calls of models alone say.
    ///
    /// # Errors
    /// `too_broad` where there are too many.
    pub(crate) async fn of_calls(cx: &Cx, of: Of<'_>, span: Span) -> Result<Self, Fault> {
        let mut figures = Self::default();
        let calls = match of {
            Of::Agent(agent) => Calls::within(span).of_agent(agent),
            Of::Prompt(prompt, version) => Calls::within(span).with_prompt(prompt, version),
        };
        calls.each(cx, |entry| figures.add(entry)).await?;
        Ok(figures)
    }

    async fn add_feedback(&mut self, cx: &Cx, of: Of<'_>, span: Span) -> Result<(), Fault> {
        let mut which = Which { from: Some(span.from), to: Some(span.to), ..Which::default() };
        match of {
            Of::Agent(agent) => which.agent_id = Some(agent.to_owned()),
            Of::Prompt(prompt, version) => {
                which.prompt_id = Some(prompt.to_owned());
                which.version = version.map(str::to_owned);
            }
        }
        self.whole = which
            .each(cx, MOST_FEEDBACK, |stored| {
                self.feedback += 1;
                self.scores.extend(stored.value.score());
                self.accuracies.extend(stored.value.accuracy);
                self.satisfactions.extend(stored.value.user_satisfaction);
            })
            .await?;
        Ok(())
    }
}
