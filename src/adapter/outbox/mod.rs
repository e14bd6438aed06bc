//! The bus in process: readers go to the log of events itself, the outbox. Nothing is copied, so nothing can be lost between
//! the commit and the bus.

use std::sync::Arc;

use async_trait::async_trait;

use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::bus::{Bus, Heard};
use crate::port::logs::{Entry, Log, LogQuery, TimeQuery};
use crate::port::records::{Comparison, Filter, Scalar, Scope};
use crate::port::store::{Store, StoreFault};

/// Reads the log of events.
pub struct Outbox {
    store: Arc<dyn Store>,
    log: &'static Log,
}

impl Outbox {
    /// The bus over a log.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, log: &'static Log) -> Self {
        Self { store, log }
    }

    async fn entries(
        &self,
        tenant: TenantId,
        filter: &Filter,
        after: i64,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreFault> {
        let query = LogQuery { filter: filter.clone(), beyond: Some(after), descending: false, limit };
        self.store.entries(Scope::Tenant(tenant), self.log, query).await
    }
}

#[async_trait]
impl Bus for Outbox {
    async fn read(&self, tenant: TenantId, filter: &Filter, after: i64, limit: u32) -> Result<Heard, StoreFault> {
        // Looked up first: what is committed after it is found by the next read.
        let newest = self.newest(tenant).await?;
        if newest <= after {
            return Ok(Heard { events: Vec::new(), scanned: after, more: false });
        }
        let events = match self.entries(tenant, filter, after, limit).await {
            // Few among very many: those in between are passed by reading all of them, part by part.
            Err(StoreFault::TooMuch) => self.entries(tenant, &Filter::All, after, limit).await?,
            read => read?,
        };
        let more = events.len() >= limit as usize;
        let last = events.last().map_or(after, |event| event.position);
        Ok(Heard { events, scanned: if more { last } else { last.max(newest) }, more })
    }

    async fn newest(&self, tenant: TenantId) -> Result<i64, StoreFault> {
        // No further than the log's last position, looked up first: who reads backwards sees what is there, also beyond what
        // another is still committing under a lower position.
        let settled = self.store.last(self.log).await?;
        let query = LogQuery { filter: Filter::All, beyond: None, descending: true, limit: 1 };
        let newest = self.store.entries(Scope::Tenant(tenant), self.log, query).await?;
        Ok(newest.first().map_or(0, |entry| entry.position.min(settled)))
    }

    async fn before(&self, tenant: TenantId, moment: Timestamp) -> Result<i64, StoreFault> {
        let settled = self.store.last(self.log).await?;
        let filter = Filter::Compare("at", Comparison::AtLeast, Scalar::Time(moment));
        let query = TimeQuery { filter, beyond: None, descending: false, limit: 1 };
        let first = self.store.entries_by_time(Scope::Tenant(tenant), self.log, query).await?;
        match first.first() {
            Some(first) => Ok((first.position - 1).min(settled)),
            None => self.newest(tenant).await,
        }
    }
}
