//! `drift_get`: whether an agent, or a prompt, does as it did.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::learning::engine::drift::{Apart, Bin, Measured, NEEDED, Side};
use crate::domain::learning::engine::figures::told;
use crate::domain::learning::engine::statistics::corrected;
use crate::domain::learning::measuring::{Figures, Of};
use crate::domain::models::reading::{Span, sees_all};
use crate::domain::prompts::shown::{Told, shown};
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// The window when none is given.
const WINDOW: Duration = Duration::from_hours(24 * 7);
/// The baseline is so many times as long as the window when none is given.
const LONGER: u32 = 4;
/// The usual level of significance.
const USUAL: f64 = 0.05;

/// Tells drift.
pub(in crate::domain::learning) struct DriftGet;

/// Of what, and when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::learning) struct Input {
    /// The agent; or the prompt, where `of` says so.
    #[schemars(length(min = 1, max = 128))]
    id: String,
    /// What the id is of; an agent when not said.
    #[serde(default)]
    of: Subject,
    /// Of a prompt: only this version in the window.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// Of a prompt: only this version in the baseline.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    baseline_version: Option<String>,
    /// Where the window begins; seven days before its end when not said.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Where it ends; now when not said.
    #[serde(default)]
    to: Option<Timestamp>,
    /// Where the baseline begins; four windows before its end when not said.
    #[serde(default)]
    baseline_from: Option<Timestamp>,
    /// Where it ends; where the window begins when not said.
    #[serde(default)]
    baseline_to: Option<Timestamp>,
    /// How likely one may be to be told of a drift that is none, over all metrics; 0.05 when not said.
    #[serde(default)]
    #[schemars(range(min = 0.0001, max = 0.5))]
    significance: Option<f64>,
}

/// What an id is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Subject {
    /// An agent.
    #[default]
    Agent,
    /// A prompt.
    Prompt,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::learning) struct Output {
    /// The agent or prompt.
    id: String,
    /// Whether it has drifted.
    verdict: Verdict,
    /// The metrics that have.
    drifted: Vec<&'static str>,
    /// The change of the mean accuracy, or of the mean score where no accuracy was told, from the baseline to the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    accuracy_change: Option<f64>,
    /// The period that was compared.
    window: Period,
    /// The period that it was compared with.
    baseline: Period,
    /// So many values a metric needs in each period.
    needed: usize,
    /// The level of significance, over all metrics.
    significance: f64,
    /// Whether everybody's calls of models are in it; else only the caller's own.
    everybody: bool,
    /// Whether all feedback is in it: the newest 50,000 of each period are.
    whole: bool,
    /// Each metric.
    metrics: Vec<Metric>,
}

/// Whether something has drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// A metric has.
    Drifted,
    /// None of those that there is enough of has.
    Stable,
    /// There is too little data to say anything.
    TooLittleData,
}

/// A period.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Period {
    /// From when.
    from: Timestamp,
    /// Until when.
    to: Timestamp,
    /// Calls of models in it.
    calls: usize,
    /// Feedback in it.
    feedback: usize,
}

/// A metric over both periods.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "what it is called for callers")]
struct Metric {
    /// Its name.
    metric: &'static str,
    /// Whether there is enough of it to compare.
    enough: bool,
    /// How many more values are needed in the baseline.
    #[serde(skip_serializing_if = "is_nothing")]
    baseline_lacks: usize,
    /// How many more values are needed in the window.
    #[serde(skip_serializing_if = "is_nothing")]
    window_lacks: usize,
    /// Before.
    baseline: Side,
    /// Now.
    window: Side,
    /// The population stability index over the bins.
    #[serde(skip_serializing_if = "Option::is_none")]
    stability_index: Option<f64>,
    /// How far that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    apart: Option<Apart>,
    /// The test: `kolmogorov_smirnov` for numbers, `chi_squared` for categories.
    test: &'static str,
    /// Its statistic.
    #[serde(skip_serializing_if = "Option::is_none")]
    statistic: Option<f64>,
    /// How likely so large a difference is by chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    p_value: Option<f64>,
    /// The same, corrected for all metrics that are tested (Holm).
    #[serde(skip_serializing_if = "Option::is_none")]
    corrected_p_value: Option<f64>,
    /// Whether it has drifted: the difference is not by chance, and the index is 0.1 or more.
    drifted: bool,
    /// The bins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bins: Vec<Bin>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_nothing(count: &usize) -> bool {
    *count == 0
}

