//! The queue: leases with fencing, dealt to tenants in turn. Several instances lease at the same time, and none waits for another.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresStore;
use super::cell::Cell;
use super::fault::OrFault as _;
use crate::adapter::forms;
use crate::adapter::turns::{Deal, MOST_READIED};
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::queue::{Lease, Queue};
use crate::port::records::Scope;
use crate::port::store::StoreFault;

/// Whether there is something ready, and whether something waits that is due.
const LOOK: &str = "SELECT EXISTS (SELECT FROM jobs WHERE queue = $1 AND ready), \
     EXISTS (SELECT FROM jobs WHERE queue = $1 AND NOT ready AND coalesce(held_until, due) <= $2)";

/// Jobs that have fallen due, and those whose lease has run out, become ready: some at a time.
const MAKE_READY: &str = "WITH due AS (SELECT tenant, id FROM jobs WHERE queue = $1 AND NOT ready \
     AND coalesce(held_until, due) <= $2 ORDER BY coalesce(held_until, due) LIMIT $3 FOR UPDATE SKIP LOCKED) \
     UPDATE jobs SET ready = true FROM due WHERE jobs.tenant = due.tenant AND jobs.id = due.id";

/// The tenants that have something ready, at most so many, beginning after one: by jumping from one to the next in the index.
const TENANTS: &str = "WITH RECURSIVE later (one) AS ((SELECT tenant FROM jobs WHERE queue = $1 AND ready AND tenant > $2 \
     ORDER BY queue, tenant, priority, due, id LIMIT 1) UNION ALL SELECT (SELECT tenant FROM jobs WHERE queue = $1 AND ready \
     AND tenant > one ORDER BY queue, tenant, priority, due, id LIMIT 1) FROM later WHERE one IS NOT NULL), \
     sooner (one) AS ((SELECT tenant FROM jobs WHERE queue = $1 AND ready AND tenant <= $2 \
     ORDER BY queue, tenant, priority, due, id LIMIT 1) UNION ALL SELECT (SELECT tenant FROM jobs WHERE queue = $1 AND ready \
     AND tenant > one AND tenant <= $2 ORDER BY queue, tenant, priority, due, id LIMIT 1) FROM sooner WHERE one IS NOT NULL) \
     SELECT one FROM (SELECT one FROM later UNION ALL SELECT one FROM sooner) AS all_of_them WHERE one IS NOT NULL LIMIT $3";

/// Takes at most so many of each of these tenants. A row is passed over only where it is locked by itself: so within each tenant.
const TAKE: &str = "WITH due AS (SELECT job.id, job.tenant FROM unnest($4::uuid[]) AS asked (one), LATERAL (SELECT id, tenant FROM jobs \
     WHERE queue = $1 AND ready AND tenant = one AND due <= $2 ORDER BY queue, tenant, priority, due, id LIMIT $5 \
     FOR UPDATE SKIP LOCKED) AS job), \
     taken AS (UPDATE jobs SET ready = false, token = token + 1, held_until = $3 FROM due \
     WHERE jobs.tenant = due.tenant AND jobs.id = due.id \
     RETURNING jobs.id, jobs.tenant, jobs.token, jobs.body, jobs.due, jobs.priority) \
     SELECT id, tenant, token, body FROM taken ORDER BY tenant, priority, due, id";

