//! `execution_pipeline`: how much goes through, how much fails, how much waits, how long it takes.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::visible_to;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::model::execution::{EXECUTION, Execution, Status};
use crate::domain::prompts::engine::file::meant;
use crate::kernel::fault::Fault;
use crate::kernel::figures::{Spread, share};
use crate::kernel::time::Timestamp;
use crate::port::records::{Comparison, Filter, Query, Scalar, Scope};

/// The period that is looked at when none is given, in minutes.
const USUAL: u32 = 60;
/// Executions that are looked at, in each direction.
const MOST: u32 = 50_000;
/// Failed executions whose causes are looked at, the newest first.
const MOST_FAILED: u32 = 100;
/// Causes and processes that are told, the most frequent first.
const MOST_TOLD: usize = 20;
/// Steps of the trend.
const STEPS: u32 = 12;

/// Tells how executions go through.
pub(in crate::domain::executions) struct ExecutionPipeline;

/// Over which period.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The last so many minutes; 60 when not said.
    #[serde(default)]
    #[schemars(range(min = 1, max = 43_200))]
    minutes: Option<u32>,
    /// Only executions of this process.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    process_id: Option<String>,
}

/// What can be said of the whole in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Health {
    /// Nothing began, ended or runs.
    Idle,
    /// Neither of the others.
    Fine,
    /// More than twice as many began as ended, ten at least.
    Filling,
    /// A quarter or more of those that ended failed, three at least.
    Failing,
}

/// How executions go through.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Output {
    /// From when.
    from: Timestamp,
    /// Until when.
    to: Timestamp,
    /// What can be said of it in a word.
    health: Health,
    /// What went through.
    throughput: Throughput,
    /// The share of those that ended which failed, from 0 to 1; left out where none ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_rate: Option<f64>,
    /// What is not over, now.
    backlog: Backlog,
    /// How long those took that came to their end; left out where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<Spread>,
    /// Why executions failed, the most frequent first: of the newest 100 that did.
    failures: Vec<Cause>,
    /// The processes that ran the most; 20 at most.
    processes: Vec<OfProcess>,
    /// The period in twelve steps, the earliest first.
    trend: Vec<Moment>,
    /// Whether all executions of the period were looked at: 50,000 that began and 50,000 that ended are.
    all: bool,
}

/// What went through.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Throughput {
    /// Executions that began.
    started: u64,
    /// Those that came to their end.
    completed: u64,
    /// Those that failed.
    failed: u64,
    /// Those that were called off.
    cancelled: u64,
    /// Those that were taken back.
    compensated: u64,
    /// How many came to their end in an hour, at this pace.
    completed_per_hour: f64,
}

/// What is not over.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Backlog {
    /// Those that run, or wait for what they wished.
    running: u64,
    /// Those that are paused.
    paused: u64,
    /// Those that were made and not begun.
    held: u64,
    /// When the one began that runs for the longest time.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_started_at: Option<Timestamp>,
}

/// Why executions failed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Cause {
    /// The process.
    process_id: String,
    /// The node at which they failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    /// The code.
    code: String,
    /// How many.
    count: u64,
}

/// A process and what went through it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OfProcess {
    /// The process.
    process_id: String,
    /// Executions that began.
    started: u64,
    /// Those that ended, however.
    ended: u64,
    /// Of these those that failed.
    failed: u64,
    /// How long those took that came to their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<Spread>,
}

/// A step of the period.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Moment {
    /// When it begins.
    from: Timestamp,
    /// Executions that began in it.
    started: u64,
    /// Those that came to their end in it.
    completed: u64,
    /// Those that failed in it.
    failed: u64,
}

#[derive(Default)]
struct Sum {
    started: u64,
    ended: u64,
    failed: u64,
    took: Vec<u64>,
}

impl Capability for ExecutionPipeline {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "execution_pipeline",
        Domain::Executions,
        Route::get("/operations/pipeline/status"),
        Permit::on(Resource::Executions, Action::Read),
        "How executions of all processes go through now: throughput, error rate, backlog and latency of the last minutes or hours, causes of failures, \
         busiest processes, trend. For the steps of one process use process_analytics, for workers and limits execution_resources.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let minutes = input.minutes.unwrap_or(USUAL);
        let to = cx.now().plus(Duration::from_millis(1));
        let from = to.minus(Duration::from_mins(u64::from(minutes)));
        let mut seen = visible_to::<Execution>(cx.caller());
        if let Some(process) = &input.process_id {
            seen = seen.and(Filter::is("processId", Scalar::Text(meant(process))));
        }
        let mut trend = Trend::new(from, to);
        let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
        let mut throughput = Throughput::default();
        let began = columns(cx, seen.clone().and(since("startedAt", from))).await?;
        let ended = columns(cx, seen.clone().and(since("endedAt", from))).await?;
        let all = began.len() < MOST as usize && ended.len() < MOST as usize;
        for row in began {
            throughput.started += 1;
            sums.entry(row.process).or_default().started += 1;
            if let Some(step) = row.started.and_then(|at| trend.at(at)) {
                step.started += 1;
            }
        }
        let mut took = Vec::new();
        for row in ended {
            let sum = sums.entry(row.process).or_default();
            sum.ended += 1;
            let step = row.ended.and_then(|at| trend.at(at));
            match row.status.as_str() {
                "completed" => {
                    throughput.completed += 1;
                    if let Some(step) = step {
                        step.completed += 1;
                    }
                    if let (Some(began), Some(ended)) = (row.started, row.ended) {
                        let micros = u64::try_from(ended.since(began).as_micros()).unwrap_or(u64::MAX);
                        took.push(micros);
                        sum.took.push(micros);
                    }
                }
                "failed" => {
                    throughput.failed += 1;
                    sum.failed += 1;
                    if let Some(step) = step {
                        step.failed += 1;
                    }
                }
                "cancelled" => throughput.cancelled += 1,
                _ => throughput.compensated += 1,
            }
        }
        throughput.completed_per_hour = per_hour(throughput.completed, minutes);
        let Throughput { completed, failed, cancelled, compensated, started, .. } = throughput;
        let over = completed + failed + cancelled + compensated;
        let backlog = backlog(cx, &seen).await?;
        let health = match (started, over, backlog.running) {
            (0, 0, 0) => Health::Idle,
            _ if failed >= 3 && failed * 4 >= over => Health::Failing,
            _ if started >= 10 && started > over * 2 => Health::Filling,
            _ => Health::Fine,
        };
        let mut processes: Vec<OfProcess> = sums.into_iter().map(OfProcess::of).collect();
        processes.sort_by(|one, other| {
            (other.started + other.ended)
                .cmp(&(one.started + one.ended))
                .then_with(|| one.process_id.cmp(&other.process_id))
        });
        processes.truncate(MOST_TOLD);
        Ok(Output {
            from,
            to,
            health,
            throughput,
            error_rate: share(failed, over),
            backlog,
            latency_ms: Spread::of(took),
            failures: failures(cx, seen.and(since("endedAt", from))).await?,
            processes,
            trend: trend.steps,
            all,
        })
    }
}

