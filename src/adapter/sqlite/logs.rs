//! Reading and trimming logs.

use async_trait::async_trait;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params, params_from_iter};
use uuid::Uuid;

use super::fault::OrFault as _;
use super::plan::LogPlan;
use super::{SqliteStore, sql, value};
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::logs::{Entry, Keep, Log, LogQuery, Logs};
use crate::port::records::Scope;
use crate::port::store::StoreFault;

#[async_trait]
impl Logs for SqliteStore {
    async fn entries(&self, scope: Scope, log: &'static Log, query: LogQuery) -> Result<Vec<Entry>, StoreFault> {
        let plan = self.declarations.log(log)?;
        self.readers.run(move |connection| entries(connection, &plan, scope, &query)).await
    }

    async fn last(&self, log: &'static Log) -> Result<i64, StoreFault> {
        let plan = self.declarations.log(log)?;
        self.readers.inline(|connection| {
            let text = format!("SELECT coalesce(max(position), 0) FROM {}", plan.table.name);
            connection.prepare_cached(&text).or_fault()?.query_row([], |row| row.get(0)).or_fault()
        })
    }

    async fn trim(&self, log: &'static Log, keep: Keep, now: Timestamp, limit: u32) -> Result<u64, StoreFault> {
        let plan = self.declarations.log(log)?;
        let reading = std::sync::Arc::clone(&plan);
        let oldest = now.minus(keep.age);
        // What goes is found without holding up the writer, which then only removes by position.
        let going = self.readers.run(move |connection| superfluous(connection, &reading, keep, oldest, limit)).await?;
        if going.is_empty() {
            return Ok(0);
        }
        self.writer
            .write(move |connection| {
                let mut gone = 0;
                for position in going {
                    let text = format!("DELETE FROM {} WHERE position = ?1", plan.table.name);
                    gone += connection.prepare_cached(&text).or_fault()?.execute([position]).or_fault()?;
                    if plan.text_put.is_some() {
                        let text = format!("DELETE FROM {} WHERE rowid = ?1", plan.table.text_name());
                        connection.prepare_cached(&text).or_fault()?.execute([position]).or_fault()?;
                    }
                }
                Ok(u64::try_from(gone).unwrap_or(u64::MAX))
            })
            .await
    }
}

fn entries(connection: &Connection, plan: &LogPlan, scope: Scope, query: &LogQuery) -> Result<Vec<Entry>, StoreFault> {
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
    let mut statement = connection.prepare_cached(&text).or_fault()?;
    let mut rows = statement.query(params_from_iter(condition.values)).or_fault()?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().or_fault()? {
        let body: String = row.get(4).or_fault()?;
        entries.push(Entry {
            position: row.get(0).or_fault()?,
            tenant: TenantId::from_uuid(row.get(1).map(Uuid::from_bytes).or_fault()?),
            stream: row.get(2).or_fault()?,
            at: row.get(3).map(Timestamp::from_millis).or_fault()?,
            body: value::parsed(&plan.table.name, &body)?,
        });
    }
    Ok(entries)
}

/// The positions at the beginning of a log that need not be kept.
fn superfluous(
    connection: &Connection,
    plan: &LogPlan,
    keep: Keep,
    oldest: Timestamp,
    limit: u32,
) -> Result<Vec<i64>, StoreFault> {
    let table = &plan.table.name;
    let mut beyond = 0;
    let (first, last): (i64, i64) = connection
        .prepare_cached(&format!(
            "SELECT coalesce((SELECT min(position) FROM {table}), 0), coalesce((SELECT max(position) FROM {table}), -1)"
        ))
        .or_fault()?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .or_fault()?;
    // Counting reads a whole index: only when there can be too many at all.
    if (last - first + 1).unsigned_abs() > keep.entries {
        let count: i64 = connection
            .prepare_cached(&format!("SELECT count(*) FROM {table}"))
            .or_fault()?
            .query_row([], |row| row.get(0))
            .or_fault()?;
        beyond = count.unsigned_abs().saturating_sub(keep.entries);
    }
    let mut statement = connection
        .prepare_cached(&format!("SELECT position, at FROM {table} ORDER BY position LIMIT ?1"))
        .or_fault()?;
    let mut rows = statement.query(params![limit]).or_fault()?;
    let mut going = Vec::new();
    let mut passed = 0;
    while let Some(row) = rows.next().or_fault()? {
        let at: i64 = row.get(1).or_fault()?;
        if passed < beyond || at < oldest.as_millis() {
            going.push(row.get(0).or_fault()?);
        }
        passed += 1;
    }
    Ok(going)
}
