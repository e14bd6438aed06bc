//! The bus: events of a tenant, read in the order of their places from wherever a reader left off. Writing to it is the
//! outbox's: an event is appended to the log of events in the commit of what it tells of, and from there it is on the bus.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::logs::Entry;
use super::records::Filter;
use super::store::StoreFault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;

/// What a read found.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// The events, in the order of their places.
    pub events: Vec<Entry>,
    /// Up to here everything was looked at: the next read goes on after it.
    pub scanned: i64,
    /// Whether there may be more already.
    pub more: bool,
}

/// That something came on the bus, wherever it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// An event.
    Event {
        /// Its tenant.
        tenant: TenantId,
        /// Its topic.
        topic: String,
    },
    /// The bus does not know what: everybody looks.
    Anything,
}

/// How a bus is doing that is something of its own beside the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusHealth {
    /// Its product and version, where it has told.
    pub product: Option<String>,
    /// What is wrong with it. Events are delivered all the same, by way of the store.
    pub fault: Option<String>,
}

/// Carries events.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Events of a tenant after a place, at most so many. The filter is by `stream`, the topic, and may be wider than what the
    /// reader wants. A reader never passes an event that is still being committed, and finds what was committed before.
    async fn read(&self, tenant: TenantId, filter: &Filter, after: i64, limit: u32) -> Result<Heard, StoreFault>;

    /// The same, for a reader who looks again when something arrives: what the bus has at hand. What was committed a moment ago
    /// may be missing, and arrives later.
    async fn follow(&self, tenant: TenantId, filter: &Filter, after: i64, limit: u32) -> Result<Heard, StoreFault> {
        self.read(tenant, filter, after, limit).await
    }

    /// The place of a tenant's newest event, 0 when there is none: what is committed from now on comes after it.
    async fn newest(&self, tenant: TenantId) -> Result<i64, StoreFault>;

    /// The place just before a tenant's first event of a moment or later.
    async fn before(&self, tenant: TenantId, moment: Timestamp) -> Result<i64, StoreFault>;

    /// Hears of what comes; `None` where the bus has nothing to tell that this instance's own commits do not.
    fn arrivals(&self) -> Option<broadcast::Receiver<Arrival>> {
        None
    }

    /// Is told of commits of this instance.
    fn committed(&self) {}

    /// Does what the bus does by itself, until it is told to stop.
    async fn work(self: Arc<Self>, _stop: CancellationToken) {}

    /// How it is doing, where it is something of its own.
    fn health(&self) -> Option<BusHealth> {
        None
    }
}
