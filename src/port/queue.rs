//! The queue: jobs with leases and fencing, dealt to tenants in turn. A job is leased to one worker at a time; a worker that lost its lease can
//! neither finish nor put back the job, because its token is old. What a job brings about is committed with `Step::Finish`, so
//! that it is there once; `Queue::finish` alone ends a job that writes nothing.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use uuid::Uuid;

use super::store::StoreFault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;

/// A job to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// The queue that it waits in.
    pub queue: &'static str,
    /// Not before this moment.
    pub due: Timestamp,
    /// Smaller comes first among those of its tenant that are due.
    pub priority: i32,
    /// What to do.
    pub body: Value,
}

/// A job in the hands of a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease {
    /// The job's id.
    pub id: Uuid,
    /// The job's tenant.
    pub tenant: TenantId,
    /// Grows with every lease of the job: the fence.
    pub token: i64,
    /// How often it was leased before.
    pub attempts: u32,
    /// When the lease ends.
    pub until: Timestamp,
    /// What to do.
    pub body: Value,
}

impl Lease {
    /// The lease of a job that was written by `Step::Hold`.
    #[must_use]
    pub fn at_once(tenant: TenantId, job: &Job, until: Timestamp) -> Self {
        Self { id: job.id, tenant, token: 1, attempts: 0, until, body: job.body.clone() }
    }
}

/// Leases jobs. Enqueueing goes through `Store::commit`.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Takes at most `limit` due jobs that nobody holds. Tenants take turns: what is leased is dealt evenly among those that have something
    /// due, and the next lease goes on with the next tenant. Of one tenant jobs are taken by priority, then due time, then id. What that
    /// costs depends neither on how much waits nor on how many tenants have nothing due.
    async fn lease(
        &self,
        queue: &'static str,
        now: Timestamp,
        span: Duration,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreFault>;

    /// Keeps a lease for longer; false when it is lost.
    async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreFault>;

    /// The job is done and goes; false when the lease was lost.
    async fn finish(&self, lease: &Lease) -> Result<bool, StoreFault>;

    /// The job waits again until `due`; false when the lease was lost.
    async fn put_back(&self, lease: &Lease, due: Timestamp) -> Result<bool, StoreFault>;

    /// How many jobs wait or are held.
    async fn depth(&self, queue: &'static str) -> Result<u64, StoreFault>;

    /// When the next job that nobody holds is due; where some are due already, when one of them was.
    async fn next_due(&self, queue: &'static str) -> Result<Option<Timestamp>, StoreFault>;
}
