//! Running. No transaction is open while a capability runs; what it collected is committed in one short batch. Where a
//! precondition broke, a capability that reached nothing outside is run again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{FutureExt as _, StreamExt as _};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::commit::{Stage, commit};
use super::operation::Ending;
use super::{Gate, Request};
use crate::capability::cx::{Call, Cx, Lasting, store_fault};
use crate::capability::outcome::{Download, Outcome};
use crate::capability::tool::Tool;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::store::{Conflict, StoreFault};

/// A call whose preconditions broke so often is given back to the caller: something else writes all the time.
const MOST_RUNS: u32 = 8;

/// The time of a call that may take as long as it takes.
const UNHURRIED: Duration = Duration::from_hours(24 * 365);

/// A call that ended well.
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) revision: Option<i64>,
}

/// A call that did not end well.
pub(super) struct Stopped {
    pub(super) fault: Fault,
    /// Whether the tool itself said so. Else it was stopped, or what it wrote was not committed, and what it did outside
    /// meanwhile is not known.
    pub(super) by_itself: bool,
    /// The operation as it lies in the store.
    pub(super) ending: Option<Ending>,
}

impl Gate {
    pub(super) fn call_of(&self, request: &Request, tool: &Arc<Tool>) -> Arc<Call> {
        let config = &self.platform.config;
        let most = match request.lasting {
            Lasting::Task => config.mcp.task_seconds,
            Lasting::Answer | Lasting::Either => config.limits.call_seconds,
        };
        let most = if request.unhurried { UNHURRIED } else { Duration::from_secs(most.max(1)) };
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

    /// A place among the calls that run at once: calls are refused when there is none, tasks wait for one.
    async fn place(&self, call: &Call) -> Result<OwnedSemaphorePermit, Fault> {
        let closed = |_| Fault::new(&codes::UNAVAILABLE, "the server is stopping");
        match call.lasting {
            Lasting::Task => {
                tokio::select! {
                    place = self.task_room.clone().acquire_owned() => place.map_err(closed),
                    () = call.cancel.cancelled() => Err(cancelled()),
                }
            }
            Lasting::Answer | Lasting::Either => self.room.clone().try_acquire_owned().map_err(|_| {
                Fault::new(&codes::UNAVAILABLE, "the server runs as many calls as it may")
                    .with_retry_after(Duration::from_secs(1))
            }),
        }
    }

    /// Runs an admitted call and commits what it wrote, together with the end of its operation where it has one.
    pub(super) async fn execute(
        &self,
        call: Arc<Call>,
        mut input: Value,
        ending: Option<Ending>,
    ) -> Result<Ended, Stopped> {
        let place = match self.place(&call).await {
            Ok(place) => place,
            Err(fault) => return Err(Stopped { fault, by_itself: true, ending }),
        };
        let began = Instant::now();
        let mut runs = 1;
        loop {
            let cx = Cx::new(call.clone(), self.platform.clone(), ending.clone());
            let repeatable = !call.tool.effect.reads() && !call.tool.reaches && runs < MOST_RUNS;
            let again = repeatable.then(|| input.clone());
            let outcome = match run(&cx, &call, input).await {
                Ok(outcome) => outcome,
                Err((fault, by_itself)) => {
                    return Err(Stopped { fault, by_itself, ending: cx.take_pending().ending });
                }
            };
            let pending = cx.take_pending();
            if pending.broken {
                let fault = Fault::new(&codes::CONFLICT, "a part of what the call wrote could not be kept");
                return Err(Stopped { fault, by_itself: false, ending: pending.ending });
            }
            if !call.tool.is_audited() && !pending.steps.is_empty() {
                let fault = Fault::internal(format!("{} is declared to read and wrote", call.tool.name));
                return Err(Stopped { fault, by_itself: true, ending: pending.ending });
            }
            if !call.tool.is_audited() && pending.ending.is_none() {
                return Ok(Ended { outcome: held(outcome, place, &call), revision: pending.revision });
            }
            let kept = match (&outcome, &pending.ending) {
                (Outcome::Value(value), Some(_)) => Some(value.clone()),
                (Outcome::Value(_) | Outcome::Stream(_) | Outcome::Bytes(_), _) => None,
            };
            let (stepped, standing) = (pending.committed_before, pending.ending.clone());
            let stage = Stage::Done { result: kept.as_ref(), took: began.elapsed() };
            match (commit(&self.platform, &call, pending, stage).await, again) {
                (Ok(done), _) => return Ok(Ended { outcome: held(outcome, place, &call), revision: done.revision }),
                (Err(StoreFault::Conflict(Conflict::Changed { .. })), Some(again))
                    if !stepped && !call.cancel.is_cancelled() && Instant::now() < call.deadline =>
                {
                    runs += 1;
                    input = again;
                }
                (Err(fault), _) => {
                    return Err(Stopped { fault: store_fault(fault), by_itself: false, ending: standing });
                }
            }
        }
    }
}

/// Runs the tool until it ends, is called off, or its time is over. A panic is a fault of the program, not its end.
async fn run(cx: &Cx, call: &Call, input: Value) -> Result<Outcome, (Fault, bool)> {
    let work = AssertUnwindSafe(call.tool.run(cx, input)).catch_unwind();
    tokio::select! {
        biased;
        ended = work => match ended {
            Ok(ended) => ended.map_err(|fault| (fault, true)),
            Err(panic) => Err((Fault::internal(panic_text(panic.as_ref())), false)),
        },
        () = call.cancel.cancelled() => Err((cancelled(), false)),
        () = tokio::time::sleep_until(call.deadline.into()) => {
            Err((Fault::new(&codes::DEADLINE, "the call did not end within its time"), false))
        }
    }
}

fn cancelled() -> Fault {
    Fault::new(&codes::CANCELLED, "the call was cancelled")
}

/// What goes on after the call returned keeps its place among the calls, its time and its cancellation.
fn held(outcome: Outcome, place: OwnedSemaphorePermit, call: &Arc<Call>) -> Outcome {
    let over = {
        let call = call.clone();
        async move {
            tokio::select! {
                () = call.cancel.cancelled() => {}
                () = tokio::time::sleep_until(call.deadline.into()) => {}
            }
        }
    };
    match outcome {
        Outcome::Value(value) => Outcome::Value(value),
        Outcome::Stream(items) => {
            let mut items = items.take_until(Box::pin(over));
            Outcome::Stream(Box::pin(futures::stream::poll_fn(move |context| {
                let _place = &place;
                items.poll_next_unpin(context)
            })))
        }
        Outcome::Bytes(download) => {
            let mut chunks = download.chunks.take_until(Box::pin(over));
            let chunks = Box::pin(futures::stream::poll_fn(move |context| {
                let _place = &place;
                chunks.poll_next_unpin(context)
            }));
            Outcome::Bytes(Download { chunks, ..download })
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a text"))
}