#[async_trait]
impl Queue for PostgresStore {
    async fn lease(
        &self,
        queue: &'static str,
        now: Timestamp,
        span: Duration,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreFault> {
        let key = Cell::Text(queue.to_owned());
        // Looking costs no sync.
        let cells = vec![key.clone(), Cell::Integer(now.as_millis())];
        let rows = self.pool.read(Scope::Platform, LOOK, cells).await?;
        let seen = |place| rows.first().map_or(Ok(false), |row| row.try_get::<_, bool>(place)).or_fault();
        let (ready, waiting) = (seen(0)?, seen(1)?);
        if !ready && !waiting {
            return Ok(Vec::new());
        }
        let until = now.plus(span);
        let mut change = self.change().await?;
        if waiting {
            let cells = vec![key.clone(), Cell::Integer(now.as_millis()), Cell::Integer(MOST_READIED)];
            change.rows(MAKE_READY, cells).await?;
        }
        let after = Cell::Id(self.turns.after(queue));
        let mut tenants = Vec::new();
        for row in change.rows(TENANTS, vec![key.clone(), after, Cell::Integer(i64::from(limit))]).await? {
            tenants.push(row.try_get(0).or_fault()?);
        }
        let mut deal = Deal::of(usize::try_from(limit).unwrap_or(usize::MAX), tenants);
        let mut leases: Vec<Lease> = Vec::new();
        while let Some((asked, share)) = deal.round() {
            let cells = vec![
                key.clone(),
                Cell::Integer(now.as_millis()),
                Cell::Integer(until.as_millis()),
                Cell::Ids(asked.into_iter().map(Some).collect()),
                Cell::Integer(i64::try_from(share).unwrap_or(i64::MAX)),
            ];
            let mut given: BTreeMap<Uuid, usize> = BTreeMap::new();
            for row in change.rows(TAKE, cells).await? {
                let lease = taken(&row, until)?;
                *given.entry(lease.tenant.uuid()).or_default() += 1;
                leases.push(lease);
            }
            deal.gave(share, |tenant| given.get(&tenant).copied().unwrap_or_default());
        }
        change.commit().await?;
        self.turns.served(queue, deal.last());
        Ok(leases)
    }

    async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreFault> {
        self.held(lease, "UPDATE jobs SET ready = false, held_until = $4", Some(until)).await
    }

    async fn finish(&self, lease: &Lease) -> Result<bool, StoreFault> {
        self.held(lease, "DELETE FROM jobs", None).await
    }

    async fn put_back(&self, lease: &Lease, due: Timestamp) -> Result<bool, StoreFault> {
        self.held(lease, "UPDATE jobs SET ready = false, held_until = NULL, due = $4", Some(due)).await
    }

    async fn depth(&self, queue: &'static str) -> Result<u64, StoreFault> {
        let cells = vec![Cell::Text(queue.to_owned())];
        let text = "SELECT (SELECT count(*) FROM jobs WHERE queue = $1 AND ready) \
             + (SELECT count(*) FROM jobs WHERE queue = $1 AND NOT ready)";
        let rows = self.pool.read(Scope::Platform, text, cells).await?;
        let depth: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).or_fault()?;
        Ok(depth.unsigned_abs())
    }

    async fn next_due(&self, queue: &'static str) -> Result<Option<Timestamp>, StoreFault> {
        let text = "SELECT coalesce((SELECT due FROM jobs WHERE queue = $1 AND ready \
             ORDER BY queue, tenant, priority, due, id LIMIT 1), \
             (SELECT due FROM jobs WHERE queue = $1 AND NOT ready AND (held_until IS NULL OR held_until <= $2) \
             ORDER BY queue, coalesce(held_until, due) LIMIT 1))";
        let cells = vec![Cell::Text(queue.to_owned()), Cell::Integer(self.clock.now().as_millis())];
        let rows = self.pool.read(Scope::Platform, text, cells).await?;
        let next: Option<i64> = rows.first().map_or(Ok(None), |row| row.try_get(0)).or_fault()?;
        Ok(next.map(Timestamp::from_millis))
    }
}

impl PostgresStore {
    /// Changes a job that a lease holds; false when it holds it no more.
    async fn held(&self, lease: &Lease, change: &str, moment: Option<Timestamp>) -> Result<bool, StoreFault> {
        let text =
            format!("{change} WHERE tenant = $1 AND id = $2 AND token = $3 AND held_until IS NOT NULL RETURNING token");
        let mut cells = vec![Cell::Id(lease.tenant.uuid()), Cell::Id(lease.id), Cell::Integer(lease.token)];
        cells.extend(moment.map(|moment| Cell::Integer(moment.as_millis())));
        Ok(!self.at_once(&text, cells).await?.is_empty())
    }
}

fn taken(row: &Row, until: Timestamp) -> Result<Lease, StoreFault> {
    let token: i64 = row.try_get(2).or_fault()?;
    Ok(Lease {
        id: row.try_get(0).or_fault()?,
        tenant: TenantId::from_uuid(row.try_get(1).or_fault()?),
        token,
        // The token counts the leases, this one included.
        attempts: u32::try_from(token - 1).unwrap_or(u32::MAX),
        until,
        body: forms::parsed("jobs", row.try_get(3).or_fault()?)?,
    })
}
