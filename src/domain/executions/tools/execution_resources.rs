//! `execution_resources`: what executions have to work with, and how much of it is in use.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::visible_to;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::limits::{LIMITS, Limit};
use crate::domain::executions::model::execution::{EXECUTION, Execution, QUEUE, Status, WORK};
use crate::domain::executions::working::{Desk, at_once};
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::records::{Filter, Scalar, Scope};

/// Tells what executions have to work with.
pub(in crate::domain::executions) struct ExecutionResources;

/// Nothing is to be said.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {}

/// What executions have to work with.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Output {
    /// Executions that you may see, by how they stand.
    executions: BTreeMap<&'static str, u64>,
    /// Bounds that hold for every execution.
    limits: Vec<Limit>,
    /// What works on them here; left out for those who may not read the installation (`system:read`), since it is everybody's.
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<Worker>,
    /// What waits to be done, by queue; left out likewise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queues: Vec<Queue>,
}

/// What works on executions on this instance.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Worker {
    /// Steps that may be under way here at once (half of `limits.concurrent_calls`).
    at_once: usize,
    /// Steps that are under way here.
    busy: usize,
    /// How many more could be.
    free: usize,
}

/// What waits to be done, over all instances.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Queue {
    /// Its name: `executions` for what happens to executions, timers included, `execution_work` for steps that are to be done.
    name: &'static str,
    /// Jobs in it: due ones, those under way, and those to come.
    jobs: u64,
    /// When the next that nobody works on is due: in the past where it waits for a worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_due_at: Option<Timestamp>,
    /// For how long the first of them has been waiting for a worker, in milliseconds; 0 where none is.
    behind_ms: u64,
}

/// Every way in which an execution may stand.
const ALL: [Status; 7] = [
    Status::Held,
    Status::Running,
    Status::Paused,
    Status::Completed,
    Status::Failed,
    Status::Cancelled,
    Status::Compensated,
];

impl Capability for ExecutionResources {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "execution_resources",
        Domain::Executions,
        Route::get("/operations/resources"),
        Permit::on(Resource::Executions, Action::Read),
        "What executions have to work with: how many stand how, the bounds of each execution, and for operators the workers and the queues with what is \
         in use and how far they are behind. For throughput and errors over time use execution_pipeline.",
    );

    async fn run(cx: &Cx, _: Input) -> Result<Output, Fault> {
        let (store, scope) = (&cx.platform().store, Scope::Tenant(cx.tenant()));
        let mut executions = BTreeMap::new();
        for status in ALL {
            let filter = Filter::is("status", Scalar::Text(status.name().to_owned()));
            let filter = visible_to::<Execution>(cx.caller()).and(filter);
            let count = store.count(scope, &EXECUTION, filter).await.map_err(store_fault)?;
            executions.insert(status.name(), count);
        }
        let (mut worker, mut queues) = (None, Vec::new());
        if cx.caller().may(Resource::System, Action::Read) {
            let (at_once, busy) = (at_once(cx.platform()), cx.service::<Desk>()?.busy());
            worker = Some(Worker { at_once, busy, free: at_once.saturating_sub(busy) });
            for name in [QUEUE, WORK] {
                let next_due_at = store.next_due(name).await.map_err(store_fault)?;
                let behind = next_due_at.map_or(0, |due| cx.now().as_millis().saturating_sub(due.as_millis()));
                queues.push(Queue {
                    name,
                    jobs: store.depth(name).await.map_err(store_fault)?,
                    next_due_at,
                    behind_ms: u64::try_from(behind).unwrap_or(0),
                });
            }
        }
        Ok(Output { executions, limits: LIMITS.to_vec(), worker, queues })
    }
}
