//! `prompt_experiment`: versions that share a label's traffic, compared by what people say and by what they cost.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::prompt_publish::{Input as Publish, LabelMove, PromptPublish, Share};
use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::learning::engine::drift::{Measured, NEEDED};
use crate::domain::learning::engine::figures::{mean, told};
use crate::domain::learning::engine::statistics::corrected;
use crate::domain::learning::measuring::{Figures, Of};
use crate::domain::models::reading::{Span, sees_all};
use crate::domain::prompts::engine::version::Version;
use crate::domain::prompts::faults::NO_EXPERIMENT;
use crate::domain::prompts::finding::{Found, PRODUCTION};
use crate::domain::prompts::model::exposure::EXPOSURES;
use crate::domain::prompts::model::prompt::{Label, Prompt, Target};
use crate::domain::prompts::uses::Uses;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::logs::TimeQuery;
use crate::port::records::{Comparison as Compare, Filter, Scalar, Scope};

/// What was before is compared over so long where it is not known since when.
const USUAL: Duration = Duration::from_hours(24 * 30);
/// The usual level of significance.
const SIGNIFICANCE: f64 = 0.05;
/// Exposures of one read.
const STEP: u32 = 2_000;
/// Exposures that are counted.
const MOST_COUNTED: usize = 100_000;

/// Splits traffic and compares.
pub(in crate::domain::prompts) struct PromptExperiment;

/// What to do: begin with `versions`, end with `winner`; with neither it only compares.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Input {
    /// The prompt's id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// The label whose traffic is split; `production` when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    label: Option<String>,
    /// Begins: two or more published versions that share the label's sessions by weight. The others are compared with the first.
    #[serde(default)]
    #[schemars(length(max = 10))]
    versions: Vec<Share>,
    /// Ends: the version that the label stands for alone from now on.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    winner: Option<String>,
    /// Why, for the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
    /// How likely one may be to be told of a difference that is none, over all comparisons; 0.05 when not said.
    #[serde(default)]
    #[schemars(range(min = 0.0001, max = 0.5))]
    significance: Option<f64>,
}

/// How the versions compare.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::prompts) struct Output {
    /// The prompt's id.
    prompt_id: String,
    /// The label.
    label: String,
    /// Whether the versions share its traffic now.
    running: bool,
    /// Since when they share it, or did.
    from: Timestamp,
    /// Until when it was looked.
    to: Timestamp,
    /// What can be said.
    verdict: Verdict,
    /// The version that is better, or as good and cheaper.
    #[serde(skip_serializing_if = "Option::is_none")]
    best: Option<String>,
    /// So many values a metric needs of each version.
    needed: usize,
    /// Whether everybody's calls of models are in it; else only the caller's own.
    everybody: bool,
    /// Whether all exposures and feedback are in it: the newest 100,000 exposures are counted, and the newest 50,000 of what was said of a
    /// version.
    whole: bool,
    /// The versions; the first is the one that the others are compared with.
    versions: Vec<Arm>,
    /// Each other version against the first.
    comparisons: Vec<Comparison>,
}

/// What can be said of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// There is too little of everything.
    TooLittleData,
    /// One is rated better than the first.
    Better,
    /// None is rated better, and one worse: the first is the best.
    FirstIsBest,
    /// The ratings do not differ, and one costs less.
    Cheaper,
    /// Nothing differs that there is enough of.
    NoDifference,
}

/// A version and what became of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Arm {
    /// The version.
    version: String,
    /// Its share against the others' weights.
    weight: u32,
    /// How often a session was given it.
    exposures: usize,
    /// How often something was said of its answers.
    feedback: usize,
    /// The mean of the scores, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_score: Option<f64>,
    /// Calls of models with it.
    calls: usize,
    /// Of these, ended by a fault.
    failed: usize,
    /// What a call cost at the mean, in thousand-millionths of a dollar, of those with a known price.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_cost: Option<f64>,
    /// How long a call took at the mean, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_latency_ms: Option<f64>,
}

/// A version against the first, by one metric.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Comparison {
    /// The version.
    version: String,
    /// The metric.
    metric: Metric,
    /// Whether there is enough of it.
    enough: bool,
    /// How many more values are needed of the version.
    lacks: usize,
    /// How many more are needed of the first.
    first_lacks: usize,
    /// How much more it is at the mean than that of the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<f64>,
    /// How likely so different a distribution is by chance (Kolmogorov and Smirnov's test).
    #[serde(skip_serializing_if = "Option::is_none")]
    p_value: Option<f64>,
    /// The same, corrected for all comparisons (Holm).
    #[serde(skip_serializing_if = "Option::is_none")]
    corrected_p_value: Option<f64>,
    /// Whether the difference is told from chance.
    differs: bool,
}

/// What versions are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Metric {
    /// How good answers were: more is better.
    Score,
    /// What calls cost: less is better.
    Cost,
    /// How long they took: less is better.
    Latency,
}

