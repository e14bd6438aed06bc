//! Keeps the worker of schedules at work.

use std::sync::Arc;

use super::supervise::Supervisor;
use crate::capability::gate::Gate;
use crate::domain::schedules::working::Worker;

/// Starts it as background work.
pub fn start(gate: &Arc<Gate>, supervisor: &Supervisor) {
    let worker = Worker::new(gate.clone());
    supervisor.keep("schedules", move |stop| worker.clone().work(stop));
}
