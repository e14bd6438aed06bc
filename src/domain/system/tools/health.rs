//! `system_health`: whether the installation is up and fit to work.

use std::time::Instant;

use schemars::JsonSchema;
use serde::Serialize;

use super::Nothing;
use crate::capability::Capability;
use crate::capability::alarms::{Alarm, Alarms};
use crate::capability::cx::Cx;
use crate::capability::events::Ways;
use crate::capability::permit::Permit;
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::integrations::Vault;
use crate::domain::system::operator;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::bus::BusHealth;
use crate::port::graph::{GraphHealth, TheGraph};

/// Tells how the installation is doing.
pub(in crate::domain::system) struct Health;

/// How the installation is doing.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// Whether the installation works.
    status: Status,
    /// Whether the program runs.
    live: bool,
    /// Whether it can take calls.
    ready: bool,
    /// More about it, for callers who may read the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// All is well.
    Ok,
    /// It takes calls, and a part of it fails: the backends tell which.
    Degraded,
    /// It works, and somebody must look at something: the alarms tell what.
    Alarm,
    /// A backend fails.
    Down,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Details {
    /// The program's version.
    version: String,
    /// Since when it runs.
    started_at: Timestamp,
    /// For how many seconds.
    uptime_seconds: u64,
    /// Every backend.
    backends: Vec<Backend>,
    /// What somebody must look at although the installation works.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alarms: Vec<Alarm>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Backend {
    /// What it is for.
    name: &'static str,
    /// Whether it works.
    status: Status,
    /// Its product and version, or its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    /// Bytes on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    /// The schema's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<u32>,
    /// Commits that wait to be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<usize>,
    /// Free bytes on its disk, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_bytes: Option<u64>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    /// Microseconds that it took to answer.
    took_micros: u64,
}

impl Capability for Health {
    type Input = Nothing;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "system_health",
        Domain::System,
        Route::get("/health"),
        Permit::Public,
        "Whether the server is up and its backends answer; with the permission system:read also versions and sizes of each \
         backend. For figures use system_metrics.",
    )
    .also(&[Route::get("/monitoring/health")])
    .everyday();

    async fn run(cx: &Cx, _: Nothing) -> Result<Output, Fault> {
        let mut backends = vec![store(cx).await, blobs(cx).await, vault(cx).await];
        backends.extend(bus(cx)?);
        backends.extend(graph(cx));
        let ready = backends.iter().all(|backend| backend.status != Status::Down);
        let whole = backends.iter().all(|backend| backend.status == Status::Ok);
        let alarms = cx.service::<Alarms>()?.raised();
        let status = match (ready, whole) {
            (false, _) => Status::Down,
            (true, _) if !alarms.is_empty() => Status::Alarm,
            (true, false) => Status::Degraded,
            (true, true) => Status::Ok,
        };
        let details = if operator::may_look(cx).await { Some(details(cx, backends, alarms)) } else { None };
        let output = Output { status, live: true, ready, details };
        if ready {
            return Ok(output);
        }
        // A fault, so that whoever only looks at the status learns it: 503 over HTTP.
        let detail = serde_json::to_value(&output).map_err(Fault::internal)?;
        Err(Fault::new(&codes::UNAVAILABLE, "a backend does not work").with_detail(detail))
    }
}

fn details(cx: &Cx, backends: Vec<Backend>, alarms: Vec<Alarm>) -> Details {
    let started_at = cx.platform().started_at;
    Details {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at,
        uptime_seconds: cx.now().since(started_at).as_secs(),
        backends,
        alarms,
    }
}

async fn store(cx: &Cx) -> Backend {
    let began = Instant::now();
    let health = cx.platform().store.health().await;
    let took_micros = micros_since(began);
    match health {
        Ok(health) => {
            if let Some(fault) = &health.failed {
                tracing::warn!(%fault, "the store does not write");
            }
            Backend {
                status: if health.failed.is_none() { Status::Ok } else { Status::Down },
                product: Some(health.backend),
                size_bytes: Some(health.size_bytes),
                schema: Some(health.schema),
                waiting: Some(health.waiting),
                free_bytes: health.free_bytes,
                fault: health.failed.map(|fault| fault.to_string()),
                ..down("store", took_micros)
            }
        }
        Err(fault) => {
            tracing::warn!(%fault, "the store does not answer");
            Backend { fault: Some(fault.to_string()), ..down("store", took_micros) }
        }
    }
}

async fn blobs(cx: &Cx) -> Backend {
    let began = Instant::now();
    let blobs = &cx.platform().blobs;
    let (checked, product) = (blobs.check().await, Some(blobs.place()));
    let took_micros = micros_since(began);
    match checked {
        Ok(()) => Backend { status: Status::Ok, product, ..down("blobs", took_micros) },
        Err(fault) => {
            tracing::warn!(%fault, "the blobs cannot be used");
            Backend { product, fault: Some(fault.to_string()), ..down("blobs", took_micros) }
        }
    }
}

/// Only what needs a stored secret needs the vault: without its key the rest goes on.
async fn vault(cx: &Cx) -> Backend {
    let began = Instant::now();
    let state = match cx.service::<Vault>() {
        Ok(vault) => vault.state(&*cx.platform().store).await,
        Err(fault) => Err(fault),
    };
    let (product, fault) = match state {
        Ok(state) => (Some(format!("AES-256-GCM, master key from {}", state.place)), state.fault),
        Err(fault) => (None, Some(fault.to_string())),
    };
    if let Some(fault) = &fault {
        tracing::warn!(fault, "the vault cannot open everything");
    }
    let status = if fault.is_none() { Status::Ok } else { Status::Degraded };
    Backend { status, product, fault, ..down("vault", micros_since(began)) }
}

/// Events are delivered by way of the store while the bus does not work: the rest goes on, only slower.
fn bus(cx: &Cx) -> Result<Option<Backend>, Fault> {
    let began = Instant::now();
    let Some(health) = cx.service::<Ways>()?.bus.health() else { return Ok(None) };
    let status = if health.fault.is_none() { Status::Ok } else { Status::Degraded };
    let BusHealth { product, fault } = health;
    Ok(Some(Backend { status, product, fault, ..down("events", micros_since(began)) }))
}

/// The graph is walked over in the store while nobody else finds in it: the same answers, only slower.
fn graph(cx: &Cx) -> Option<Backend> {
    let began = Instant::now();
    // A program that was put together without a graph has none to tell of.
    let GraphHealth { product, fault } = cx.service::<TheGraph>().ok()?.0.health()?;
    let status = if fault.is_none() { Status::Ok } else { Status::Degraded };
    Some(Backend { status, product: Some(product), fault, ..down("graph", micros_since(began)) })
}

fn down(name: &'static str, took_micros: u64) -> Backend {
    Backend {
        name,
        status: Status::Down,
        product: None,
        size_bytes: None,
        schema: None,
        waiting: None,
        free_bytes: None,
        fault: None,
        took_micros,
    }
}

fn micros_since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)
}