impl Capability for PromptExperiment {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "prompt_experiment",
        Domain::Prompts,
        Route::post("/prompts/{id}/experiments"),
        Permit::on(Resource::Prompts, Action::Change),
        "Splits a label's traffic between versions of a prompt and compares them by feedback, cost and latency with a test; ends it with a winner. \
         Without versions and winner it only compares. To move labels without comparing use prompt_publish.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let name = input.label.clone().unwrap_or_else(|| PRODUCTION.to_owned());
        if !input.versions.is_empty() && input.winner.is_some() {
            return Err(Fault::bad_input(
                "/winner",
                "does not go together with versions: an experiment begins or ends",
            ));
        }
        if input.versions.len() == 1 {
            return Err(Fault::bad_input("/versions", "must be two or more: one has nothing to be compared with"));
        }
        let mut seen = BTreeSet::new();
        for (number, share) in input.versions.iter().enumerate() {
            let place = || format!("/versions/{number}/version");
            if Version::parse(&share.version).is_none() {
                return Err(Fault::bad_input(place(), "must be a version that was published"));
            }
            if !seen.insert(&share.version) {
                return Err(Fault::bad_input(place(), "stands in the list twice"));
            }
        }
        if !input.versions.is_empty() && input.versions.iter().all(|share| share.weight == 0) {
            return Err(Fault::bad_input("/versions", "give nobody anything: one weight must be above 0"));
        }
        let significance = input.significance.unwrap_or(SIGNIFICANCE);
        let found = Found::load(cx, &input.id, Action::Read).await?;
        let before = found.prompt.labels.get(&name).cloned().unwrap_or_default();
        if let Some(first) = input.versions.first() {
            let version = first.version.clone();
            let targets = moved(cx, &input.id, &name, version, input.versions, input.message).await?;
            let (from, to) = (cx.now(), cx.now());
            return told_of(cx, &found, Trial { name, targets, from, to, running: true }, significance).await;
        }
        let mut trial = trial(cx, &name, &before).ok_or_else(|| {
            let say = format!("no versions share '{name}', and none did before its last move");
            Fault::new(&NO_EXPERIMENT, say)
        })?;
        if let Some(winner) = input.winner {
            if !trial.targets.iter().any(|target| target.version == winner) {
                let versions: Vec<&str> = trial.targets.iter().map(|target| target.version.as_str()).collect();
                let say = format!("is none of the versions of the experiment: {}", versions.join(", "));
                return Err(Fault::bad_input("/winner", say));
            }
            moved(cx, &input.id, &name, winner, Vec::new(), input.message).await?;
            trial.running = false;
        } else {
            cx.about::<Prompt>(Prompt::id(&found.prompt.prompt_id));
        }
        told_of(cx, &found, trial, significance).await
    }
}

/// Versions that share a label's traffic, or did.
struct Trial {
    name: String,
    targets: Vec<Target>,
    from: Timestamp,
    to: Timestamp,
    running: bool,
}

/// The versions that a label stands for, where they are several; else those that it stood for before its last move.
fn trial(cx: &Cx, name: &str, label: &Label) -> Option<Trial> {
    let now = cx.now().plus(Duration::from_millis(1));
    let mut moves = label.moves.iter().rev();
    let last = moves.next();
    let (targets, since, to, running) = if label.targets.len() > 1 {
        (&label.targets, last.map(|last| last.at), now, true)
    } else {
        let last = last.filter(|last| last.before.len() > 1)?;
        (&last.before, moves.next().map(|begun| begun.at), last.at, false)
    };
    let from = since.unwrap_or_else(|| to.minus(USUAL));
    Some(Trial { name: name.to_owned(), targets: targets.clone(), from, to, running })
}

/// Moves the label as `prompt_publish` does, with all that it holds against it; answers what it stands for.
async fn moved(
    cx: &Cx,
    id: &str,
    label: &str,
    version: String,
    split: Vec<Share>,
    message: Option<String>,
) -> Result<Vec<Target>, Fault> {
    let labels = vec![LabelMove { label: label.to_owned(), expected: None, split, role: None }];
    let publish =
        Publish { id: id.to_owned(), version: Some(version), release: None, labels, roll_back: Vec::new(), message };
    let moved = PromptPublish::run(cx, publish).await?;
    let stands = moved.labels.into_iter().find(|one| one.label == label);
    Ok(stands.map(|label| label.targets).unwrap_or_default())
}