impl Capability for DriftGet {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "drift_get",
        Domain::Learning,
        Route::get("/agents/{id}/metrics/drift"),
        Permit::on(Resource::Learning, Action::Read),
        "Whether an agent (or prompt) does as it did: ratings, latency, tokens, cost, outcomes of a window against a baseline, by stability \
         index and a two-sample test with p-values. Says where there is too little data, and how much is lacking.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let (window, baseline) = periods(cx, &input)?;
        let id = match input.of {
            Subject::Agent => {
                for (name, given) in [("version", &input.version), ("baselineVersion", &input.baseline_version)] {
                    if given.is_some() {
                        return Err(Fault::bad_input(format!("/{name}"), "is of a prompt: say 'of' as well"));
                    }
                }
                input.id.clone()
            }
            Subject::Prompt => {
                // What is no prompt of the caller's has no drift either.
                let told = Told { version: input.version.as_deref().or(Some("draft")), ..Told::default() };
                shown(cx, &input.id, told).await?.prompt_id
            }
        };
        let of = |version| match input.of {
            Subject::Agent => Of::Agent(&id),
            Subject::Prompt => Of::Prompt(&id, version),
        };
        let now = Figures::measure(cx, of(input.version.as_deref()), window).await?;
        let before = Figures::measure(cx, of(input.baseline_version.as_deref()), baseline).await?;
        let significance = input.significance.unwrap_or(USUAL);
        let accuracy_change =
            change(&before.accuracies, &now.accuracies).or_else(|| change(&before.scores, &now.scores));
        let whole = before.whole && now.whole;
        let (calls, feedback) = ((now.calls, before.calls), (now.feedback, before.feedback));
        let metrics = judged(metrics(before, now), significance);
        let drifted: Vec<&str> = metrics.iter().filter(|one| one.drifted).map(|one| one.metric).collect();
        let verdict = match (drifted.is_empty(), metrics.iter().any(|one| one.enough)) {
            (false, _) => Verdict::Drifted,
            (true, true) => Verdict::Stable,
            (true, false) => Verdict::TooLittleData,
        };
        let period = |span: Span, calls, feedback| Period { from: span.from, to: span.to, calls, feedback };
        Ok(Output {
            id,
            verdict,
            drifted,
            accuracy_change,
            window: period(window, calls.0, feedback.0),
            baseline: period(baseline, calls.1, feedback.1),
            needed: NEEDED,
            significance,
            everybody: sees_all(cx),
            whole,
            metrics,
        })
    }
}

fn periods(cx: &Cx, input: &Input) -> Result<(Span, Span), Fault> {
    let to = input.to.unwrap_or_else(|| cx.now().plus(Duration::from_millis(1)));
    let from = input.from.unwrap_or_else(|| to.minus(WINDOW));
    if from >= to {
        return Err(Fault::bad_input("/from", "must be before 'to'"));
    }
    let before_to = input.baseline_to.unwrap_or(from);
    let before_from = input.baseline_from.unwrap_or_else(|| before_to.minus(to.since(from) * LONGER));
    if before_from >= before_to {
        return Err(Fault::bad_input("/baselineFrom", "must be before 'baselineTo'"));
    }
    // Two versions may be compared over the same time, anything else not with itself.
    if before_to > from && input.version == input.baseline_version {
        return Err(Fault::bad_input("/baselineTo", "must not be after 'from': the periods would share calls"));
    }
    Ok((Span { from, to }, Span { from: before_from, to: before_to }))
}

fn change(before: &[f64], now: &[f64]) -> Option<f64> {
    use crate::domain::learning::engine::figures::mean;
    Some(told(mean(now)? - mean(before)?))
}

/// The metrics by name.
fn metrics(before: Figures, now: Figures) -> Vec<(&'static str, Measured)> {
    let numbers = |baseline, window| Measured::Numbers { baseline, window };
    let categories = |baseline, window| Measured::Categories { baseline, window };
    vec![
        ("score", numbers(before.scores, now.scores)),
        ("accuracy", numbers(before.accuracies, now.accuracies)),
        ("user_satisfaction", numbers(before.satisfactions, now.satisfactions)),
        ("latency_ms", numbers(before.latency, now.latency)),
        ("input_tokens", numbers(before.input_tokens, now.input_tokens)),
        ("output_tokens", numbers(before.output_tokens, now.output_tokens)),
        ("cost_nano_dollars", numbers(before.cost, now.cost)),
        ("outcome", categories(before.outcomes, now.outcomes)),
        ("stop", categories(before.stops, now.stops)),
        ("model", categories(before.models, now.models)),
    ]
}

/// Each metric that there is anything of, and whether it has drifted.
fn judged(measured: Vec<(&'static str, Measured)>, significance: f64) -> Vec<Metric> {
    let mut metrics = Vec::new();
    for (metric, measured) in measured {
        let (baseline, window) = measured.sides();
        if baseline.count + window.count == 0 {
            continue;
        }
        let compared = measured.compared();
        let tested = compared.as_ref().and_then(|compared| compared.tested);
        let index = compared.as_ref().map(|compared| compared.index);
        metrics.push(Metric {
            metric,
            enough: compared.is_some(),
            baseline_lacks: NEEDED.saturating_sub(baseline.count),
            window_lacks: NEEDED.saturating_sub(window.count),
            baseline,
            window,
            stability_index: index.map(told),
            apart: index.map(Apart::of),
            test: measured.test(),
            statistic: tested.map(|tested| told(tested.statistic)),
            p_value: tested.map(|tested| tested.p_value),
            corrected_p_value: None,
            drifted: false,
            bins: compared.map(|compared| compared.bins).unwrap_or_default(),
        });
    }
    let all: Vec<f64> = metrics.iter().filter_map(|metric| metric.p_value).collect();
    let tested = metrics.iter_mut().filter(|metric| metric.p_value.is_some());
    for (metric, corrected) in tested.zip(corrected(&all)) {
        metric.corrected_p_value = Some(corrected);
        metric.drifted = corrected < significance && metric.apart.is_some_and(|apart| apart != Apart::Stable);
    }
    metrics
}
