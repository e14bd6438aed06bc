//! The queue: leases with fencing, dealt to tenants in turn.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::fault::OrFault as _;
use super::{SqliteStore, value};
use crate::adapter::turns::{Deal, MOST_READIED};
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
            .read(Scope::Platform, move |connection| {
                connection
                    .prepare_cached(
                        "SELECT EXISTS (SELECT 1 FROM jobs WHERE queue = ?1 AND ready = 1) OR EXISTS (SELECT 1 FROM jobs \
                         WHERE queue = ?1 AND ready = 0 AND coalesce(held_until, due) <= ?2)",
                    )
                    .or_fault()?
                    .query_row(params![queue, now.as_millis()], |row| row.get::<_, bool>(0))
                    .or_fault()
            })
            .await?;
        if !waits {
            return Ok(Vec::new());
        }
        let (limit, after) = (usize::try_from(limit).unwrap_or(usize::MAX), self.turns.after(queue));
        let (leases, last) = self
            .writer
            .write(move |connection| {
                make_ready(connection, queue, now)?;
                let mut deal = Deal::of(limit, tenants(connection, queue, after, limit)?);
                let mut leases = Vec::new();
                while let Some((asked, share)) = deal.round() {
                    let mut given = BTreeMap::new();
                    for tenant in asked {
                        let due = due(connection, queue, tenant, now, share)?;
                        given.insert(tenant, due.len());
                        for id in due {
                            leases.push(take(connection, tenant, id, now.plus(span))?);
                        }
                    }
                    deal.gave(share, |tenant| given.get(&tenant).copied().unwrap_or_default());
                }
                Ok((leases, deal.last()))
            })
            .await?;
        self.turns.served(queue, last);
        Ok(leases)
    }

    async fn extend(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreFault> {
        self.held(lease, "UPDATE jobs SET ready = 0, held_until = ?4", Some(until)).await
    }

    async fn finish(&self, lease: &Lease) -> Result<bool, StoreFault> {
        self.held(lease, "DELETE FROM jobs", None).await
    }

    async fn put_back(&self, lease: &Lease, due: Timestamp) -> Result<bool, StoreFault> {
        self.held(lease, "UPDATE jobs SET ready = 0, held_until = NULL, due = ?4", Some(due)).await
    }

    async fn depth(&self, queue: &'static str) -> Result<u64, StoreFault> {
        self.readers
            .read(Scope::Platform, move |connection| {
                let depth: i64 = connection
                    .prepare_cached(
                        "SELECT (SELECT count(*) FROM jobs WHERE queue = ?1 AND ready = 0) \
                         + (SELECT count(*) FROM jobs WHERE queue = ?1 AND ready = 1)",
                    )
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
                let ready: Option<i64> = connection
                    .prepare_cached(
                        "SELECT due FROM jobs WHERE queue = ?1 AND ready = 1 ORDER BY tenant, priority, due LIMIT 1",
                    )
                    .or_fault()?
                    .query_row([queue], |row| row.get(0))
                    .optional()
                    .or_fault()?;
                if let Some(due) = ready {
                    return Ok(Some(Timestamp::from_millis(due)));
                }
                let next: Option<i64> = connection
                    .prepare_cached(
                        "SELECT due FROM jobs WHERE queue = ?1 AND ready = 0 AND (held_until IS NULL OR held_until <= ?2) \
                         ORDER BY coalesce(held_until, due) LIMIT 1",
                    )
                    .or_fault()?
                    .query_row(params![queue, now.as_millis()], |row| row.get(0))
                    .optional()
                    .or_fault()?;
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

/// Jobs that have fallen due, and those whose lease has run out, become ready: some at a time.
fn make_ready(connection: &Connection, queue: &'static str, now: Timestamp) -> Result<(), StoreFault> {
    connection
        .prepare_cached(
            "UPDATE jobs SET ready = 1 WHERE rowid IN (SELECT rowid FROM jobs WHERE queue = ?1 AND ready = 0 \
             AND coalesce(held_until, due) <= ?2 ORDER BY coalesce(held_until, due) LIMIT ?3)",
        )
        .or_fault()?
        .execute(params![queue, now.as_millis(), MOST_READIED])
        .or_fault()
        .map(drop)
}

/// The tenants that have something ready, at most so many, beginning after one: by jumping from one to the next in the index.
fn tenants(connection: &Connection, queue: &'static str, after: Uuid, most: usize) -> Result<Vec<Uuid>, StoreFault> {
    let mut found: Vec<Uuid> = Vec::new();
    let mut statement = connection
        .prepare_cached(
            "SELECT tenant FROM jobs WHERE queue = ?1 AND ready = 1 AND tenant > ?2 ORDER BY tenant LIMIT 1",
        )
        .or_fault()?;
    let mut next = |last: Uuid| {
        statement
            .query_row(params![queue, last.as_bytes()], |row| row.get(0).map(Uuid::from_bytes))
            .optional()
            .or_fault()
    };
    let (mut last, mut around) = (after, false);
    while found.len() < most {
        match next(last)? {
            // All the way round.
            Some(tenant) if around && tenant > after => break,
            Some(tenant) => {
                found.push(tenant);
                last = tenant;
            }
            None if around => break,
            None => (last, around) = (Uuid::nil(), true),
        }
    }
    Ok(found)
}

/// A tenant's jobs that are ready, in their order.
fn due(
    connection: &Connection,
    queue: &'static str,
    tenant: Uuid,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Uuid>, StoreFault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection
        .prepare_cached(
            "SELECT id FROM jobs WHERE queue = ?1 AND tenant = ?2 AND ready = 1 AND due <= ?3 \
             ORDER BY priority, due, id LIMIT ?4",
        )
        .or_fault()?;
    let rows = statement
        .query_map(params![queue, tenant.as_bytes(), now.as_millis(), limit], |row| row.get(0).map(Uuid::from_bytes))
        .or_fault()?;
    rows.collect::<rusqlite::Result<Vec<_>>>().or_fault()
}

fn take(connection: &Connection, tenant: Uuid, id: Uuid, until: Timestamp) -> Result<Lease, StoreFault> {
    let (token, body): (i64, String) = connection
        .prepare_cached(
            "UPDATE jobs SET ready = 0, token = token + 1, held_until = ?3 WHERE tenant = ?1 AND id = ?2 \
             RETURNING token, body",
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
