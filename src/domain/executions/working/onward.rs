//! Going on: what the worker hears of, and the next step in the hands of whoever did the one before.

use std::sync::Arc;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::super::model::execution::{Execution, WORK};
use super::{LEASE, Worker};
use crate::capability::owned::Stored;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::queue::Lease;
use crate::port::store::Step;

impl Worker {
    /// Waits until something is told by which something may be due.
    pub(super) async fn hear(&self) {
        let mut told = self.told.lock().await;
        loop {
            match told.recv().await {
                Ok(event) if !event.topic.starts_with("execution.") && !event.topic.starts_with("task.") => {}
                // Whatever else was told, it is looked at once.
                Ok(_) | Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return std::future::pending().await,
            }
        }
        while matches!(told.try_recv(), Ok(_) | Err(TryRecvError::Lagged(_))) {}
    }
}

/// Takes the first step that is due at once out of what is written for others to take up: whoever writes it goes on with it.
pub(super) fn hold_next(tenant: TenantId, steps: &mut [Step], now: Timestamp) -> Option<Lease> {
    let found =
        steps.iter_mut().find(|step| matches!(step, Step::Enqueue(job) if job.queue == WORK && job.due <= now))?;
    let Step::Enqueue(job) = &*found else { return None };
    let (job, until) = (job.clone(), now.plus(LEASE));
    let next = Lease::at_once(tenant, &job, until);
    *found = Step::Hold { job, until };
    Some(next)
}

/// An execution as it was read, where it is likely to be so still when its step has ended: nothing else of it is under way.
pub(super) fn still_so(stored: &Arc<Stored<Execution>>) -> Option<Arc<Stored<Execution>>> {
    (stored.value.state.tokens.len() == 1).then(|| stored.clone())
}

/// Whether something is written that others are to take up at once.
pub(super) fn wanted_now(steps: &[Step], now: Timestamp) -> bool {
    steps.iter().any(|step| matches!(step, Step::Enqueue(job) if job.due <= now))
}
