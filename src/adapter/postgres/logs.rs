//! Reading and trimming logs. Positions are given when an entry is written and seen when its transaction is over, so a reader
//! who goes forward stops before the first position that may still come (`settled`, in the first migration).

use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::Row;

use super::PostgresStore;
use super::append_only::CUTTING;
use super::cell::Cell;
use super::fault::{OrFault as _, misuse};
use super::plan::LogPlan;
use super::sql::{self, Clause};
use crate::adapter::forms;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::logs::{ENTRY_BYTES, Entry, Keep, Kept, Log, LogQuery, Logs, TimeQuery};
use crate::port::records::Scope;
use crate::port::store::StoreFault;

/// Sets how far a reader may go who begins now. Goes out before the read: what it lets through is in sight of the read then.
const SETTLE: &str = "SELECT set_config('convoke.settled', settled::text, false) FROM settled()";

/// How far: the last position given, and the last before the first that may still come.
const HOW_FAR: &str = "SELECT newest, settled FROM settled()";

/// How long a reader at the end waits for the writers that were there before it.
const WAIT: Duration = Duration::from_secs(2);

#[async_trait]
impl Logs for PostgresStore {
    async fn entries(&self, scope: Scope, log: &'static Log, query: LogQuery) -> Result<Vec<Entry>, StoreFault> {
        let plan = self.declarations.log(log)?;
        read(&plan, &self.rows(&plan, scope, query).await?)
    }

    async fn kept(&self, scope: Scope, log: &'static Log, query: LogQuery) -> Result<Vec<Kept>, StoreFault> {
        let plan = self.declarations.log(log)?;
        self.rows(&plan, scope, query).await?.iter().map(kept).collect()
    }

    async fn entries_by_time(
        &self,
        scope: Scope,
        log: &'static Log,
        query: TimeQuery,
    ) -> Result<Vec<Entry>, StoreFault> {
        let plan = self.declarations.log(log)?;
        let mut clause = Clause::default();
        clause.push(&format!("SELECT position, tenant, stream, at, body FROM {} WHERE ", plan.table.name));
        let mut clause = sql::condition(clause, &plan.table, scope, &query.filter)?;
        if let Some((at, position)) = query.beyond {
            clause.push(if query.descending { " AND (at, position) < (" } else { " AND (at, position) > (" });
            clause.bind(Cell::Integer(at.as_millis()));
            clause.push(", ");
            clause.bind(Cell::Integer(position));
            clause.push(")");
        }
        let direction = if query.descending { "DESC" } else { "ASC" };
        clause.push(&format!(" ORDER BY at {direction}, position {direction} LIMIT "));
        clause.bind(Cell::Integer(i64::from(query.limit)));
        read(&plan, &self.pool.read(scope, &clause.sql, clause.values).await?)
    }

    async fn last(&self, log: &'static Log) -> Result<i64, StoreFault> {
        let plan = self.declarations.log(log)?;
        self.waited_for_writers().await?;
        let text = format!(
            "SELECT greatest((SELECT max(position) FROM {} WHERE position <= current_setting('convoke.settled')::bigint), \
                 (SELECT upto FROM tallied WHERE log = $1), 0)",
            plan.table.name
        );
        // Who trims counts first: what was counted was there.
        let log = vec![Cell::Text(log.name.to_owned())];
        let rows = self.pool.read_after(Scope::Platform, Some(SETTLE), &text, log).await?;
        rows.first().map_or(Ok(0), |row| row.try_get(0)).or_fault()
    }

    async fn trim(&self, log: &'static Log, keep: Keep, now: Timestamp, limit: u32) -> Result<u64, StoreFault> {
        let plan = self.declarations.log(log)?;
        let oldest = now.minus(keep.age);
        let (name, text) = (&plan.table.name, plan.table.text_name());
        let weight = weight("body");
        let told = if plan.log.text.is_empty() {
            String::new()
        } else {
            format!(", told AS (DELETE FROM {text} WHERE position IN (SELECT position FROM gone))")
        };
        // Each tenant's oldest beyond the count, then what is too old at the log's beginning. The sums of what is there are
        // kept beside the log, by whoever trims, and hold for entries up to a position.
        let remove = format!(
            "WITH beyond AS (SELECT tenant, weight - $3 AS much FROM tallies WHERE log = $1 AND weight > $3), \
             many AS (SELECT position FROM beyond, LATERAL (SELECT position, sum(w) OVER (ORDER BY position) - w AS before \
                 FROM (SELECT position, {weight} AS w FROM {name} WHERE {name}.tenant = beyond.tenant \
                     AND position <= $5 ORDER BY position LIMIT $4) AS oldest) AS summed \
                 WHERE before < much ORDER BY tenant, position LIMIT $4), \
             old AS (SELECT position FROM (SELECT position, at FROM {name} WHERE position <= $5 ORDER BY position LIMIT $4) \
                 AS first WHERE at < $2), \
             going AS (SELECT position FROM many UNION SELECT position FROM old), \
             chosen AS (SELECT position FROM going LIMIT $4), \
             gone AS (DELETE FROM {name} WHERE position IN (SELECT position FROM chosen) \
                 RETURNING position, tenant, {weight} AS w){told}, \
             less AS (UPDATE tallies SET weight = tallies.weight - taken.w FROM (SELECT tenant, sum(w)::bigint AS w \
                 FROM gone GROUP BY tenant) AS taken WHERE tallies.log = $1 AND tallies.tenant = taken.tenant) \
             SELECT count(*) FROM gone"
        );
        let add = format!(
            "WITH stretch AS (SELECT position, tenant, {weight} AS w FROM {name} \
                 WHERE position > (SELECT upto FROM tallied WHERE log = $1) AND position <= $2 \
                 ORDER BY position LIMIT {STRETCH}), \
             more AS (INSERT INTO tallies AS old (log, tenant, weight) SELECT $1, tenant, sum(w) FROM stretch \
                 GROUP BY tenant ON CONFLICT (log, tenant) DO UPDATE SET weight = old.weight + excluded.weight) \
             UPDATE tallied SET upto = greatest(upto, (SELECT max(position) FROM stretch)) WHERE log = $1 RETURNING upto"
        );
        let key = Cell::Text(log.name.to_owned());
        let (_, settled) = self.how_far().await?;
        let mut change = self.change().await?;
        change
            .rows("INSERT INTO tallied (log, upto) VALUES ($1, 0) ON CONFLICT (log) DO NOTHING", vec![key.clone()])
            .await?;
        // Who trims the same log waits here.
        change.rows("SELECT upto FROM tallied WHERE log = $1 FOR UPDATE", vec![key.clone()]).await?;
        let rows = change.rows(&add, vec![key.clone(), Cell::Integer(settled)]).await?;
        let upto: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).or_fault()?;
        let keep = Cell::Integer(i64::try_from(keep.entries).unwrap_or(i64::MAX));
        let cells =
            vec![key, Cell::Integer(oldest.as_millis()), keep, Cell::Integer(i64::from(limit)), Cell::Integer(upto)];
        change.rows(CUTTING, vec![Cell::Text(name.clone())]).await?;
        let rows = change.rows(&remove, cells).await?;
        let gone: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).or_fault()?;
        change.commit().await?;
        Ok(gone.unsigned_abs())
    }
}

