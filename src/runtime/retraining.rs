//! Keeps the workers of retraining jobs at work. Each looks every few seconds: what it does takes minutes and hours.

use std::sync::Arc;
use std::time::Duration;

use super::supervise::Supervisor;
use crate::capability::gate::Gate;
use crate::domain::learning::working::Worker;

/// Jobs that are worked on at once: each by a worker of its own, so that none waits for another's model.
const AT_ONCE: usize = 4;
/// How often it is looked whether a job is due.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// Starts them as background work. What is under way when it is told to stop is left; its lease ends, and it is taken up again.
pub fn start(gate: &Arc<Gate>, supervisor: &Supervisor) {
    let worker = Worker::new(gate.clone());
    for _ in 0..AT_ONCE {
        keep(worker.clone(), supervisor);
    }
}

fn keep(worker: Arc<Worker>, supervisor: &Supervisor) {
    supervisor.keep("retraining", move |stop| {
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
                    tracing::warn!(%fault, "retraining jobs cannot be looked at");
                }
                failing = round.is_err();
                // What goes on at once is not waited for.
                if matches!(round, Ok(count) if count > 0) {
                    continue;
                }
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        }
    });
}
