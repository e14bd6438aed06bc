//! The queue: leases with fencing.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::fault::OrFault as _;
use super::{SqliteStore, value};
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::queue::{Lease, Queue};
use crate::port::records::Scope;
use crate::port::store::StoreFault;

#[async_trait]
impl Queue for SqliteStore {
    async fn lease(
        &self,
        queue: &'static str,
        now: Timestamp,
        span: Duration,
        limit: u32,
    ) -> Result<Vec<Lease>, StoreFault> {
        // Looking costs no sync; only when there is something the writer is troubled.
        let waits = self
            .readers
            .read(Scope::Platform, move |connection| Ok(!due(connection, queue, now, 1)?.is_empty()))
            .await?;
        if !waits {
            return Ok(Vec::new());
        }
        self.writer
            .write(move |connection| {
                let until = now.plus(span);
                due(connection, queue, now, limit)?
                    .into_iter()
                    .map(|(tenant, id)| take(connection, tenant, id, until))
                    .collect()
            })
            .await
    }

    async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreFault> {
        self.held(lease, "UPDATE jobs SET held_until = ?4", Some(until)).await
    }

    async fn finish(&self, lease: &Lease) -> Result<bool, StoreFault> {
        self.held(lease, "DELETE FROM jobs", None).await
    }

    async fn put_back(&self, lease: &Lease, due: Timestamp) -> Result<bool, StoreFault> {
        self.held(lease, "UPDATE jobs SET held_until = NULL, due = ?4", Some(due)).await
    }

    async fn depth(&self, queue: &'static str) -> Result<u64, StoreFault> {
        self.readers
            .read(Scope::Platform, move |connection| {
                let depth: i64 = connection
                    .prepare_cached("SELECT count(*) FROM jobs WHERE queue = ?1")
                    .or_fault()?
                    .query_row([queue], |row| row.get(0))
                    .or_fault()?;
                Ok(depth.unsigned_abs())
            })
            .await
    }

    async fn next_due(&self, queue: &'static str) -> Result<Option<Timestamp>, StoreFault> {
        let now = self.clock.now();
        self.readers
            .read(Scope::Platform, move |connection| {
                let mut next: Option<i64> = None;
                for priority in priorities(connection, queue)? {
                    let first: Option<i64> = connection
                        .prepare_cached(
                            "SELECT due FROM jobs WHERE queue = ?1 AND priority = ?2 \
                             AND (held_until IS NULL OR held_until <= ?3) ORDER BY due LIMIT 1",
                        )
                        .or_fault()?
                        .query_row(params![queue, priority, now.as_millis()], |row| row.get(0))
                        .optional()
                        .or_fault()?;
                    next = next.into_iter().chain(first).min();
                }
                Ok(next.map(Timestamp::from_millis))
            })
            .await
    }
}

impl SqliteStore {
    /// Changes a job that a lease holds; false when it holds it no more.
    async fn held(&self, lease: &Lease, change: &'static str, moment: Option<Timestamp>) -> Result<bool, StoreFault> {
        let (tenant, id, token) = (lease.tenant.uuid(), lease.id, lease.token);
        self.writer
            .write(move |connection| {
                let text = format!("{change} WHERE tenant = ?1 AND id = ?2 AND token = ?3 AND held_until IS NOT NULL");
                let mut statement = connection.prepare_cached(&text).or_fault()?;
                let (tenant, id) = (tenant.as_bytes(), id.as_bytes());
                let changed = match moment {
                    Some(moment) => statement.execute(params![tenant, id, token, moment.as_millis()]),
                    None => statement.execute(params![tenant, id, token]),
                };
                Ok(changed.or_fault()? > 0)
            })
            .await
    }
}

/// Due jobs that nobody holds. Priorities are few and jobs may be many: each priority is a range of the index, so that
/// jobs which wait for later are not read.
fn due(
    connection: &Connection,
    queue: &'static str,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<(Uuid, Uuid)>, StoreFault> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for priority in priorities(connection, queue)? {
        if found.len() == limit {
            break;
        }
        let mut statement = connection
            .prepare_cached(
                "SELECT tenant, id FROM jobs WHERE queue = ?1 AND priority = ?2 AND due <= ?3 \
                 AND (held_until IS NULL OR held_until <= ?3) ORDER BY due, id LIMIT ?4",
            )
            .or_fault()?;
        let room = i64::try_from(limit - found.len()).unwrap_or(i64::MAX);
        let rows = statement
            .query_map(params![queue, priority, now.as_millis(), room], |row| {
                Ok((Uuid::from_bytes(row.get(0)?), Uuid::from_bytes(row.get(1)?)))
            })
            .or_fault()?;
        for row in rows {
            found.push(row.or_fault()?);
        }
    }
    Ok(found)
}

/// The priorities in use, by jumping from one to the next in the index.
fn priorities(connection: &Connection, queue: &'static str) -> Result<Vec<i64>, StoreFault> {
    let mut statement = connection
        .prepare_cached("SELECT priority FROM jobs WHERE queue = ?1 AND priority > ?2 ORDER BY priority LIMIT 1")
        .or_fault()?;
    let mut found = Vec::new();
    let mut above = i64::MIN;
    while let Some(next) = statement.query_row(params![queue, above], |row| row.get(0)).optional().or_fault()? {
        found.push(next);
        above = next;
    }
    Ok(found)
}

fn take(connection: &Connection, tenant: Uuid, id: Uuid, until: Timestamp) -> Result<Lease, StoreFault> {
    let (token, body): (i64, String) = connection
        .prepare_cached(
            "UPDATE jobs SET token = token + 1, held_until = ?3 WHERE tenant = ?1 AND id = ?2 RETURNING token, body",
        )
        .or_fault()?
        .query_row(params![tenant.as_bytes(), id.as_bytes(), until.as_millis()], |row| Ok((row.get(0)?, row.get(1)?)))
        .or_fault()?;
    Ok(Lease {
        id,
        tenant: TenantId::from_uuid(tenant),
        token,
        // The token counts the leases, this one included.
        attempts: u32::try_from(token - 1).unwrap_or(u32::MAX),
        until,
        body: value::parsed("jobs", &body)?,
    })
}
