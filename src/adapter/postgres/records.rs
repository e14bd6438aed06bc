//! Reading documents.

use std::cmp::Reverse;

use async_trait::async_trait;
use tokio_postgres::Row;
use uuid::Uuid;

use super::PostgresStore;
use super::cell::{self, Cell};
use super::fault::OrFault as _;
use super::plan::KindPlan;
use super::sql::{self, Clause};
use crate::adapter::forms::{self, after_prefix, any_of, spread};
use crate::adapter::tables::RECORD;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::records::{FieldType, Filter, Kind, Query, Ranking, Record, Records, Scalar, Scope, Sharing, Word};
use crate::port::store::StoreFault;

#[async_trait]
impl Records for PostgresStore {
    async fn get(&self, scope: Scope, kind: &'static Kind, id: Uuid) -> Result<Option<Record>, StoreFault> {
        let plan = self.declarations.kind(kind)?;
        let rows = match scope {
            Scope::Tenant(tenant) => {
                self.pool.read(scope, &plan.get, vec![Cell::Id(tenant.uuid()), Cell::Id(id)]).await?
            }
            Scope::Platform => self.pool.read(scope, &plan.get_anywhere, vec![Cell::Id(id)]).await?,
        };
        rows.first().map(|row| record(kind, row)).transpose()
    }

    async fn find(&self, scope: Scope, kind: &'static Kind, query: Query) -> Result<Vec<Record>, StoreFault> {
        let plan = self.declarations.kind(kind)?;
        let clause = page(&plan, scope, &query)?;
        let rows = self.pool.read(scope, &clause.sql, clause.values).await?;
        rows.iter().map(|row| record(kind, row)).collect()
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
        let columns = names.iter().map(|name| plan.table.column(name)).collect::<Result<Vec<_>, _>>()?;
        let listed: Vec<&str> = columns.iter().map(|column| column.sql.as_str()).collect();
        let mut clause = Clause::default();
        clause.push(&format!("SELECT {} FROM {} WHERE ", listed.join(", "), plan.table.name));
        let mut clause = sql::condition(clause, &plan.table, scope, &filter)?;
        clause.push(" LIMIT ");
        clause.bind(Cell::Integer(i64::from(limit)));
        let rows = self.pool.read(scope, &clause.sql, clause.values).await?;
        let cells = |row: &Row| columns.iter().enumerate().map(|(at, column)| scalar(row, at, column.of)).collect();
        rows.iter().map(cells).collect()
    }

    async fn rank(
        &self,
        tenant: TenantId,
        kind: &'static Kind,
        ranking: Ranking,
    ) -> Result<Vec<(Record, f64)>, StoreFault> {
        let plan = self.declarations.kind(kind)?;
        let groups = any_of(ranking.words.iter().collect());
        let Some(clause) = ranked(&plan, tenant, &groups, &ranking.filter, ranking.limit)? else {
            return Ok(Vec::new());
        };
        let rows = self.pool.read(Scope::Tenant(tenant), &clause.sql, clause.values).await?;
        rows.iter().map(|row| Ok((record(kind, row)?, row.try_get(10).or_fault()?))).collect()
    }

    async fn sharing(
        &self,
        tenant: TenantId,
        kind: &'static Kind,
        sharing: Sharing,
    ) -> Result<Vec<Record>, StoreFault> {
        let plan = self.declarations.kind(kind)?;
        let mut words: Vec<&Word> = sharing.words.iter().filter(|word| cell::one_word(word).is_some()).collect();
        // Long words are rare, as a rule, and stand alone where some do.
        words.sort_by_key(|word| Reverse(word.text.len()));
        let groups = spread(&words, sharing.least);
        let Some(clause) = ranked(&plan, tenant, &groups, &sharing.filter, sharing.limit)? else {
            return Ok(Vec::new());
        };
        let rows = self.pool.read(Scope::Tenant(tenant), &clause.sql, clause.values).await?;
        rows.iter().map(|row| record(kind, row)).collect()
    }

