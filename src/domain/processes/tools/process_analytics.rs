//! `process_analytics`: what executions of a process did, measured.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::sampling::{Counted, Sample, Which, graph};
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::measuring::{
    Conformance, Model, NodeFigures, Variant, conformance, measured, variants,
};
use crate::domain::processes::finding::{load, version};
use crate::kernel::fault::Fault;
use crate::kernel::figures::{Spread, share};
use crate::kernel::time::Timestamp;

/// The period that is looked at when none is given.
const USUAL: Duration = Duration::from_hours(24 * 30);
/// The longest period.
const LONGEST: Duration = Duration::from_hours(24 * 366);
/// A longer period is told by weeks.
const BY_DAYS: Duration = Duration::from_hours(24 * 31);
/// A day, in milliseconds.
const DAY: i64 = 24 * 3_600_000;
/// Nodes and points of failure that are told.
const MOST_TOLD: usize = 200;
/// Codes of a node that are told.
const MOST_CODES: usize = 10;

/// Measures a process.
pub(in crate::domain::processes) struct ProcessAnalytics;

/// Which process, over which period.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Only executions of this version; all when not said. What they are held against is this version, or the newest that is published.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// Only executions that began at this moment or later; thirty days before `to` when not given. A year at most.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Only executions that began before this moment; now when not given.
    #[serde(default)]
    to: Option<Timestamp>,
}

/// What was measured.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::processes) struct Output {
    /// The process.
    process_id: String,
    /// From when.
    from: Timestamp,
    /// Until when.
    to: Timestamp,
    /// Executions that you may see and that began in the period, by how they stand.
    executions: BTreeMap<String, u64>,
    /// How long those took that came to their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<Spread>,
    /// The share of those that are over which failed, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_rate: Option<f64>,
    /// Days of the period, or weeks where it is longer than a month, with something in them.
    throughput: Vec<Step>,
    /// Each version that ran: how it did, so that a change shows.
    versions: Vec<OfVersion>,
    /// The nodes, those first that took most of the time.
    nodes: Vec<OfNode>,
    /// The node that takes most of the time, timers aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    bottleneck: Option<Bottleneck>,
    /// Where it fails for good, the most frequent first.
    failure_points: Vec<FailurePoint>,
    /// How far executions went as the definition says.
    conformance: Conformance,
    /// The ways through the process that were gone most; five at most.
    variants: Vec<Variant>,
    /// How much was looked at.
    looked_at: LookedAt,
}

/// A day or week.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Step {
    /// When it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    /// Executions that began in it.
    started: u64,
    /// Executions that came to their end in it.
    completed: u64,
    /// Executions that failed in it.
    failed: u64,
}

/// How a version did.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OfVersion {
    /// The version.
    version: String,
    /// Executions of it that began.
    started: u64,
    /// Those that came to their end.
    completed: u64,
    /// Those that failed.
    failed: u64,
    /// How long those took that came to their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<Spread>,
}

/// What a node did.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OfNode {
    /// The node.
    node: String,
    /// What people call it, where the newest definition has it.
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    /// Its type there.
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    kind: String,
    /// How often a token came to it, or another node ran it.
    visits: u64,
    /// How often it was done.
    done: u64,
    /// How often it failed for good.
    failed: u64,
    /// How often it failed and was tried again.
    retried: u64,
    /// How often its time was over.
    timed_out: u64,
    /// How often it was left out.
    skipped: u64,
    /// How long a visit took, waiting included.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<Spread>,
    /// How long a visit took at the mean, in milliseconds.
    mean_ms: u64,
    /// How long it waited to be tried again, altogether, in milliseconds.
    waited_ms: u64,
    /// The share of the time of all nodes that it took, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    share_of_time: Option<f64>,
}

/// The node that takes most of the time.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Bottleneck {
    /// The node.
    node: String,
    /// Its type.
    #[serde(rename = "type")]
    kind: String,
    /// How long a visit takes at the mean, in milliseconds.
    mean_ms: u64,
    /// The share of the time of all nodes that it took, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    share_of_time: Option<f64>,
}

