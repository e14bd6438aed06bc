//! `system_metrics`: figures of this instance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::gate::meter::Reading;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::process;
use crate::domain::system::operator;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// Tells the figures of this instance.
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
}

/// The figures of this instance since it started.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// The process.
    instance: Instance,
    /// All calls together.
    calls: Calls,
    /// The store.
    store: Store,
    /// How often what callers may do has changed.
    authority: u64,
    /// The tools that were called, those with most calls first.
    tools: Vec<ToolFigures>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Instance {
    /// The program's version.
    version: String,
    /// When it started.
    started_at: Timestamp,
    /// For how many seconds it runs.
    uptime_seconds: u64,
    /// The process's number.
    process_id: u32,
    /// Bytes of memory in use, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    /// Seconds of CPU used, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_seconds: Option<f64>,
    /// Threads, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<u64>,
    /// Open files and connections, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_files: Option<u64>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Calls {
    /// How many.
    all: u64,
    /// How many ended by a fault of the caller.
    caller_faults: u64,
    /// How many ended by a fault of the server.
    server_faults: u64,
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
    /// Commits that wait to be written.
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
        "Figures of this instance since it started: memory, CPU, size of the store, and for each tool its calls, faults and \
         durations. For up or down use system_health, for caches system_cache_stats.",
    )
    .also(&[Route::get("/monitoring/metrics")]);

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        operator::check(cx).await?;
        let health = cx.platform().store.health().await.map_err(store_fault)?;
        let mut all = Calls::default();
        let mut tools = Vec::new();
        for tool in cx.platform().registry.present().all() {
            let reading = tool.meter.read();
            all.all += reading.calls();
            all.caller_faults += reading.caller_faults;
            all.server_faults += reading.server_faults;
            if reading.calls() > 0 && input.tool.as_ref().is_none_or(|start| tool.name.starts_with(start.as_str())) {
                tools.push(figures(&tool.name, &reading));
            }
        }
        tools.sort_by(|one, other| other.calls.all.cmp(&one.calls.all).then_with(|| one.tool.cmp(&other.tool)));
        tools.truncate(input.top.unwrap_or(20) as usize);
        Ok(Output {
            instance: instance(cx),
            calls: all,
            store: Store {
                backend: health.backend,
                size_bytes: health.size_bytes,
                schema: health.schema,
                waiting: health.waiting,
            },
            authority: cx.platform().authority(),
            tools,
        })
    }
}

fn instance(cx: &Cx) -> Instance {
    let figures = process::read();
    let started_at = cx.platform().started_at;
    Instance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at,
        uptime_seconds: cx.now().since(started_at).as_secs(),
        process_id: std::process::id(),
        memory_bytes: figures.memory_bytes,
        cpu_seconds: figures.cpu_seconds,
        threads: figures.threads,
        open_files: figures.open_files,
    }
}

fn figures(tool: &str, reading: &Reading) -> ToolFigures {
    // Above the last bound nothing is known but that.
    let within = |share| reading.percentile_micros(share).filter(|micros| *micros != u64::MAX);
    ToolFigures {
        tool: tool.to_owned(),
        calls: Calls {
            all: reading.calls(),
            caller_faults: reading.caller_faults,
            server_faults: reading.server_faults,
        },
        mean_micros: reading.micros.checked_div(reading.calls()).unwrap_or(0),
        p50_micros: within(0.5),
        p95_micros: within(0.95),
        p99_micros: within(0.99),
    }
}
