//! Keeps the worker at work that has records stand in the knowledge graph, and has it look through everything now and then.

use std::sync::Arc;
use std::time::Duration;

use super::rounds::{Rounds, keep};
use super::supervise::Supervisor;
use crate::capability::platform::Platform;
use crate::domain::knowledge::mirroring::Worker;
use crate::kernel::fault::Fault;

/// How often it is looked whether something was told.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often everything is looked through.
const AGAIN: Duration = Duration::from_hours(1);

impl Rounds for Worker {
    async fn round(&self) -> Result<usize, Fault> {
        Self::round(self).await
    }
}

/// Looks through everything.
struct Sweeping(Arc<Worker>);

impl Rounds for Sweeping {
    async fn round(&self) -> Result<usize, Fault> {
        // However much it mended: it looked at all of it.
        self.0.sweep().await.map(|_| 0)
    }
}

/// Starts both as background work.
pub fn start(platform: &Arc<Platform>, supervisor: &Supervisor) {
    let worker = Arc::new(Worker::new(platform.clone()));
    keep("records in the graph", LOOK_EVERY, &worker, supervisor);
    keep("what is to be in the graph", AGAIN, &Arc::new(Sweeping(worker)), supervisor);
}
