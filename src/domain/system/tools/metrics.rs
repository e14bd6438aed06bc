//! `system_metrics`: figures of the instances of the installation, together and each by itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::gate::meter::Reading;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::fleet;
use crate::domain::system::model::fleet::{Beat, Calls, Process};
use crate::domain::system::model::instance::InstanceHealth;
use crate::domain::system::operator;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// Tells the figures of the instances.
pub(in crate::domain::system) struct Metrics;

/// Which figures.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// Only of the tools whose names begin with this.
    #[serde(default)]
    #[schemars(length(max = 64))]
    tool: Option<String>,
    /// How many tools to list at most, those with most calls first; 20 when not given.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    top: Option<u32>,
    /// Only the calls and tools of this instance, by its `id` in `instances`; of all of them when not given.
    #[serde(default)]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    instance: Option<i32>,
}

/// The figures of the instances, each since it started.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// The instance that answers.
    instance: Instance,
    /// The instances of the installation that share the store, this one first. What others tell is at most some seconds old.
    instances: Vec<Instance>,
    /// What all of them use together, where the system tells.
    fleet: Fleet,
    /// All calls together: of all instances, or of the one that was asked for.
    calls: Calls,
    /// The store.
    store: Store,
    /// How often what callers may do has changed, as far as the instance that answers knows.
    authority: u64,
    /// The tools that were called, those with most calls first: on all instances, or on the one that was asked for.
    tools: Vec<ToolFigures>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Instance {
    /// Its number, anew at each start; 0 where it shares the store with nobody.
    id: i32,
    /// How it is: `silent` when it has said nothing for some seconds.
    health: InstanceHealth,
    /// When it said what is told of it.
    heard_at: Timestamp,
    /// The program's version.
    version: String,
    /// When it started.
    started_at: Timestamp,
    /// For how many seconds it runs.
    uptime_seconds: u64,
    /// The process's number.
    process_id: u32,
    /// What the process uses.
    #[serde(flatten)]
    process: Process,
    /// All its calls together.
    calls: Calls,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Fleet {
    /// How many instances there are.
    instances: usize,
    /// How many of them are healthy.
    healthy: usize,
    /// What they use.
    #[serde(flatten)]
    process: Process,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Store {
    /// Its product and version.
    backend: String,
    /// Bytes on disk.
    size_bytes: u64,
    /// The schema's number.
    schema: u32,
    /// Commits of the instance that answers which wait to be written.
    waiting: usize,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ToolFigures {
    /// The tool.
    tool: String,
    /// Its calls.
    #[serde(flatten)]
    calls: Calls,
    /// How long one took on average, in microseconds.
    mean_micros: u64,
    /// Half of them took at most so many microseconds; left out above ten seconds, as the next two are.
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_micros: Option<u64>,
    /// 95 of a hundred took at most so many microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    p95_micros: Option<u64>,
    /// 99 of a hundred took at most so many microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_micros: Option<u64>,
}

impl Capability for Metrics {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "system_metrics",
        Domain::System,
        Route::get("/system/metrics"),
        Permit::on(Resource::System, Action::Read),
        "Figures of the server's instances since they started, together and each: memory, CPU, size of the store, and for each tool its \
         calls, faults and durations. For up or down use system_health, for caches system_cache_stats.",
    )
    .also(&[Route::get("/monitoring/metrics")]);

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        operator::check(cx).await?;
        let platform = cx.platform();
        let health = platform.store.health().await.map_err(store_fault)?;
        let own = fleet::own_figures(platform);
        let mut beats = vec![fleet::own(platform, &own)];
        let own_number = own.instance;
        beats.extend(fleet::others(platform).await?);
        let of = match input.instance {
            None => {
                let mut all = fleet::figures_of_others(platform, None).await?;
                all.push(own);
                all
            }
            Some(number) if number == own_number => vec![own],
            Some(number) if beats.iter().any(|beat| beat.instance == number) => {
                fleet::figures_of_others(platform, Some(number)).await?
            }
            Some(number) => return Err(Fault::not_found("instance", number)),
        };
        let sums = fleet::together(of);
        let calls = Calls::of(sums.values());
        let fits = |name: &str| input.tool.as_ref().is_none_or(|start| name.starts_with(start.as_str()));
        let mut tools: Vec<ToolFigures> =
            sums.iter().filter(|(name, _)| fits(name)).map(|(name, reading)| figures(name, reading)).collect();
        tools.sort_by(|one, other| other.calls.all.cmp(&one.calls.all).then_with(|| one.tool.cmp(&other.tool)));
        tools.truncate(input.top.unwrap_or(20) as usize);
        let now = cx.now();
        let instances: Vec<Instance> = beats.iter().map(|beat| instance(beat, now)).collect();
        let fleet = Fleet {
            instances: instances.len(),
            healthy: instances.iter().filter(|one| one.health == InstanceHealth::Healthy).count(),
            process: instances.iter().map(|one| one.process).fold(Process::default(), Process::with),
        };
        Ok(Output {
            instance: instance(beats.first().ok_or_else(|| Fault::internal("there is no instance"))?, now),
            instances,
            fleet,
            calls,
            store: Store {
                backend: health.backend,
                size_bytes: health.size_bytes,
                schema: health.schema,
                waiting: health.waiting,
            },
            authority: platform.authority(),
            tools,
        })
    }
}

fn instance(beat: &Beat, now: Timestamp) -> Instance {
    Instance {
        id: beat.instance,
        health: beat.health(now),
        heard_at: beat.heard_at,
        version: beat.version.clone(),
        started_at: beat.started_at,
        uptime_seconds: now.since(beat.started_at).as_secs(),
        process_id: beat.process_id,
        process: beat.process,
        calls: beat.calls,
    }
}

fn figures(tool: &str, reading: &Reading) -> ToolFigures {
    // Above the last bound nothing is known but that.
    let within = |share| reading.percentile_micros(share).filter(|micros| *micros != u64::MAX);
    ToolFigures {
        tool: tool.to_owned(),
        calls: reading.into(),
        mean_micros: reading.micros.checked_div(reading.calls()).unwrap_or(0),
        p50_micros: within(0.5),
        p95_micros: within(0.95),
        p99_micros: within(0.99),
    }
}
