//! The meter: what every call of a model used and cost, collected in memory and written in batches, so that no call waits for
//! it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::capability::cx::store_fault;
use crate::capability::platform::Platform;
use crate::domain::models::model::call::{CallEntry, MODEL_CALLS};
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::store::{Batch, Step, Store};

/// Entries that are kept while they cannot be written. Beyond them the oldest go: a full disk must not fill the memory too.
const MOST_KEPT: usize = 100_000;
/// Entries of one commit.
const STEP: usize = 2_000;

/// Collects what was used.
#[derive(Default)]
pub(crate) struct Meter {
    waiting: Mutex<Vec<(TenantId, CallEntry)>>,
    writing: tokio::sync::Mutex<()>,
}

impl Meter {
    /// Adds a call.
    pub(crate) fn add(&self, tenant: TenantId, entry: CallEntry) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST_KEPT {
            let gone = MOST_KEPT / 10;
            waiting.drain(..gone);
            tracing::error!(gone, "the usage of models could not be written for too long, some of it is lost");
        }
        waiting.push((tenant, entry));
    }

    /// Writes what was added. What cannot be written waits for the next time, and the writing goes on when whoever asked for it goes
    /// away.
    pub(crate) async fn flush(self: &Arc<Self>, platform: &Arc<Platform>) -> Result<(), Fault> {
        let (meter, owned) = (self.clone(), platform.clone());
        let writing = async move { meter.write(&*owned.store, owned.clock.now()).await };
        let written = platform.carry_through(writing).await;
        written.unwrap_or_else(|| Err(Fault::internal("the usage of models could not be written: it panicked")))
    }

    async fn write(&self, store: &dyn Store, now: Timestamp) -> Result<(), Fault> {
        let _one = self.writing.lock().await;
        loop {
            let mut taken = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
            if taken.is_empty() {
                return Ok(());
            }
            let rest = taken.split_off(taken.len().min(STEP));
            let written = write(store, now, &taken).await;
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let come = std::mem::take(&mut *waiting);
            if written.is_err() {
                waiting.append(&mut taken);
            }
            waiting.extend(rest);
            waiting.extend(come);
            drop(waiting);
            written?;
        }
    }
}

async fn write(store: &dyn Store, now: Timestamp, entries: &[(TenantId, CallEntry)]) -> Result<(), Fault> {
    let mut of_tenants: HashMap<TenantId, Vec<Step>> = HashMap::new();
    for (tenant, entry) in entries {
        let stream = entry.model.split('/').next().unwrap_or_default().to_owned();
        let body = serde_json::to_value(entry).map_err(Fault::internal)?;
        of_tenants.entry(*tenant).or_default().push(Step::Append { log: &MODEL_CALLS, stream, body });
    }
    let batches = of_tenants.into_iter().map(|(tenant, steps)| Batch { tenant, at: now, steps }).collect();
    store.commit(batches).await.map(drop).map_err(store_fault)
}
