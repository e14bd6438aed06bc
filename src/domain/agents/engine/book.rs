//! The book of runs: what is to be written of runs that ended, whether well, by a fault, or because nobody waited any more. It is
//! written before a run is answered; what was called off is written within seconds.

use std::sync::Arc;

use crate::capability::behind::{Behind, Row};
use crate::capability::cx::store_fault;
use crate::capability::events::Event;
use crate::capability::platform::Platform;
use crate::domain::agents::model::run::{AGENT_RUNS, AGENT_TRANSCRIPTS, RunEntry, Transcript};
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::port::logs::LogQuery;
use crate::port::records::{Filter, Scalar, Scope};
use crate::port::store::Step;

/// Bytes of runs that wait while the store cannot write.
const MOST_WAITING: usize = 128 << 20;

/// A run that ended.
pub(crate) struct Ended {
    pub(crate) tenant: TenantId,
    pub(crate) entry: RunEntry,
    pub(crate) transcript: Transcript,
    pub(crate) event: Event,
}

impl Ended {
    fn row(self) -> Result<Row, Fault> {
        let entry = serde_json::to_value(&self.entry).map_err(Fault::internal)?;
        let transcript = serde_json::to_value(&self.transcript).map_err(Fault::internal)?;
        let steps = vec![
            Step::Append { log: &AGENT_RUNS, stream: self.entry.agent_id, body: entry },
            Step::Append { log: &AGENT_TRANSCRIPTS, stream: self.entry.execution_id, body: transcript },
            self.event.step()?,
        ];
        Ok(Row { tenant: self.tenant, steps, event: Some(Arc::new(self.event)) })
    }
}

/// The book, a service.
pub struct Runs(Behind);

impl Default for Runs {
    fn default() -> Self {
        Self(Behind::new("runs of agents", MOST_WAITING))
    }
}

impl Runs {
    /// Adds a run.
    pub(crate) fn add(&self, ended: Ended) {
        match ended.row() {
            Ok(row) => self.0.add(row),
            Err(fault) => tracing::error!(?fault, "a run of an agent cannot be written"),
        }
    }

    /// Writes what was added and tells of it. What cannot be written waits for the next time.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn flush(&self, platform: &Arc<Platform>) -> Result<(), Fault> {
        self.0.flush(platform).await
    }

    /// The transcript of a run.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn transcript(
        &self,
        platform: &Arc<Platform>,
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
