//! Keeps the worker of executions at work: it is woken when something is due here, and looks for what others left.

use std::sync::Arc;
use std::time::Duration;

use super::rounds::{Rounds, keep};
use super::supervise::Supervisor;
use crate::capability::gate::Gate;
use crate::domain::executions::working::{Hearer, Worker, at_once};
use crate::kernel::fault::Fault;

/// How often it looks when nothing wakes it: for timers, and for what other instances wished.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How often it is looked whether an event came that an execution waits for.
const HEAR_EVERY: Duration = Duration::from_millis(250);

impl Rounds for Hearer {
    async fn round(&self) -> Result<usize, Fault> {
        Self::round(self).await
    }
}

impl Rounds for Arc<Worker> {
    async fn round(&self) -> Result<usize, Fault> {
        Worker::round(self).await
    }

    async fn wait(&self, longest: Duration) {
        Worker::wait(self, longest).await;
    }
}

/// Starts it as background work. What is under way when it is told to stop is left; its lease ends, and it is taken up again.
///
/// # Errors
/// When the program has no desk for it: a fault of the program.
pub fn start(gate: &Arc<Gate>, supervisor: &Supervisor) -> Result<(), Fault> {
    let worker = Worker::new(gate.clone(), at_once(gate.platform()))?;
    keep("execution events", HEAR_EVERY, &Hearer::new(gate.clone())?, supervisor);
    keep("executions", LOOK_EVERY, &Arc::new(worker), supervisor);
    Ok(())
}
