//! `execution_optimize`: what takes long or fails, and what would help.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::sampling::{Which, graph, run_most};
use crate::domain::executions::starting::Startable;
use crate::domain::processes::engine::measuring::{Advice, advised, measured};
use crate::kernel::fault::Fault;
use crate::kernel::figures::Spread;
use crate::kernel::time::Timestamp;

/// The period that is looked at when none is given.
const USUAL: Duration = Duration::from_hours(24 * 30);
/// The longest period.
const LONGEST: Duration = Duration::from_hours(24 * 366);
/// Processes that are looked at when none is named.
const MOST_PROCESSES: usize = 5;
/// Findings of a process that are told.
const MOST_FINDINGS: usize = 20;

/// Tells what would help.
pub(in crate::domain::executions) struct ExecutionOptimize;

/// Of which executions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The process, by id or name; the five that ran most when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    process_id: Option<String>,
    /// Only executions that began at this moment or later; thirty days before `to` when not given. A year at most.
    #[serde(default)]
    from: Option<Timestamp>,
    /// Only executions that began before this moment; now when not given.
    #[serde(default)]
    to: Option<Timestamp>,
}

/// What would help.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Output {
    /// From when.
    from: Timestamp,
    /// Until when.
    to: Timestamp,
    /// How it was found: always `measured`, by rules over what executions did; no model is asked.
    method: &'static str,
    /// The processes, with what would help each.
    processes: Vec<OfProcess>,
}

/// What would help a process.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct OfProcess {
    /// The process.
    process_id: String,
    /// The published version for which it is said.
    version: String,
    /// Executions of this version whose journals were read: the newest, 300 at most. What was seen fewer than five times says nothing.
    executions: usize,
    /// Whether all of the period were read, whole.
    all: bool,
    /// How long those took that came to their end.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<Spread>,
    /// What would help, what saves most first; 20 at most. To see what a change brought, compare versions with `process_analytics`.
    findings: Vec<Advice>,
}

impl Capability for ExecutionOptimize {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "execution_optimize",
        Domain::Executions,
        Route::post("/operations/optimize"),
        Permit::on(Resource::Executions, Action::Read),
        "Bottlenecks of processes and what would help, from measured executions: slow nodes, steps that could run at once, lists done in order, failures \
         that nothing takes up, costly retries, unbounded waits; each with figures and what it saves. It changes nothing. For the figures alone use \
         process_analytics.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let to = input.to.unwrap_or_else(|| cx.now().plus(Duration::from_millis(1)));
        let from = input.from.unwrap_or_else(|| to.minus(USUAL));
        if from >= to {
            return Err(Fault::bad_input("/from", "must be before 'to'"));
        }
        if to.since(from) > LONGEST {
            return Err(Fault::bad_input("/from", "must be at most 366 days before 'to'"));
        }
        let mut processes = Vec::new();
        match input.process_id {
            Some(process) => processes.push(looked_at(cx, Startable::look(cx, &process, None).await?, from, to).await?),
            None => {
                for process in run_most(cx, from, to, MOST_PROCESSES).await? {
                    // What was removed, or may not be seen any more, cannot be bettered.
                    match Startable::look(cx, &process, None).await {
                        Ok(found) => processes.push(looked_at(cx, found, from, to).await?),
                        Err(fault) if fault.code().status < 500 => {}
                        Err(fault) => return Err(fault),
                    }
                }
            }
        }
        Ok(Output { from, to, method: "measured", processes })
    }
}

async fn looked_at(cx: &Cx, found: Startable, from: Timestamp, to: Timestamp) -> Result<OfProcess, Fault> {
    let which = Which { process_id: found.process_id(), version: Some(found.version()), from, to };
    let sample = which.sample(cx).await?;
    let graph = graph(cx, found.process_id(), found.revision()).await?;
    let took = sample.traces.iter().filter_map(|trace| {
        let (ended, _) = trace.ended.filter(|(_, completed)| *completed)?;
        Some(u64::try_from(ended.since(trace.started).as_micros()).unwrap_or(u64::MAX))
    });
    let mut findings = advised(&graph, &measured(&sample.traces), sample.traces.len() as u64);
    findings.truncate(MOST_FINDINGS);
    Ok(OfProcess {
        process_id: found.process_id().to_owned(),
        version: found.version().to_owned(),
        executions: sample.traces.len(),
        all: sample.all_read,
        duration_ms: Spread::of(took.collect()),
        findings,
    })
}