/// Where it fails.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FailurePoint {
    /// The node.
    node: String,
    /// How often it failed for good.
    failed: u64,
    /// The share of its visits, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    /// With which codes it failed, those included after which it was tried again.
    codes: BTreeMap<String, u64>,
}

/// How much was looked at.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LookedAt {
    /// Executions that were counted, for durations, throughput and versions: the 50,000 that there are at most.
    executions: usize,
    /// Whether all were.
    all_executions: bool,
    /// Executions whose journals were read, for nodes, conformance and variants: the newest, 300 at most.
    journals: usize,
    /// Lines of journals that were read: 2,000 of one and about 60,000 of all at most.
    lines: usize,
    /// Whether all journals were read whole.
    all_journals: bool,
}

impl Capability for ProcessAnalytics {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "process_analytics",
        Domain::Processes,
        Route::get("/analytics/processes/{id}"),
        Permit::on(Resource::Processes, Action::Read),
        "How a process does over a period, measured by its executions: durations, throughput, the bottleneck node, points of failure, versions compared, \
         conformance to the definition, the ways gone most. Needs executions:read, too. For what would help use execution_optimize, for all processes execution_pipeline.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        // Who may read processes alone learns nothing here of what runs of them.
        if !cx.caller().may(Resource::Executions, Action::Read) {
            return Err(forbidden(Permit::on(Resource::Executions, Action::Read)));
        }
        let process = load(cx, &input.id, Action::Read).await?.value;
        let reference = version(cx, &process, input.version.as_deref(), None).await?;
        let to = input.to.unwrap_or_else(|| cx.now().plus(Duration::from_millis(1)));
        let from = input.from.unwrap_or_else(|| to.minus(USUAL));
        if from >= to {
            return Err(Fault::bad_input("/from", "must be before 'to'"));
        }
        let length = to.since(from);
        if length > LONGEST {
            return Err(Fault::bad_input("/from", "must be at most 366 days before 'to'"));
        }
        let called = reference.called();
        let only = input.version.as_ref().map(|_| called.as_str());
        let which = Which { process_id: &process.process_id, version: only, from, to };
        let sample = which.sample(cx).await?;
        let graph = match sample.graphs.get(&called) {
            Some(graph) => Some(graph.clone()),
            // A draft may be no graph yet.
            None => graph(cx, &process.process_id, reference.revision).await.ok(),
        };
        let models: BTreeMap<String, Model> =
            sample.graphs.iter().map(|(version, graph)| (version.clone(), Model::of(graph))).collect();
        let model = graph.as_deref().map(Model::of).unwrap_or_default();
        let nodes = measured(&sample.traces);
        let told = told(&nodes, graph.as_deref());
        let bottleneck = told.iter().find(|node| node.kind != "timer" && node.mean_ms > 0).map(|node| Bottleneck {
            node: node.node.clone(),
            kind: node.kind.clone(),
            mean_ms: node.mean_ms,
            share_of_time: node.share_of_time,
        });
        let mut executions: BTreeMap<String, u64> = BTreeMap::new();
        for one in &sample.counted {
            *executions.entry(one.status.clone()).or_default() += 1;
        }
        let count = |status: &str| executions.get(status).copied().unwrap_or(0);
        let over = ["completed", "failed", "cancelled", "compensated"].iter().map(|status| count(status)).sum();
        let error_rate = share(count("failed"), over);
        Ok(Output {
            from,
            to,
            duration_ms: spread(sample.counted.iter()),
            error_rate,
            executions,
            throughput: throughput(&sample.counted, from, length),
            versions: versions(&sample.counted),
            nodes: told,
            bottleneck,
            failure_points: failure_points(&nodes),
            conformance: conformance(&sample.traces, &models, &called, &model),
            variants: variants(&sample.traces),
            looked_at: LookedAt::of(&sample),
            process_id: process.process_id,
        })
    }
}

impl LookedAt {
    fn of(sample: &Sample) -> Self {
        Self {
            executions: sample.counted.len(),
            all_executions: sample.all_counted,
            journals: sample.traces.len(),
            lines: sample.lines,
            all_journals: sample.all_read,
        }
    }
}

