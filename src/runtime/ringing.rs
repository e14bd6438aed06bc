//! Keeps the worker at work that lets the timers of tasks ring: warnings, due times, escalations.

use std::sync::Arc;
use std::time::Duration;

use super::rounds::{Rounds, keep};
use super::supervise::Supervisor;
use crate::capability::platform::Platform;
use crate::domain::tasks::working::Worker;
use crate::kernel::fault::Fault;

/// How often it is looked whether a timer is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Rounds for Worker {
    async fn round(&self) -> Result<usize, Fault> {
        Self::round(self).await
    }
}

/// Starts it as background work.
pub fn start(platform: &Arc<Platform>, supervisor: &Supervisor) {
    keep("timers of tasks", LOOK_EVERY, &Worker::new(platform.clone()), supervisor);
}
