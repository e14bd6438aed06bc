//! Work in rounds: as long as there is something to do it goes on at once, else it looks again after a while. The first of many failures is
//! told, so that a store that is down does not fill the log.

use std::sync::Arc;
use std::time::Duration;

use super::supervise::Supervisor;
use crate::kernel::fault::Fault;

/// What a worker does in rounds.
pub(super) trait Rounds: Send + Sync + 'static {
    /// Does some of it; answers how much.
    fn round(&self) -> impl Future<Output = Result<usize, Fault>> + Send;

    /// Waits before it looks again, no longer than this; less where something tells it that there is work.
    fn wait(&self, longest: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(longest)
    }
}

/// Keeps a worker at work in the background. What is under way when it is told to stop is left; whoever leased something loses it.
pub(super) fn keep(name: &'static str, every: Duration, worker: &Arc<impl Rounds>, supervisor: &Supervisor) {
    let worker = worker.clone();
    supervisor.keep(name, move |stop| {
        let worker = worker.clone();
        async move {
            let mut failing = false;
            loop {
                let round = tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    round = worker.round() => round,
                };
                if let Err(fault) = &round
                    && !failing
                {
                    tracing::warn!(?fault, "{name} cannot be worked on");
                }
                failing = round.is_err();
                // What goes on at once is not waited for.
                if matches!(round, Ok(count) if count > 0) {
                    continue;
                }
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = worker.wait(every) => {}
                }
            }
        }
    });
}
