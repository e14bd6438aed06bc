//! `system_monitor`: the dashboard of the instance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::monitor::{Anomaly, Monitor as Samples, Sample, anomalies};
use crate::domain::system::engine::process;
use crate::domain::system::model::instance::{Instance, InstanceHealth};
use crate::domain::system::operator;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Query};

/// Tells how the instance is doing.
pub(in crate::domain::system) struct Monitor;

/// More registered instances are not looked at.
const MOST_SERVICES: u32 = 1000;

/// How much of the past.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// For how many minutes back samples are told; 15 when not given, at most a day is kept.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1440))]
    minutes: Option<u32>,
}

/// The dashboard.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// When.
    at: Timestamp,
    /// What the process uses now.
    resources: Resources,
    /// The registered services of the caller's tenant.
    services: Services,
    /// What of the last minute is far from what is usual here, the farthest first.
    anomalies: Vec<Anomaly>,
    /// How many samples that is judged by; with fewer than 15 before the last one nothing is said to be unusual.
    samples: usize,
    /// The last samples, oldest first; one a minute.
    history: Vec<Sample>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Resources {
    /// Bytes of memory, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
    /// Seconds of CPU since the start, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_seconds: Option<f64>,
    /// Threads, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    threads: Option<u64>,
    /// Open files and connections, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    open_files: Option<u64>,
    /// Bytes of the store.
    store_bytes: u64,
    /// Free bytes where the store lies, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_bytes: Option<u64>,
    /// Commits that wait to be written.
    waiting_commits: usize,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Services {
    /// Instances that are healthy.
    healthy: usize,
    /// Instances that are not, each as `service/instance`.
    unhealthy: Vec<String>,
}

impl Capability for Monitor {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "system_monitor",
        Domain::System,
        Route::get("/system/monitor"),
        Permit::on(Resource::System, Action::Read),
        "The dashboard of this instance: resources in use, calls, faults and durations minute by minute, what is unusual against \
         its own history, and unhealthy services. For sums since the start use system_metrics.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        operator::check(cx).await?;
        let health = cx.platform().store.health().await.map_err(store_fault)?;
        let figures = process::read();
        let samples = cx.service::<Samples>()?.samples();
        let last = input.minutes.unwrap_or(15) as usize;
        Ok(Output {
            at: cx.now(),
            resources: Resources {
                memory_bytes: figures.memory_bytes,
                cpu_seconds: figures.cpu_seconds,
                threads: figures.threads,
                open_files: figures.open_files,
                store_bytes: health.size_bytes,
                free_bytes: health.free_bytes,
                waiting_commits: health.waiting,
            },
            services: services(cx).await?,
            anomalies: anomalies(&samples),
            samples: samples.len(),
            history: samples.get(samples.len().saturating_sub(last)..).unwrap_or_default().to_vec(),
        })
    }
}

async fn services(cx: &Cx) -> Result<Services, Fault> {
    let query =
        Query { filter: Filter::All, order: "serviceName", descending: false, after: None, limit: MOST_SERVICES };
    let now = cx.now();
    let mut told = Services::default();
    for one in cx.find::<Instance>(query).await? {
        if one.value.health(now) == InstanceHealth::Healthy {
            told.healthy += 1;
        } else {
            told.unhealthy.push(format!("{}/{}", one.value.service_name, one.value.instance_id));
        }
    }
    Ok(told)
}
