//! The book of runs: what is to be written of runs that ended, whether well, by a fault, or because nobody waited any more. It is
//! written before a run is answered; what was called off is written within seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::capability::cx::store_fault;
use crate::capability::events::Event;
use crate::capability::platform::Platform;
use crate::domain::agents::model::run::{AGENT_RUNS, AGENT_TRANSCRIPTS, RunEntry, Transcript};
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::logs::LogQuery;
use crate::port::records::{Filter, Scalar, Scope};
use crate::port::store::{Batch, Step};

/// Runs that wait while the store cannot write. Beyond them the oldest go: a full disk must not fill the memory too.
const MOST_WAITING: usize = 2_000;

/// A run that ended.
pub(crate) struct Ended {
    pub(crate) tenant: TenantId,
    pub(crate) entry: RunEntry,
    pub(crate) transcript: Transcript,
    pub(crate) event: Event,
}

impl Ended {
    fn steps(&self) -> Result<Vec<Step>, Fault> {
        let entry = serde_json::to_value(&self.entry).map_err(Fault::internal)?;
        let transcript = serde_json::to_value(&self.transcript).map_err(Fault::internal)?;
        Ok(vec![
            Step::Append { log: &AGENT_RUNS, stream: self.entry.agent_id.clone(), body: entry },
            Step::Append { log: &AGENT_TRANSCRIPTS, stream: self.entry.execution_id.clone(), body: transcript },
            self.event.step()?,
        ])
    }
}

/// The book, a service.
#[derive(Default)]
pub struct Runs {
    waiting: Mutex<Vec<Ended>>,
    writing: tokio::sync::Mutex<()>,
}

impl Runs {
    /// Adds a run.
    pub(crate) fn add(&self, ended: Ended) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MOST_WAITING {
            let gone = MOST_WAITING / 10;
            waiting.drain(..gone);
            tracing::error!(gone, "runs of agents could not be written for too long, some are lost");
        }
        waiting.push(ended);
    }

    /// Writes what was added and tells of it. What cannot be written waits for the next time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn flush(&self, platform: &Platform) -> Result<(), Fault> {
        let _one = self.writing.lock().await;
        let taken = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        if taken.is_empty() {
            return Ok(());
        }
        let mut of_tenants: HashMap<TenantId, Vec<Step>> = HashMap::new();
        for ended in &taken {
            of_tenants.entry(ended.tenant).or_default().extend(ended.steps()?);
        }
        let at = platform.clock.now();
        let batches = of_tenants.into_iter().map(|(tenant, steps)| Batch { tenant, at, steps }).collect();
        if let Err(fault) = platform.store.commit(batches).await {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let come = std::mem::replace(&mut *waiting, taken);
            waiting.extend(come);
            return Err(store_fault(fault));
        }
        for ended in taken {
            platform.tell(Arc::new(ended.event));
        }
        Ok(())
    }

    /// The transcript of a run.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn transcript(
        &self,
        platform: &Platform,
        tenant: TenantId,
        execution: &str,
    ) -> Result<Option<Transcript>, Fault> {
        // What ended just now is not written yet.
        self.flush(platform).await?;
        let filter = Filter::is("stream", Scalar::Text(execution.to_owned()));
        let query = LogQuery { filter, beyond: None, descending: true, limit: 1 };
        let found =
            platform.store.entries(Scope::Tenant(tenant), &AGENT_TRANSCRIPTS, query).await.map_err(store_fault)?;
        let entry = found.into_iter().next();
        entry.map(|entry| serde_json::from_value(entry.body).map_err(Fault::internal)).transpose()
    }
}
