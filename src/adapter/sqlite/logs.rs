//! Reading and trimming logs.

use async_trait::async_trait;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params, params_from_iter};
use uuid::Uuid;

use super::fault::OrFault as _;
use super::plan::LogPlan;
use super::tally::{Tally, weight};
use super::{SqliteStore, sql, value};
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Entry, Keep, Kept, Log, LogQuery, Logs, TimeQuery};
use crate::port::records::Scope;
use crate::port::store::StoreFault;

#[async_trait]
impl Logs for SqliteStore {
    async fn entries(&self, scope: Scope, log: &'static Log, query: LogQuery) -> Result<Vec<Entry>, StoreFault> {
        let plan = self.declarations.log(log)?;
        self.readers.read(scope, move |connection| parsed(&plan, kept(connection, &plan, scope, &query)?)).await
    }

    async fn kept(&self, scope: Scope, log: &'static Log, query: LogQuery) -> Result<Vec<Kept>, StoreFault> {
        let plan = self.declarations.log(log)?;
        self.readers.read(scope, move |connection| kept(connection, &plan, scope, &query)).await
    }

    async fn entries_by_time(
        &self,
        scope: Scope,
        log: &'static Log,
        query: TimeQuery,
    ) -> Result<Vec<Entry>, StoreFault> {
        let plan = self.declarations.log(log)?;
        self.readers.read(scope, move |connection| entries_by_time(connection, &plan, scope, &query)).await
    }

    async fn last(&self, log: &'static Log) -> Result<i64, StoreFault> {
        let plan = self.declarations.log(log)?;
        self.readers.inline(|connection| {
            let text = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?1";
            connection
                .prepare_cached(text)
                .or_fault()?
                .query_row([plan.table.name.as_str()], |row| row.get(0))
                .or_fault()
        })
    }

    async fn trim(&self, log: &'static Log, keep: Keep, now: Timestamp, limit: u32) -> Result<u64, StoreFault> {
        let plan = self.declarations.log(log)?;
        let reading = std::sync::Arc::clone(&plan);
        let oldest = now.minus(keep.age);
        let mut tally = self.tallies.of(log.name);
        // What goes is found without holding up the writer, which then only removes by position.
        let (tally, going) = self
            .readers
            .run(Scope::Platform, move |connection| {
                if keep.entries < u64::MAX {
                    tally.catch_up(connection, &reading)?;
                }
                let going = superfluous(connection, &reading, keep, &tally, oldest, limit)?;
                Ok((tally, going))
            })
            .await?;
        self.tallies.keep(log.name, tally);
        if going.is_empty() {
            return Ok(0);
        }
        let positions: Vec<i64> = going.iter().map(|(position, ..)| *position).collect();
        let gone = self
            .writer
            .write(move |connection| {
                let gone = super::batch::cut(connection, &plan, None, &positions)?;
                Ok(u64::try_from(gone).unwrap_or(u64::MAX))
            })
            .await?;
        self.tallies.take_out(log.name, going);
        Ok(gone)
    }
}

fn kept(connection: &Connection, plan: &LogPlan, scope: Scope, query: &LogQuery) -> Result<Vec<Kept>, StoreFault> {
    let mut condition = sql::condition(&plan.table, scope, &query.filter)?;
    if let Some(beyond) = query.beyond {
        let sign = if query.descending { '<' } else { '>' };
        let place = sql::Clause { sql: format!(" AND position {sign} ?"), values: vec![Sql::Integer(beyond)] };
        condition.append(&place);
    }
    condition.values.push(Sql::Integer(i64::from(query.limit)));
    let text = format!(
        "SELECT position, tenant, stream, at, body FROM {} WHERE {} ORDER BY position {} LIMIT ?",
        plan.table.name,
        condition.sql,
        if query.descending { "DESC" } else { "ASC" }
    );
    read(connection, &text, condition.values)
}

