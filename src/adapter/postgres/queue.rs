//! The queue: leases with fencing. Several instances lease at the same time, and none waits for another.

use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::Row;

use super::PostgresStore;
use super::cell::Cell;
use super::fault::OrFault as _;
use crate::adapter::forms;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::queue::{Lease, Queue};
use crate::port::records::Scope;
use crate::port::store::StoreFault;

/// The priorities of a queue's jobs, by jumping from one to the next in the index. Priorities are few and jobs may be many.
const PRIORITIES: &str = "WITH RECURSIVE priorities (one) AS ((SELECT priority FROM jobs WHERE queue = $1 \
     ORDER BY priority LIMIT 1) UNION ALL SELECT (SELECT priority FROM jobs WHERE queue = $1 AND priority > one \
     ORDER BY priority LIMIT 1) FROM priorities WHERE one IS NOT NULL)";

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
        let waits = format!(
            "{PRIORITIES} SELECT EXISTS (SELECT FROM priorities, LATERAL (SELECT FROM jobs WHERE queue = $1 \
             AND priority = one AND due <= $2 AND (held_until IS NULL OR held_until <= $2) LIMIT 1) AS due)"
        );
        let cells = vec![key.clone(), Cell::Integer(now.as_millis())];
        let rows = self.pool.read(Scope::Platform, &waits, cells).await?;
        if !rows.first().map_or(Ok(false), |row| row.try_get(0)).or_fault()? {
            return Ok(Vec::new());
        }
        let until = now.plus(span);
        // Each priority is a range of the index, so that jobs which wait for later are not read. A row can be passed over only
        // where it is locked by itself: so priorities are gone through one by one.
        let take = "WITH due AS (SELECT tenant, id FROM jobs WHERE queue = $1 AND priority = $4 AND due <= $2 \
             AND (held_until IS NULL OR held_until <= $2) ORDER BY due, id LIMIT $5 FOR UPDATE SKIP LOCKED), \
             taken AS (UPDATE jobs SET token = token + 1, held_until = $3 FROM due \
             WHERE jobs.tenant = due.tenant AND jobs.id = due.id \
             RETURNING jobs.id, jobs.tenant, jobs.token, jobs.body, jobs.due) \
             SELECT id, tenant, token, body FROM taken ORDER BY due, id";
        let priorities = format!("{PRIORITIES} SELECT one FROM priorities WHERE one IS NOT NULL ORDER BY one");
        let mut change = self.change().await?;
        let mut leases = Vec::new();
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        for row in change.rows(&priorities, vec![key.clone()]).await? {
            let priority: i32 = row.try_get(0).or_fault()?;
            let room = i64::try_from(most.saturating_sub(leases.len())).unwrap_or(i64::MAX);
            if room == 0 {
                break;
            }
            let cells = vec![
                key.clone(),
                Cell::Integer(now.as_millis()),
                Cell::Integer(until.as_millis()),
                Cell::Integer(i64::from(priority)),
                Cell::Integer(room),
            ];
            for row in change.rows(take, cells).await? {
                leases.push(taken(&row, until)?);
            }
        }
        change.commit().await?;
        Ok(leases)
    }

    async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreFault> {
        self.held(lease, "UPDATE jobs SET held_until = $4", Some(until)).await
    }

    async fn finish(&self, lease: &Lease) -> Result<bool, StoreFault> {
        self.held(lease, "DELETE FROM jobs", None).await
    }

    async fn put_back(&self, lease: &Lease, due: Timestamp) -> Result<bool, StoreFault> {
        self.held(lease, "UPDATE jobs SET held_until = NULL, due = $4", Some(due)).await
    }

    async fn depth(&self, queue: &'static str) -> Result<u64, StoreFault> {
        let cells = vec![Cell::Text(queue.to_owned())];
        let rows = self.pool.read(Scope::Platform, "SELECT count(*) FROM jobs WHERE queue = $1", cells).await?;
        let depth: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).or_fault()?;
        Ok(depth.unsigned_abs())
    }

    async fn next_due(&self, queue: &'static str) -> Result<Option<Timestamp>, StoreFault> {
        let text = format!(
            "{PRIORITIES} SELECT min(next.due) FROM priorities, LATERAL (SELECT due FROM jobs WHERE queue = $1 \
             AND priority = one AND (held_until IS NULL OR held_until <= $2) ORDER BY due LIMIT 1) AS next"
        );
        let cells = vec![Cell::Text(queue.to_owned()), Cell::Integer(self.clock.now().as_millis())];
        let rows = self.pool.read(Scope::Platform, &text, cells).await?;
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