/// Entries that are added up at most in one go.
const STRETCH: u32 = 250_000;

/// What an entry counts: one, and one more for each `ENTRY_BYTES` that it has beyond the first.
fn weight(body: &str) -> String {
    format!("greatest(1, (octet_length({body}) + {}) / {ENTRY_BYTES})::bigint", ENTRY_BYTES - 1)
}

impl PostgresStore {
    /// The last position given, and how far a reader may go.
    async fn how_far(&self) -> Result<(i64, i64), StoreFault> {
        let rows = self.pool.read(Scope::Platform, HOW_FAR, Vec::new()).await?;
        let row = rows.first().ok_or_else(|| misuse("a function has no answer"))?;
        Ok((row.try_get(0).or_fault()?, row.try_get(1).or_fault()?))
    }

    /// Waits for those who are writing now, if there are any; false when there were none. What was acknowledged before can
    /// be read then: it may lie behind what somebody else is still writing. A reader that waited too long sees less, and
    /// misses nothing.
    async fn waited_for_writers(&self) -> Result<bool, StoreFault> {
        let (newest, settled) = self.how_far().await?;
        if settled >= newest {
            return Ok(false);
        }
        let until = tokio::time::Instant::now() + WAIT;
        let mut pause = Duration::from_millis(1);
        while tokio::time::Instant::now() < until && self.how_far().await?.1 < newest {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        Ok(true)
    }
}

impl PostgresStore {
    /// The rows of entries in order of position.
    async fn rows(&self, plan: &LogPlan, scope: Scope, query: LogQuery) -> Result<Vec<Row>, StoreFault> {
        let mut clause = Clause::default();
        clause.push(&format!("SELECT position, tenant, stream, at, body FROM {} WHERE ", plan.table.name));
        let mut clause = sql::condition(clause, &plan.table, scope, &query.filter)?;
        if let Some(beyond) = query.beyond {
            clause.push(if query.descending { " AND position < " } else { " AND position > " });
            clause.bind(Cell::Integer(beyond));
        }
        if query.descending {
            clause.push(" ORDER BY position DESC LIMIT ");
            clause.bind(Cell::Integer(i64::from(query.limit)));
            return self.pool.read(scope, &clause.sql, clause.values).await;
        }
        clause.push(" AND position <= current_setting('convoke.settled')::bigint ORDER BY position LIMIT ");
        clause.bind(Cell::Integer(i64::from(query.limit)));
        let rows = self.pool.read_after(scope, Some(SETTLE), &clause.sql, clause.values.clone()).await?;
        if rows.len() >= usize::try_from(query.limit).unwrap_or(usize::MAX) || !self.waited_for_writers().await? {
            return Ok(rows);
        }
        // Some were writing: what they have acknowledged meanwhile, or others beside them, belongs to the answer.
        self.pool.read_after(scope, Some(SETTLE), &clause.sql, clause.values).await
    }
}

fn kept(row: &Row) -> Result<Kept, StoreFault> {
    Ok(Kept {
        position: row.try_get(0).or_fault()?,
        tenant: TenantId::from_uuid(row.try_get(1).or_fault()?),
        stream: row.try_get(2).or_fault()?,
        at: row.try_get(3).map(Timestamp::from_millis).or_fault()?,
        body: row.try_get(4).or_fault()?,
    })
}

fn read(plan: &LogPlan, rows: &[Row]) -> Result<Vec<Entry>, StoreFault> {
    let entries = rows.iter().map(|row| {
        let Kept { position, tenant, stream, at, body } = kept(row)?;
        Ok(Entry { position, tenant, stream, at, body: forms::parsed(&plan.table.name, &body)? })
    });
    entries.collect()
}