async fn told_of(cx: &Cx, found: &Found, trial: Trial, significance: f64) -> Result<Output, Fault> {
    let prompt_id = found.prompt.prompt_id.clone();
    let (exposed, mut whole) =
        if trial.from < trial.to { exposures(cx, &prompt_id, &trial).await? } else { (BTreeMap::new(), true) };
    let mut measured = Vec::new();
    for target in &trial.targets {
        // What has just begun has nothing to be measured.
        let figures = if trial.from < trial.to {
            let of = Of::Prompt(&prompt_id, Some(&target.version));
            Figures::measure(cx, of, Span { from: trial.from, to: trial.to }).await?
        } else {
            Figures { whole: true, ..Figures::default() }
        };
        whole &= figures.whole;
        measured.push((target.clone(), figures));
    }
    let comparisons = compared(&measured, significance);
    let (verdict, best) = judged(&measured, &comparisons);
    let arm = |(target, figures): &(Target, Figures)| Arm {
        version: target.version.clone(),
        weight: target.weight,
        exposures: exposed.get(&target.version).copied().unwrap_or(0),
        feedback: figures.feedback,
        mean_score: mean(&figures.scores).map(told),
        calls: figures.calls,
        failed: figures.failed,
        mean_cost: mean(&figures.cost).map(told),
        mean_latency_ms: mean(&figures.latency).map(told),
    };
    Ok(Output {
        prompt_id,
        label: trial.name,
        running: trial.running,
        from: trial.from,
        to: trial.to,
        verdict,
        best,
        needed: NEEDED,
        everybody: sees_all(cx),
        whole,
        versions: measured.iter().map(arm).collect(),
        comparisons,
    })
}

/// How often a session was given each version, and whether all were counted.
async fn exposures(cx: &Cx, prompt: &str, trial: &Trial) -> Result<(BTreeMap<String, usize>, bool), Fault> {
    cx.service::<Uses>()?.flush(cx.platform()).await?;
    let text = |field, text: &str| Filter::is(field, Scalar::Text(text.to_owned()));
    let filter = text("stream", prompt).and(text("label", &trial.name)).and(Filter::Compare(
        "at",
        Compare::AtLeast,
        Scalar::Time(trial.from),
    ));
    let (mut counts, mut beyond, mut seen) = (BTreeMap::new(), None, 0);
    loop {
        let query = TimeQuery { filter: filter.clone(), beyond, descending: true, limit: STEP };
        let scope = Scope::Tenant(cx.tenant());
        let found = cx.platform().store.entries_by_time(scope, &EXPOSURES, query).await.map_err(store_fault)?;
        beyond = found.last().map(|entry| (entry.at, entry.position));
        seen += found.len();
        for entry in &found {
            if let Some(version) = entry.body.get("version").and_then(serde_json::Value::as_str) {
                *counts.entry(version.to_owned()).or_default() += 1;
            }
        }
        let all = found.len() < STEP as usize;
        if all || seen >= MOST_COUNTED {
            return Ok((counts, all));
        }
    }
}

/// Each version against the first, by each metric.
fn compared(measured: &[(Target, Figures)], significance: f64) -> Vec<Comparison> {
    let Some(((_, first), others)) = measured.split_first() else { return Vec::new() };
    let mut comparisons = Vec::new();
    for (target, figures) in others {
        for (metric, baseline, window) in [
            (Metric::Score, &first.scores, &figures.scores),
            (Metric::Cost, &first.cost, &figures.cost),
            (Metric::Latency, &first.latency, &figures.latency),
        ] {
            let found = Measured::Numbers { baseline: baseline.clone(), window: window.clone() }.compared();
            comparisons.push(Comparison {
                version: target.version.clone(),
                metric,
                enough: found.is_some(),
                lacks: NEEDED.saturating_sub(window.len()),
                first_lacks: NEEDED.saturating_sub(baseline.len()),
                difference: mean(window).zip(mean(baseline)).map(|(now, before)| told(now - before)),
                p_value: found.and_then(|found| found.tested).map(|tested| tested.p_value),
                corrected_p_value: None,
                differs: false,
            });
        }
    }
    let all: Vec<f64> = comparisons.iter().filter_map(|one| one.p_value).collect();
    let tested = comparisons.iter_mut().filter(|one| one.p_value.is_some());
    for (one, corrected) in tested.zip(corrected(&all)) {
        one.corrected_p_value = Some(corrected);
        one.differs = corrected < significance;
    }
    comparisons
}

/// What can be said, and which version is the best where one is. Ratings go before cost.
fn judged(measured: &[(Target, Figures)], comparisons: &[Comparison]) -> (Verdict, Option<String>) {
    let by = |metric: Metric| comparisons.iter().filter(move |one| one.metric == metric);
    let change = |one: &Comparison| one.difference.unwrap_or(0.0);
    let first = || measured.first().map(|(target, _)| target.version.clone());
    let better = by(Metric::Score).filter(|one| one.differs && change(one) > 0.0);
    if let Some(best) = better.max_by(|one, other| change(one).total_cmp(&change(other))) {
        return (Verdict::Better, Some(best.version.clone()));
    }
    if by(Metric::Score).any(|one| one.differs && change(one) < 0.0) {
        return (Verdict::FirstIsBest, first());
    }
    let rated = |version: &str| by(Metric::Score).any(|one| one.version == version && one.enough);
    let cheaper = by(Metric::Cost).filter(|one| one.differs && change(one) < 0.0 && rated(&one.version));
    if let Some(best) = cheaper.min_by(|one, other| change(one).total_cmp(&change(other))) {
        return (Verdict::Cheaper, Some(best.version.clone()));
    }
    let any = by(Metric::Score).any(|one| one.enough);
    (if any { Verdict::NoDifference } else { Verdict::TooLittleData }, None)
}