    async fn count(&self, scope: Scope, kind: &'static Kind, filter: Filter) -> Result<u64, StoreFault> {
        let plan = self.declarations.kind(kind)?;
        let mut clause = Clause::default();
        clause.push(&format!("SELECT count(*) FROM {} WHERE ", plan.table.name));
        let clause = sql::condition(clause, &plan.table, scope, &filter)?;
        let rows = self.pool.read(scope, &clause.sql, clause.values).await?;
        let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).or_fault()?;
        Ok(count.unsigned_abs())
    }

    async fn versions(
        &self,
        scope: Scope,
        kind: &'static Kind,
        id: Uuid,
        limit: u32,
    ) -> Result<Vec<Record>, StoreFault> {
        let mut clause = Clause::default();
        clause.push(&format!("SELECT {RECORD} FROM versions WHERE kind = "));
        clause.bind(Cell::Text(kind.name.to_owned()));
        clause.push(" AND id = ");
        clause.bind(Cell::Id(id));
        if let Scope::Tenant(tenant) = scope {
            clause.push(" AND tenant = ");
            clause.bind(Cell::Id(tenant.uuid()));
        }
        clause.push(" ORDER BY revision DESC LIMIT ");
        clause.bind(Cell::Integer(i64::from(limit)));
        let rows = self.pool.read(scope, &clause.sql, clause.values).await?;
        rows.iter().map(|row| record(kind, row)).collect()
    }

    async fn counter(&self, scope: Scope, name: &'static str, key: &str) -> Result<i64, StoreFault> {
        let mut cells = vec![Cell::Text(name.to_owned()), cell::text("a counter's key", key.to_owned())?];
        let text = match scope {
            Scope::Tenant(tenant) => {
                cells.push(Cell::Id(tenant.uuid()));
                "SELECT value FROM counters WHERE name = $1 AND key = $2 AND tenant = $3"
            }
            Scope::Platform => "SELECT coalesce(sum(value), 0)::bigint FROM counters WHERE name = $1 AND key = $2",
        };
        let rows = self.pool.read(scope, text, cells).await?;
        rows.first().map_or(Ok(0), |row| row.try_get(0)).or_fault()
    }

    async fn counters(
        &self,
        scope: Scope,
        name: &'static str,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, i64)>, StoreFault> {
        let mut clause = Clause::default();
        clause.push("SELECT key, sum(value)::bigint FROM counters WHERE name = ");
        clause.bind(Cell::Text(name.to_owned()));
        if let Scope::Tenant(tenant) = scope {
            clause.push(" AND tenant = ");
            clause.bind(Cell::Id(tenant.uuid()));
        }
        clause.push(" AND key >= ");
        clause.bind(cell::text("a counter's key", prefix.to_owned())?);
        if let Some(end) = after_prefix(prefix) {
            clause.push(" AND key < ");
            clause.bind(Cell::Text(end));
        }
        if let Some(after) = after {
            clause.push(" AND key > ");
            clause.bind(cell::text("a counter's key", after.to_owned())?);
        }
        clause.push(" GROUP BY key ORDER BY key LIMIT ");
        clause.bind(Cell::Integer(i64::from(limit)));
        let rows = self.pool.read(scope, &clause.sql, clause.values).await?;
        rows.iter().map(|row| Ok((row.try_get(0).or_fault()?, row.try_get(1).or_fault()?))).collect()
    }
}

/// The statement of one page. Where it goes on after a place, values and nulls are parts of their own, one after the other.
fn page(plan: &KindPlan, scope: Scope, query: &Query) -> Result<Clause, StoreFault> {
    let (column, segments) = sql::segments(&plan.table, query)?;
    let order = sql::order(column, query.descending);
    let limit = Cell::Integer(i64::from(query.limit));
    let name = &plan.table.name;
    let mut clause = Clause::default();
    if let [segment] = segments.as_slice() {
        clause.push(&format!("SELECT {RECORD} FROM {name} WHERE "));
        clause = sql::condition(clause, &plan.table, scope, &query.filter)?;
        clause.push(" AND ");
        segment.write(&mut clause);
        clause.push(&order);
        clause.bind(limit);
        return Ok(clause);
    }
    clause.push(&format!("SELECT {RECORD} FROM ("));
    for (at, segment) in segments.iter().enumerate() {
        clause.push(if at > 0 { " UNION ALL (" } else { "(" });
        clause.push(&format!(
            "SELECT {RECORD}, {at} AS part, row_number() OVER ({}) AS place FROM {name} WHERE ",
            over(&order)
        ));
        clause = sql::condition(clause, &plan.table, scope, &query.filter)?;
        clause.push(" AND ");
        segment.write(&mut clause);
        clause.push(&order);
        clause.bind(limit.clone());
        clause.push(")");
    }
    clause.push(") AS parts ORDER BY part, place LIMIT ");
    clause.bind(limit);
    Ok(clause)
}

