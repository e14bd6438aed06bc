//! The worker of timers. Each task has one job in the queue, for the next moment at which something happens to it by itself; a change of that moment
//! makes another job, and the old one, when its time comes, finds that it is an old one. So nothing is polled, nothing is called off, and what
//! happens is committed with the end of the job: once, on whichever instance, whatever ends in between.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use super::engine::timing::ring;
use super::model::task::{TASK, Task};
use super::writing::{Notes, TIMERS, steps};
use crate::capability::cx::store_fault;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::port::queue::Lease;
use crate::port::records::Scope;
use crate::port::store::{Batch, Step, StoreFault};

/// So long a job is leased: what is done with it takes a moment.
const LEASE: Duration = Duration::from_secs(30);
/// So many are taken at once.
const AT_ONCE: u32 = 64;

/// Lets timers ring.
pub struct Worker {
    platform: Arc<Platform>,
}

impl Worker {
    /// The worker of a platform.
    #[must_use]
    pub fn new(platform: Arc<Platform>) -> Arc<Self> {
        Arc::new(Self { platform })
    }

    /// Lets ring what is due; answers how many jobs were done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn round(&self) -> Result<usize, Fault> {
        let now = self.platform.clock.now();
        // Looking costs a read, leasing a write.
        if self.platform.store.next_due(TIMERS).await.map_err(store_fault)?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let leases = self.platform.store.lease(TIMERS, now, LEASE, AT_ONCE).await.map_err(store_fault)?;
        let count = leases.len();
        for lease in leases {
            if let Err(fault) = self.work(&lease).await {
                tracing::warn!(%fault, "a timer of a task could not ring and waits to be taken up again");
            }
        }
        Ok(count)
    }

    async fn work(&self, lease: &Lease) -> Result<(), Fault> {
        let store = &self.platform.store;
        let id = lease.body.get("task").and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
        let found = match id {
            Some(id) => store.get(Scope::Tenant(lease.tenant), &TASK, id).await.map_err(store_fault)?,
            None => None,
        };
        let number = lease.body.get("number").and_then(Value::as_u64);
        let stored = found.map(Stored::<Task>::read).transpose()?.filter(|stored| Some(stored.value.timer) == number);
        let Some(stored) = stored else { return store.finish(lease).await.map(drop).map_err(store_fault) };
        let (mut task, mut notes) = (stored.value.clone(), Notes::default());
        let now = self.platform.clock.now();
        if !ring(&mut task, &mut notes, now) {
            // The clock went back, or the moment moved: it waits for its time.
            return match task.timers.first() {
                Some(next) => store.put_back(lease, next.at).await.map(drop).map_err(store_fault),
                None => store.finish(lease).await.map(drop).map_err(store_fault),
            };
        }
        let mut written = steps(&self.platform, lease.tenant, stored.id, Some(&stored), None, task, notes, None)?;
        written.steps.push(Step::Finish { queue: TIMERS, id: lease.id, token: lease.token });
        match store.commit(vec![Batch { tenant: lease.tenant, at: now, steps: written.steps }]).await {
            Ok(_) => {
                for event in written.events {
                    self.platform.tell(Arc::new(event));
                }
                Ok(())
            }
            // Somebody changed the task meanwhile: it is looked at again at once. Where another has the lease, nothing is put back.
            Err(StoreFault::Conflict(_)) => store.put_back(lease, now).await.map(drop).map_err(store_fault),
            Err(fault) => Err(store_fault(fault)),
        }
    }
}
