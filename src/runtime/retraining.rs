//! Keeps the workers of retraining jobs at work. Each looks every few seconds: what it does takes minutes and hours.

use std::sync::Arc;
use std::time::Duration;

use super::rounds::{Rounds, keep};
use super::supervise::Supervisor;
use crate::capability::gate::Gate;
use crate::domain::learning::working::Worker;
use crate::kernel::fault::Fault;

/// Jobs that are worked on at once: each by a worker of its own, so that none waits for another's model.
const AT_ONCE: usize = 4;
/// How often it is looked whether a job is due.
const LOOK_EVERY: Duration = Duration::from_secs(3);

impl Rounds for Worker {
    async fn round(&self) -> Result<usize, Fault> {
        Self::round(self).await
    }
}

/// Starts them as background work. What is under way when it is told to stop is left; its lease ends, and it is taken up again.
pub fn start(gate: &Arc<Gate>, supervisor: &Supervisor) {
    let worker = Worker::new(gate.clone());
    for _ in 0..AT_ONCE {
        keep("retraining", LOOK_EVERY, &worker, supervisor);
    }
}