/// The statement of the rows that have all words of one of these groups, in the order of how much they tell of all; `None` when there is no word to look for. The server keeps which words a text has, not how often:
/// what a word tells is how rare it is among the tenant's texts, and the more words a text has the less each of them tells (BM25 with
/// every word counted once).
fn ranked(
    plan: &KindPlan,
    tenant: TenantId,
    groups: &[Vec<&Word>],
    filter: &Filter,
    limit: u32,
) -> Result<Option<Clause>, StoreFault> {
    let (table, name) = (&plan.table, plan.table.text_name());
    if table.text.is_empty() {
        return Err(forms::misuse(format!("{} has no full text", table.name)));
    }
    let words: Vec<String> = groups.iter().flatten().filter_map(|word| cell::one_word(word)).collect();
    if words.is_empty() {
        return Ok(None);
    }
    let own = format!("'{}'", cell::tenant_word(tenant));
    let group = |words: &Vec<&Word>| {
        let words: Vec<String> = words.iter().filter_map(|word| cell::one_word(word)).collect();
        (!words.is_empty()).then(|| format!("({})", words.join(" & ")))
    };
    let any = format!("{own} & ({})", groups.iter().filter_map(group).collect::<Vec<_>>().join(" | "));
    let within = words.iter().map(|word| Cell::Text(format!("{own} & ({word})")));
    let within = cell::list(FieldType::Text, within)?;
    let mut clause = Clause::default();
    clause.push("WITH of_tenant AS (SELECT count(*)::float8 AS texts FROM ");
    clause.push(&format!("{name} WHERE words @@ ("));
    clause.bind(Cell::Text(own));
    clause.push(&format!(
        "::text)::tsquery), word AS MATERIALIZED (SELECT query, ln(1 + greatest(texts - having_it + 0.5, 0.01) / (having_it + 0.5)) AS tells \
         FROM of_tenant, (SELECT given::tsquery AS query, \
         (SELECT count(*)::float8 FROM {name} WHERE words @@ given::tsquery) AS having_it FROM unnest("
    ));
    clause.bind(within);
    clause.push(&format!(
        "::text[]) AS given) AS counted) SELECT {RECORD}, hit.score FROM (SELECT {}, \
         (SELECT sum(tells) FROM word WHERE words @@ word.query) * 2.2 \
         / (1 + 1.2 * (0.25 + 0.75 * length(words) / (avg(length(words)) OVER ())::float8)) AS score \
         FROM {name} WHERE words @@ (",
        table.key
    ));
    clause.bind(Cell::Text(any));
    clause.push(&format!("::text)::tsquery) AS hit JOIN {} USING ({}) WHERE ", table.name, table.key));
    let mut clause = sql::condition(clause, table, Scope::Tenant(tenant), filter)?;
    clause.push(" ORDER BY hit.score DESC, id LIMIT ");
    clause.bind(Cell::Integer(i64::from(limit)));
    Ok(Some(clause))
}

/// An order without its limit.
fn over(order: &str) -> &str {
    order.trim_end_matches(" LIMIT ").trim_start()
}

/// The value of a column.
fn scalar(row: &Row, at: usize, of: FieldType) -> Result<Scalar, StoreFault> {
    let value = match of {
        FieldType::Text => row.try_get::<_, Option<String>>(at).or_fault()?.map(Scalar::Text),
        FieldType::Integer => row.try_get::<_, Option<i64>>(at).or_fault()?.map(Scalar::Integer),
        FieldType::Boolean => row.try_get::<_, Option<bool>>(at).or_fault()?.map(Scalar::Boolean),
        FieldType::Time => {
            let millis = row.try_get::<_, Option<i64>>(at).or_fault()?;
            millis.map(|millis| Scalar::Time(Timestamp::from_millis(millis)))
        }
        FieldType::Id => row.try_get::<_, Option<Uuid>>(at).or_fault()?.map(Scalar::Id),
    };
    Ok(value.unwrap_or(Scalar::Null))
}

/// The record of a row of the columns of `RECORD`.
pub(super) fn record(kind: &'static Kind, row: &Row) -> Result<Record, StoreFault> {
    let moment = |at: usize| row.try_get(at).map(Timestamp::from_millis).or_fault();
    let version: i32 = row.try_get(8).or_fault()?;
    Ok(Record {
        id: row.try_get(0).or_fault()?,
        tenant: TenantId::from_uuid(row.try_get(1).or_fault()?),
        revision: row.try_get(2).or_fault()?,
        owner: row.try_get(3).or_fault()?,
        workspace: row.try_get(4).or_fault()?,
        visibility: forms::visibility_of(row.try_get(5).or_fault()?)?,
        created_at: moment(6)?,
        updated_at: moment(7)?,
        body: forms::lifted(kind, version.unsigned_abs(), row.try_get(9).or_fault()?)?,
    })
}
