//! The bus: events of a tenant, read in the order of their places from wherever a reader left off. Writing to it is the
//! outbox's: an event is appended to the log of events in the commit of what it tells of, and from there it is on the bus.

use async_trait::async_trait;

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

/// Carries events.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Events of a tenant after a place, at most so many. The filter is by `stream`, the topic, and may be wider than what the
    /// reader wants. A reader never passes an event that is still being committed.
    async fn read(&self, tenant: TenantId, filter: &Filter, after: i64, limit: u32) -> Result<Heard, StoreFault>;

    /// The place of a tenant's newest event, 0 when there is none: what is committed from now on comes after it.
    async fn newest(&self, tenant: TenantId) -> Result<i64, StoreFault>;

    /// The place just before a tenant's first event of a moment or later.
    async fn before(&self, tenant: TenantId, moment: Timestamp) -> Result<i64, StoreFault>;
}