/// What is counted of an execution.
struct Row {
    process: String,
    status: String,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
}

fn since(field: &'static str, from: Timestamp) -> Filter {
    Filter::Compare(field, Comparison::AtLeast, Scalar::Time(from))
}

fn standing(status: Status) -> Filter {
    Filter::is("status", Scalar::Text(status.name().to_owned()))
}

async fn columns(cx: &Cx, filter: Filter) -> Result<Vec<Row>, Fault> {
    let names = &["processId", "status", "startedAt", "endedAt"];
    let scope = Scope::Tenant(cx.tenant());
    let rows = cx.platform().store.columns(scope, &EXECUTION, names, filter, MOST).await.map_err(store_fault)?;
    let time = |value: &Scalar| if let Scalar::Time(at) = value { Some(*at) } else { None };
    let row = |row: Vec<Scalar>| match row.as_slice() {
        [Scalar::Text(process), Scalar::Text(status), started, ended] => {
            Some(Row { process: process.clone(), status: status.clone(), started: time(started), ended: time(ended) })
        }
        _ => None,
    };
    Ok(rows.into_iter().filter_map(row).collect())
}

async fn backlog(cx: &Cx, seen: &Filter) -> Result<Backlog, Fault> {
    let (store, scope) = (&cx.platform().store, Scope::Tenant(cx.tenant()));
    let count = async |status: Status| {
        store.count(scope, &EXECUTION, seen.clone().and(standing(status))).await.map_err(store_fault)
    };
    let running = seen.clone().and(standing(Status::Running));
    let query = Query { filter: running, order: "startedAt", descending: false, after: None, limit: 1 };
    let oldest = cx.find::<Execution>(query).await?.into_iter().next();
    Ok(Backlog {
        running: count(Status::Running).await?,
        paused: count(Status::Paused).await?,
        held: count(Status::Held).await?,
        oldest_started_at: oldest.and_then(|oldest| oldest.value.started_at),
    })
}

async fn failures(cx: &Cx, ended: Filter) -> Result<Vec<Cause>, Fault> {
    let filter = ended.and(standing(Status::Failed));
    let query = Query { filter, order: "endedAt", descending: true, after: None, limit: MOST_FAILED };
    let mut counts: BTreeMap<(String, Option<String>, String), u64> = BTreeMap::new();
    for one in cx.find::<Execution>(query).await? {
        let code = one.value.failure.map(|failure| failure.code).unwrap_or_default();
        *counts.entry((one.value.process_id, one.value.failed_at, code)).or_default() += 1;
    }
    let cause = |((process_id, node, code), count)| Cause { process_id, node, code, count };
    let mut causes: Vec<Cause> = counts.into_iter().map(cause).collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
    causes.truncate(MOST_TOLD);
    Ok(causes)
}

/// The period in steps.
struct Trend {
    from: i64,
    length: i64,
    steps: Vec<Moment>,
}

impl Trend {
    fn new(from: Timestamp, to: Timestamp) -> Self {
        let length = (to.as_millis() - from.as_millis()).div_euclid(i64::from(STEPS)) + 1;
        let begins = (0..i64::from(STEPS)).map(|number| Timestamp::from_millis(from.as_millis() + number * length));
        let steps = begins.map(|from| Moment { from, started: 0, completed: 0, failed: 0 }).collect();
        Self { from: from.as_millis(), length, steps }
    }

    fn at(&mut self, at: Timestamp) -> Option<&mut Moment> {
        let number = usize::try_from((at.as_millis() - self.from).div_euclid(self.length)).ok()?;
        self.steps.get_mut(number)
    }
}

impl OfProcess {
    fn of((process_id, sum): (String, Sum)) -> Self {
        let latency_ms = Spread::of(sum.took);
        Self { process_id, started: sum.started, ended: sum.ended, failed: sum.failed, latency_ms }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn per_hour(count: u64, minutes: u32) -> f64 {
    (count as f64 * 60.0 / f64::from(minutes) * 100.0).round() / 100.0
}
