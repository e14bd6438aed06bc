//! Running and committing. No transaction is open while a capability runs; what it collected is committed in one short batch
//! with its audit entry and usage. Where a precondition broke, a capability that reached nothing outside is run again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use serde_json::Value;

use super::operation::Ending;
use super::{Carried, Gate, Request, audit, usage};
use crate::capability::cx::{Call, Cx, Pending, store_fault};
use crate::capability::outcome::Outcome;
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::records::{Document as _, Visibility};
use crate::port::store::{Batch, Conflict, Put, Step, StoreFault};

/// A call whose preconditions broke so often is given back to the caller: something else writes all the time.
const MOST_RUNS: u32 = 8;

impl Gate {
    pub(super) fn call_of(&self, request: &Request, tool: &Arc<Tool>) -> Arc<Call> {
        let most = Duration::from_secs(self.platform.config.limits.call_seconds.max(1));
        let limit = request.time_limit.map_or(most, |asked| asked.min(most));
        Arc::new(Call {
            id: request.id,
            caller: request.caller.clone(),
            origin: request.origin,
            tool: tool.clone(),
            at: self.platform.clock.now(),
            deadline: Instant::now() + limit,
            cancel: request.cancel.clone(),
            client: request.client.clone(),
            answers: request.answers.clone(),
            if_match: request.if_match,
            lasting: request.lasting,
        })
    }

    /// Runs an admitted call and commits what it wrote, together with the end of its operation where it has one.
    pub(super) async fn execute(
        &self,
        call: Arc<Call>,
        input: Value,
        ending: Option<Ending>,
    ) -> Result<(Outcome, Option<i64>), Fault> {
        let Ok(_room) = self.room.try_acquire() else {
            return Err(Fault::new(&codes::UNAVAILABLE, "the server runs as many calls as it may")
                .with_retry_after(Duration::from_secs(1)));
        };
        let reads = call.tool.effect.reads() && !call.tool.spends;
        if reads && ending.is_none() {
            let cx = Cx::new(call.clone(), self.platform.clone());
            let outcome = run(&cx, &call, input).await?;
            let pending = cx.take_pending();
            wrote_nothing(&call, &pending)?;
            return Ok((outcome, pending.revision));
        }
        let began = Instant::now();
        let mut runs = 1;
        loop {
            let cx = Cx::new(call.clone(), self.platform.clone());
            let outcome = run(&cx, &call, input.clone()).await?;
            let pending = cx.take_pending();
            if reads {
                wrote_nothing(&call, &pending)?;
            }
            let kept = match (&outcome, &ending) {
                (Outcome::Value(value), Some(_)) => Some(value.clone()),
                (Outcome::Value(_) | Outcome::Stream(_) | Outcome::Bytes(_), _) => None,
            };
            let repeatable = !call.tool.reaches && !pending.committed_before && runs < MOST_RUNS;
            match self.commit(&call, pending, kept.as_ref(), ending.as_ref(), began.elapsed()).await {
                Ok(revision) => return Ok((outcome, revision)),
                Err(StoreFault::Conflict(Conflict::Changed { .. })) if repeatable => runs += 1,
                Err(fault) => return Err(store_fault(fault)),
            }
        }
    }

    async fn commit(
        &self,
        call: &Call,
        pending: Pending,
        result: Option<&Value>,
        ending: Option<&Ending>,
        took: Duration,
    ) -> Result<Option<i64>, StoreFault> {
        let broken = |fault: Fault| StoreFault::Broken(fault.to_string());
        let carried = Carried {
            audit: audit::entry(call, &pending.changes, "done").map_err(broken)?,
            usage: usage::row(call, took).map_err(broken)?,
        };
        let first_put = pending.steps.iter().filter(|step| matches!(step, Step::Put(_))).count() == 1;
        let mut steps = pending.steps;
        let reads = call.tool.effect.reads() && !call.tool.spends;
        if !reads {
            steps.push(carried.audit);
            steps.push(carried.usage);
        }
        let now = self.platform.clock.now();
        if let Some(ending) = ending {
            let mut operation = ending.operation.clone();
            operation.end(&call.tool, result.unwrap_or(&Value::Null), now);
            steps.push(put_operation(ending, &operation).map_err(broken)?);
        }
        let batch = Batch { tenant: call.caller.tenant, at: now, steps };
        let revisions = self.platform.store.commit(vec![batch]).await?;
        if pending.authority {
            self.platform.authority_changed(call.caller.tenant);
        }
        for event in pending.events {
            self.platform.tell(Arc::new(event));
        }
        // An ETag names one document: only where the call wrote exactly one is its new revision the answer's.
        Ok(if first_put { revisions.first().copied() } else { None })
    }
}

/// Holds a capability that is declared to read to it.
fn wrote_nothing(call: &Call, pending: &Pending) -> Result<(), Fault> {
    if pending.steps.is_empty() {
        return Ok(());
    }
    Err(Fault::internal(format!("{} is declared to read and wrote", call.tool.name)))
}

/// The step that writes an operation.
pub(super) fn put_operation(ending: &Ending, operation: &super::operation::Operation) -> Result<Step, Fault> {
    Ok(Step::Put(Put {
        kind: super::operation::Operation::KIND,
        id: ending.id,
        expect: ending.expect,
        owner: Some(operation.user.uuid()),
        workspace: None,
        visibility: Visibility::Private,
        body: serde_json::to_value(operation).map_err(Fault::internal)?,
    }))
}

/// Runs the tool until it ends, is called off, or its time is over. A panic is a fault of the program, not its end.
async fn run(cx: &Cx, call: &Call, input: Value) -> Result<Outcome, Fault> {
    let work = AssertUnwindSafe(call.tool.run(cx, input)).catch_unwind();
    tokio::select! {
        biased;
        ended = work => ended.unwrap_or_else(|panic| Err(Fault::internal(panic_text(panic.as_ref())))),
        () = call.cancel.cancelled() => Err(Fault::new(&codes::CANCELLED, "the call was cancelled")),
        () = tokio::time::sleep_until(call.deadline.into()) => {
            Err(Fault::new(&codes::DEADLINE, "the call did not end within its time"))
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a text"))
}
