//! Running. No transaction is open while a capability runs; what it collected is committed in one short batch. Where a
//! precondition broke, a capability that reached nothing outside is run again.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::{FutureExt as _, Stream, StreamExt as _};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::commit::{Stage, commit};
use super::later::is_silent;
use super::operation::{Ending, OPERATION};
use super::{Gate, Request};
use crate::capability::client::Answers;
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
        // Who says how long the whole may take means the whole.
        let longest = if request.time_limit.is_some() { 0 } else { config.limits.stream_seconds };
        let began = Instant::now();
        Arc::new(Call {
            id: request.id,
            caller: request.caller.clone(),
            origin: request.origin,
            file: request.file.clone(),
            tool: tool.clone(),
            at: self.platform.clock.now(),
            deadline: began + limit,
            silence: most,
            flows_until: began + limit.max(Duration::from_secs(longest)),
            cancel: request.cancel.clone(),
            client: request.client.clone(),
            answers: request.answers.clone(),
            if_match: request.if_match,
            lasting: request.lasting,
            hops: request.hops,
            trace: request.trace,
        })
    }

    /// A place among the calls that run at once; refused when there is none.
    fn place(&self) -> Result<OwnedSemaphorePermit, Fault> {
        self.room.clone().try_acquire_owned().map_err(|_| {
            Fault::new(&codes::UNAVAILABLE, "the server runs as many calls as it may")
                .with_retry_after(Duration::from_secs(1))
        })
    }

    /// A place among the tasks that run at once, waited for.
    pub(super) async fn task_place(&self, cancel: &CancellationToken) -> Result<OwnedSemaphorePermit, Fault> {
        tokio::select! {
            place = self.task_room.clone().acquire_owned() => {
                place.map_err(|_| Fault::new(&codes::UNAVAILABLE, "the server is stopping"))
            }
            () = cancel.cancelled() => Err(cancelled()),
        }
    }

    /// Runs an admitted call and commits what it wrote, together with the end of its operation where it has one.
    pub(super) async fn execute(
        &self,
        call: Arc<Call>,
        input: Value,
        ending: Option<Ending>,
    ) -> Result<Ended, Stopped> {
        let place = match self.place() {
            Ok(place) => place,
            Err(fault) => return Err(Stopped { fault, by_itself: true, ending }),
        };
        self.execute_at(place, call, input, ending).await
    }

    /// The same at a place that is held already.
    pub(super) async fn execute_at(
        &self,
        place: OwnedSemaphorePermit,
        call: Arc<Call>,
        mut input: Value,
        ending: Option<Ending>,
    ) -> Result<Ended, Stopped> {
        let began = Instant::now();
        let mut runs = 1;
        let mut given = Answers::new();
        loop {
            let cx = Cx::new(call.clone(), self.platform.clone(), ending.clone(), given);
            // What only might have asked something outside, such as a model, is known when it has run.
            let repeatable = !call.tool.effect.reads() && (!call.tool.is_felt_outside() || call.tool.asks);
            let again = (repeatable && runs < MOST_RUNS).then(|| input.clone());
            let outcome = match run(&cx, &call, input).await {
                Ok(outcome) => outcome,
                Err((fault, by_itself)) => {
                    cx.settled().await;
                    return Err(Stopped { fault, by_itself, ending: cx.take_pending().ending });
                }
            };
            let asked = call.tool.is_felt_outside() && cx.asked().load(Ordering::Relaxed);
            let again = again.filter(|_| !asked);
            let mut pending = cx.take_pending();
            given = std::mem::take(&mut pending.given);
            if pending.broken {
                let fault = Fault::new(&codes::CONFLICT, "a part of what the call wrote could not be kept");
                return Err(Stopped { fault, by_itself: false, ending: pending.ending });
            }
            if !call.tool.is_audited() && !pending.steps.is_empty() {
                let fault = Fault::internal(format!("{} is declared to read and wrote", call.tool.name));
                return Err(Stopped { fault, by_itself: true, ending: pending.ending });
            }
            if call.if_match.is_some() && !call.tool.effect.reads() && !pending.matched {
                let say = format!("{} changes no document that a revision could be held against", call.tool.name);
                return Err(Stopped {
                    fault: Fault::new(&codes::PRECONDITION_FAILED, say),
                    by_itself: !call.tool.is_felt_outside(),
                    ending: pending.ending,
                });
            }
            if !call.tool.is_audited() && pending.ending.is_none() {
                return Ok(Ended { outcome: held(outcome, place, &call), revision: pending.revision });
            }
            if call.tool.asks && is_silent(&pending) {
                let written = self.write_behind(&call, Some(began.elapsed()), "done").await;
                written.map_err(|fault| Stopped { fault: store_fault(fault), by_itself: false, ending: None })?;
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
                // Where the operation itself has changed, somebody else has ended it.
                (Err(StoreFault::Conflict(Conflict::Changed { kind, .. })), Some(again))
                    if !stepped
                        && kind != OPERATION.name
                        && !call.cancel.is_cancelled()
                        && Instant::now() < call.deadline =>
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
            Err((over_time(), false))
        }
    }
}

