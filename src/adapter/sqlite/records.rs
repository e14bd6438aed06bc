//! Reading documents.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};
use uuid::Uuid;

use super::fault::OrFault as _;
use super::plan::KindPlan;
use super::{SqliteStore, ranking, sql, value};
use crate::adapter::forms::after_prefix;
use crate::adapter::tables::RECORD;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::records::{FieldType, Filter, Kind, Query, Ranking, Record, Records, Scalar, Scope, Sharing};
use crate::port::store::StoreFault;

#[async_trait]
impl Records for SqliteStore {
    async fn get(&self, scope: Scope, kind: &'static Kind, id: Uuid) -> Result<Option<Record>, StoreFault> {
        let plan = self.declarations.kind(kind)?;
        match scope {
            Scope::Tenant(tenant) => self
                .readers
                .inline(|connection| one(connection, &plan, &plan.get, &[value::id(tenant.uuid()), value::id(id)])),
            Scope::Platform => {
                self.readers
                    .read(scope, move |connection| one(connection, &plan, &plan.get_anywhere, &[value::id(id)]))
                    .await
            }
        }
    }

    async fn find(&self, scope: Scope, kind: &'static Kind, query: Query) -> Result<Vec<Record>, StoreFault> {
        let plan = self.declarations.kind(kind)?;
        self.readers.read(scope, move |connection| page(connection, &plan, scope, &query)).await
    }

    async fn columns(
        &self,
        scope: Scope,
        kind: &'static Kind,
        names: &'static [&'static str],
        filter: Filter,
        limit: u32,
    ) -> Result<Vec<Vec<Scalar>>, StoreFault> {
        let plan = self.declarations.kind(kind)?;
        self.readers
            .read(scope, move |connection| {
                let columns = names.iter().map(|name| plan.table.column(name)).collect::<Result<Vec<_>, _>>()?;
                let listed: Vec<&str> = columns.iter().map(|column| column.sql.as_str()).collect();
                let mut clause = sql::condition(&plan.table, scope, &filter)?;
                clause.values.push(Sql::Integer(i64::from(limit)));
                let text =
                    format!("SELECT {} FROM {} WHERE {} LIMIT ?", listed.join(", "), plan.table.name, clause.sql);
                let mut statement = connection.prepare_cached(&text).or_fault()?;
                let mut rows = statement.query(params_from_iter(clause.values)).or_fault()?;
                let mut found = Vec::new();
                while let Some(row) = rows.next().or_fault()? {
                    let cells = columns.iter().enumerate().map(|(at, column)| scalar(row, at, column.of));
                    found.push(cells.collect::<Result<Vec<_>, _>>()?);
                }
                Ok(found)
            })
            .await
    }

    async fn rank(
        &self,
        tenant: TenantId,
        kind: &'static Kind,
        ranking: Ranking,
    ) -> Result<Vec<(Record, f64)>, StoreFault> {
        let (plan, scope) = (self.declarations.kind(kind)?, Scope::Tenant(tenant));
        self.readers.read(scope, move |connection| ranking::ranked(connection, &plan, tenant, &ranking)).await
    }

    async fn sharing(
        &self,
        tenant: TenantId,
        kind: &'static Kind,
        sharing: Sharing,
    ) -> Result<Vec<Record>, StoreFault> {
        let (plan, scope) = (self.declarations.kind(kind)?, Scope::Tenant(tenant));
        self.readers.read(scope, move |connection| ranking::sharing(connection, &plan, tenant, &sharing)).await
    }

    async fn count(&self, scope: Scope, kind: &'static Kind, filter: Filter) -> Result<u64, StoreFault> {
        let plan = self.declarations.kind(kind)?;
        self.readers
            .read(scope, move |connection| {
                let condition = sql::condition(&plan.table, scope, &filter)?;
                let text = format!("SELECT count(*) FROM {} WHERE {}", plan.table.name, condition.sql);
                let mut statement = connection.prepare_cached(&text).or_fault()?;
                let count: i64 =
                    statement.query_row(params_from_iter(condition.values), |row| row.get(0)).or_fault()?;
                Ok(count.unsigned_abs())
            })
            .await
    }

    async fn versions(
        &self,
        scope: Scope,
        kind: &'static Kind,
        id: Uuid,
        limit: u32,
    ) -> Result<Vec<Record>, StoreFault> {
        let plan = self.declarations.kind(kind)?;
        self.readers
            .read(scope, move |connection| {
                let mut values = vec![Sql::Text(kind.name.to_owned()), value::id(id)];
                let mut text = format!("SELECT {RECORD} FROM versions WHERE kind = ? AND id = ?");
                if let Scope::Tenant(tenant) = scope {
                    text.push_str(" AND tenant = ?");
                    values.push(value::id(tenant.uuid()));
                }
                text.push_str(" ORDER BY revision DESC LIMIT ?");
                values.push(Sql::Integer(i64::from(limit)));
                many(connection, &plan, &text, &values)
            })
            .await
    }

    async fn counter(&self, scope: Scope, name: &'static str, key: &str) -> Result<i64, StoreFault> {
        match scope {
            Scope::Tenant(tenant) => self.readers.inline(|connection| {
                connection
                    .prepare_cached("SELECT value FROM counters WHERE tenant = ?1 AND name = ?2 AND key = ?3")
                    .or_fault()?
                    .query_row(params![tenant.uuid().as_bytes(), name, key], |row| row.get(0))
                    .optional()
                    .or_fault()
                    .map(Option::unwrap_or_default)
            }),
            Scope::Platform => {
                let key = key.to_owned();
                self.readers
                    .read(scope, move |connection| {
                        connection
                            .prepare_cached("SELECT coalesce(sum(value), 0) FROM counters WHERE name = ?1 AND key = ?2")
                            .or_fault()?
                            .query_row(params![name, key], |row| row.get(0))
                            .or_fault()
                    })
                    .await
            }
        }
    }

    async fn counters(
        &self,
        scope: Scope,
        name: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, i64)>, StoreFault> {
        let mut text = "SELECT key, sum(value) FROM counters WHERE name = ?".to_owned();
        let mut values = vec![Sql::Text(name.to_owned())];
        let mut also = |condition: &str, bound: Sql| {
            text.push_str(condition);
            values.push(bound);
        };
        if let Scope::Tenant(tenant) = scope {
            also(" AND tenant = ?", value::id(tenant.uuid()));
        }
        also(" AND key >= ?", Sql::Text(prefix.to_owned()));
        if let Some(end) = after_prefix(prefix) {
            also(" AND key < ?", Sql::Text(end));
        }
        if let Some(after) = after {
            also(" AND key > ?", Sql::Text(after.to_owned()));
        }
        also(" GROUP BY key ORDER BY key LIMIT ?", Sql::Integer(i64::from(limit)));
        self.readers
            .read(scope, move |connection| {
                let mut statement = connection.prepare_cached(&text).or_fault()?;
                let rows =
                    statement.query_map(params_from_iter(&values), |row| Ok((row.get(0)?, row.get(1)?))).or_fault()?;
                rows.collect::<rusqlite::Result<Vec<_>>>().or_fault()
            })
            .await
    }
}

