//! Keeps the worker at work that has texts embedded, and looks through everything once for each embedder.

use std::sync::Arc;
use std::time::Duration;

use super::rounds::{Rounds, keep};
use super::supervise::Supervisor;
use crate::capability::platform::Platform;
use crate::domain::memory::retrieval::working::Worker;
use crate::kernel::fault::Fault;

/// How often it is looked whether a text waits.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// After what failed it is looked through everything again.
const AGAIN: Duration = Duration::from_mins(1);

impl Rounds for Worker {
    async fn round(&self) -> Result<usize, Fault> {
        Self::round(self).await
    }
}

/// Looks through everything.
struct Sweeping(Arc<Worker>);

impl Rounds for Sweeping {
    async fn round(&self) -> Result<usize, Fault> {
        // However much it found: it looked at all of it.
        self.0.sweep().await.map(|_| 0)
    }
}

/// Starts both as background work.
pub fn start(platform: &Arc<Platform>, supervisor: &Supervisor) {
    let worker = Arc::new(Worker::new(platform.clone()));
    keep("embedding", LOOK_EVERY, &worker, supervisor);
    keep("what is to be embedded", AGAIN, &Arc::new(Sweeping(worker)), supervisor);
}