fn cancelled() -> Fault {
    Fault::new(&codes::CANCELLED, "the call was cancelled")
}

fn over_time() -> Fault {
    Fault::new(&codes::DEADLINE, "the call did not end within its time")
}

/// What goes on after the call returned keeps its place among the calls, its time and its cancellation. What is cut off ends by
/// the fault: a part must not look like the whole.
fn held(outcome: Outcome, place: OwnedSemaphorePermit, call: &Arc<Call>) -> Outcome {
    let moved = Arc::new(Mutex::new(None));
    match outcome {
        Outcome::Value(value) => Outcome::Value(value),
        // A model may write for minutes: what moves goes on.
        Outcome::Stream(items) => {
            let told = moved.clone();
            let items = items.inspect(move |_| *lock(&told) = Some(Instant::now()));
            Outcome::Stream(Box::pin(within(items, place, call.clone(), moved)))
        }
        Outcome::Bytes(download) => {
            let chunks = Box::pin(within(download.chunks, place, call.clone(), moved));
            Outcome::Bytes(Download { chunks, ..download })
        }
    }
}

fn within<T: Send + 'static>(
    parts: impl Stream<Item = Result<T, Fault>> + Send + Unpin + 'static,
    place: OwnedSemaphorePermit,
    call: Arc<Call>,
    moved: Moved,
) -> impl Stream<Item = Result<T, Fault>> + Send {
    let cut = Box::pin(async move {
        tokio::select! {
            biased;
            () = call.cancel.cancelled() => cancelled(),
            () = stands_still(call.deadline, call.silence, call.flows_until, &moved) => over_time(),
        }
    });
    futures::stream::unfold(Some((parts, place, cut)), async |going| {
        let (mut parts, place, mut cut) = going?;
        tokio::select! {
            biased;
            fault = &mut cut => Some((Err(fault), None)),
            part = parts.next() => part.map(|part| (part, Some((parts, place, cut)))),
        }
    })
}

/// When the last item came.
type Moved = Arc<Mutex<Option<Instant>>>;

fn lock(moved: &Moved) -> MutexGuard<'_, Option<Instant>> {
    moved.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends when the call's time is over and nothing has moved for long, or it has moved for too long.
async fn stands_still(deadline: Instant, silence: Duration, longest: Instant, moved: &Moved) {
    let mut until = deadline;
    loop {
        tokio::time::sleep_until(until.into()).await;
        let next = lock(moved).map_or(until, |last| (last + silence).min(longest));
        if next <= until {
            return;
        }
        until = next;
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(5);
    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn what_does_not_move_ends_with_the_time_of_its_call() {
        let now = Instant::now();
        stands_still(now + MOMENT, LONG, now + LONG, &Moved::default()).await;
    }

    #[tokio::test]
    async fn what_moves_goes_on_and_ends_when_it_stands_still_or_has_moved_for_too_long() {
        let now = Instant::now();
        let moved = Arc::new(Mutex::new(Some(now)));
        let goes_on = stands_still(now + MOMENT, LONG, now + LONG, &moved);
        assert!(tokio::time::timeout(10 * MOMENT, goes_on).await.is_err());
        stands_still(now + MOMENT, 2 * MOMENT, now + LONG, &moved).await;
        stands_still(now + MOMENT, LONG, now + 2 * MOMENT, &moved).await;
    }
}