/// One page: read segment by segment until it is full, within one snapshot where there are several.
fn page(connection: &Connection, plan: &Arc<KindPlan>, scope: Scope, query: &Query) -> Result<Vec<Record>, StoreFault> {
    let condition = sql::condition(&plan.table, scope, &query.filter)?;
    let (column, segments) = sql::segments(&plan.table, query)?;
    let order = sql::order(&column, query.descending);
    let _snapshot = if segments.len() > 1 { Some(connection.unchecked_transaction().or_fault()?) } else { None };
    let mut found = Vec::new();
    for segment in &segments {
        let room = usize::try_from(query.limit).unwrap_or(usize::MAX).saturating_sub(found.len());
        if room == 0 {
            break;
        }
        let text =
            format!("SELECT {RECORD} FROM {} WHERE {} AND ({}){order}", plan.table.name, condition.sql, segment.sql);
        let mut values = condition.values.clone();
        values.extend(segment.values.iter().cloned());
        values.push(Sql::Integer(i64::try_from(room).unwrap_or(i64::MAX)));
        found.extend(many(connection, plan, &text, &values)?);
    }
    Ok(found)
}

fn one(connection: &Connection, plan: &KindPlan, text: &str, values: &[Sql]) -> Result<Option<Record>, StoreFault> {
    let mut statement = connection.prepare_cached(text).or_fault()?;
    let mut rows = statement.query(params_from_iter(values)).or_fault()?;
    rows.next().or_fault()?.map(|row| record(plan.kind, row)).transpose()
}

fn many(connection: &Connection, plan: &KindPlan, text: &str, values: &[Sql]) -> Result<Vec<Record>, StoreFault> {
    let mut statement = connection.prepare_cached(text).or_fault()?;
    let mut rows = statement.query(params_from_iter(values)).or_fault()?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().or_fault()? {
        records.push(record(plan.kind, row)?);
    }
    Ok(records)
}

/// The value of a column.
fn scalar(row: &Row<'_>, at: usize, of: FieldType) -> Result<Scalar, StoreFault> {
    let value = match of {
        FieldType::Text => row.get::<_, Option<String>>(at).or_fault()?.map(Scalar::Text),
        FieldType::Integer => row.get::<_, Option<i64>>(at).or_fault()?.map(Scalar::Integer),
        FieldType::Boolean => row.get::<_, Option<bool>>(at).or_fault()?.map(Scalar::Boolean),
        FieldType::Time => {
            row.get::<_, Option<i64>>(at).or_fault()?.map(|millis| Scalar::Time(Timestamp::from_millis(millis)))
        }
        FieldType::Id => {
            row.get::<_, Option<[u8; 16]>>(at).or_fault()?.map(|bytes| Scalar::Id(Uuid::from_bytes(bytes)))
        }
    };
    Ok(value.unwrap_or(Scalar::Null))
}

/// The record of a row of the columns of `RECORD`.
pub(super) fn record(kind: &'static Kind, row: &Row<'_>) -> Result<Record, StoreFault> {
    let uuid = |at: usize| row.get::<_, [u8; 16]>(at).map(Uuid::from_bytes).or_fault();
    let optional = |at: usize| row.get::<_, Option<[u8; 16]>>(at).map(|bytes| bytes.map(Uuid::from_bytes)).or_fault();
    let moment = |at: usize| row.get(at).map(Timestamp::from_millis).or_fault();
    let text = |at: usize| {
        row.get_ref(at).or_fault().and_then(|cell| {
            cell.as_str().map_err(|error| super::fault::misuse(format!("a row of kind '{}': {error}", kind.name)))
        })
    };
    Ok(Record {
        id: uuid(0)?,
        tenant: TenantId::from_uuid(uuid(1)?),
        revision: row.get(2).or_fault()?,
        owner: optional(3)?,
        workspace: optional(4)?,
        visibility: value::visibility_of(text(5)?)?,
        created_at: moment(6)?,
        updated_at: moment(7)?,
        body: value::lifted(kind, row.get(8).or_fault()?, text(9)?)?,
    })
}