/// How long those took that came to their end.
fn spread<'a>(counted: impl Iterator<Item = &'a Counted>) -> Option<Spread> {
    let took = counted.filter(|one| one.status == "completed").filter_map(|one| {
        let took = one.ended?.since(one.started);
        Some(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
    });
    Spread::of(took.collect())
}

fn throughput(counted: &[Counted], from: Timestamp, length: Duration) -> Vec<Step> {
    let step = if length > BY_DAYS { DAY * 7 } else { DAY };
    let number = |at: Timestamp| (at.as_millis() - from.as_millis()).div_euclid(step);
    let mut steps: BTreeMap<i64, Step> = BTreeMap::new();
    for one in counted {
        steps.entry(number(one.started)).or_default().started += 1;
        let Some(ended) = one.ended else { continue };
        match one.status.as_str() {
            "completed" => steps.entry(number(ended)).or_default().completed += 1,
            "failed" => steps.entry(number(ended)).or_default().failed += 1,
            _ => {}
        }
    }
    let begins = |number: i64| Some(Timestamp::from_millis(from.as_millis() + number * step));
    steps.into_iter().map(|(number, step)| Step { from: begins(number), ..step }).collect()
}

fn versions(counted: &[Counted]) -> Vec<OfVersion> {
    let mut by_version: BTreeMap<&str, Vec<&Counted>> = BTreeMap::new();
    for one in counted {
        by_version.entry(one.version.as_str()).or_default().push(one);
    }
    let count = |all: &[&Counted], status: &str| all.iter().filter(|one| one.status == status).count() as u64;
    by_version
        .into_iter()
        .map(|(version, all)| OfVersion {
            version: version.to_owned(),
            started: all.len() as u64,
            completed: count(&all, "completed"),
            failed: count(&all, "failed"),
            duration_ms: spread(all.iter().copied()),
        })
        .collect()
}

/// The nodes, those first that took most of the time.
fn told(nodes: &BTreeMap<String, NodeFigures>, graph: Option<&Graph>) -> Vec<OfNode> {
    let total: u64 = nodes.values().map(NodeFigures::total_millis).sum();
    let mut all: Vec<(u64, OfNode)> = nodes
        .iter()
        .map(|(id, figures)| {
            let node = graph.and_then(|graph| Some(graph.node(graph.find(id)?)));
            let took = figures.total_millis();
            let told = OfNode {
                node: id.clone(),
                name: node.map(|node| node.name.clone()).unwrap_or_default(),
                kind: node.map(|node| node.kind.clone()).unwrap_or_default(),
                visits: figures.visits,
                done: figures.done,
                failed: figures.failed,
                retried: figures.retried,
                timed_out: figures.timed_out,
                skipped: figures.skipped,
                duration_ms: Spread::of(figures.millis.iter().map(|millis| millis.saturating_mul(1_000)).collect()),
                mean_ms: figures.mean_millis(),
                waited_ms: figures.waited_millis,
                share_of_time: share(took, total),
            };
            (took, told)
        })
        .collect();
    all.sort_by_key(|(took, node)| (std::cmp::Reverse(*took), std::cmp::Reverse(node.visits)));
    all.truncate(MOST_TOLD);
    all.into_iter().map(|(_, node)| node).collect()
}

fn failure_points(nodes: &BTreeMap<String, NodeFigures>) -> Vec<FailurePoint> {
    let mut all: Vec<FailurePoint> = nodes
        .iter()
        .filter(|(_, figures)| figures.failed > 0)
        .map(|(node, figures)| {
            let mut codes: Vec<(&String, &u64)> = figures.codes.iter().collect();
            codes.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let codes = codes.into_iter().take(MOST_CODES).map(|(code, count)| (code.clone(), *count));
            FailurePoint {
                node: node.clone(),
                failed: figures.failed,
                share: share(figures.failed, figures.visits),
                codes: codes.collect(),
            }
        })
        .collect();
    all.sort_by_key(|point| std::cmp::Reverse(point.failed));
    all.truncate(MOST_TOLD);
    all
}