fn entries_by_time(
    connection: &Connection,
    plan: &LogPlan,
    scope: Scope,
    query: &TimeQuery,
) -> Result<Vec<Entry>, StoreFault> {
    let mut condition = sql::condition(&plan.table, scope, &query.filter)?;
    if let Some((at, position)) = query.beyond {
        let sign = if query.descending { '<' } else { '>' };
        let values = vec![Sql::Integer(at.as_millis()), Sql::Integer(position)];
        condition.append(&sql::Clause { sql: format!(" AND (at, position) {sign} (?, ?)"), values });
    }
    condition.values.push(Sql::Integer(i64::from(query.limit)));
    let direction = if query.descending { "DESC" } else { "ASC" };
    let text = format!(
        "SELECT position, tenant, stream, at, body FROM {} WHERE {} ORDER BY at {direction}, position {direction} LIMIT ?",
        plan.table.name, condition.sql,
    );
    parsed(plan, read(connection, &text, condition.values)?)
}

fn read(connection: &Connection, text: &str, values: Vec<Sql>) -> Result<Vec<Kept>, StoreFault> {
    let mut statement = connection.prepare_cached(text).or_fault()?;
    let mut rows = statement.query(params_from_iter(values)).or_fault()?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().or_fault()? {
        entries.push(Kept {
            position: row.get(0).or_fault()?,
            tenant: TenantId::from_uuid(row.get(1).map(Uuid::from_bytes).or_fault()?),
            stream: row.get(2).or_fault()?,
            at: row.get(3).map(Timestamp::from_millis).or_fault()?,
            body: row.get(4).or_fault()?,
        });
    }
    Ok(entries)
}

fn parsed(plan: &LogPlan, kept: Vec<Kept>) -> Result<Vec<Entry>, StoreFault> {
    let parsed = kept.into_iter().map(|Kept { position, tenant, stream, at, body }| {
        Ok(Entry { position, tenant, stream, at, body: value::parsed(&plan.table.name, &body)? })
    });
    parsed.collect()
}

/// An entry that goes: its position, its tenant, and what it counts.
type Going = (i64, Uuid, u64);

/// What need not be kept of a log: each tenant's oldest beyond the count, then what is too old at the log's beginning.
fn superfluous(
    connection: &Connection,
    plan: &LogPlan,
    keep: Keep,
    tally: &Tally,
    oldest: Timestamp,
    limit: u32,
) -> Result<Vec<Going>, StoreFault> {
    let table = &plan.table.name;
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut going: Vec<Going> = Vec::new();
    for (tenant, mut beyond) in tally.beyond(keep.entries) {
        let text =
            format!("SELECT position, octet_length(body) FROM {table} WHERE tenant = ?1 ORDER BY position LIMIT ?2");
        let mut statement = connection.prepare_cached(&text).or_fault()?;
        let mut rows = statement.query(params![tenant.as_bytes(), limit]).or_fault()?;
        while beyond > 0
            && going.len() < most
            && let Some(row) = rows.next().or_fault()?
        {
            let weight = weight(row.get(1).or_fault()?);
            going.push((row.get(0).or_fault()?, tenant, weight));
            beyond = beyond.saturating_sub(weight);
        }
    }
    let text = format!("SELECT position, tenant, at, octet_length(body) FROM {table} ORDER BY position LIMIT ?1");
    let mut statement = connection.prepare_cached(&text).or_fault()?;
    let mut rows = statement.query(params![limit]).or_fault()?;
    while going.len() < most
        && let Some(row) = rows.next().or_fault()?
    {
        let (position, at): (i64, i64) = (row.get(0).or_fault()?, row.get(2).or_fault()?);
        if at < oldest.as_millis() && !going.iter().any(|(one, ..)| *one == position) {
            let tenant = Uuid::from_bytes(row.get(1).or_fault()?);
            going.push((position, tenant, weight(row.get(3).or_fault()?)));
        }
    }
    Ok(going)
}
