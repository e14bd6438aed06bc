//! Full text in the order of how much it tells. What BM25 costs is to count, for each word of an expression, everything that has it: a word that
//! stands for the tenant would be counted with all texts of the tenant, and a word that most texts have tells nothing and leads to most of them.

use std::cmp::Reverse;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params, params_from_iter};

use super::fault::{OrFault as _, misuse};
use super::plan::KindPlan;
use super::records::record;
use super::{sql, text};
use crate::adapter::forms::{any_of, spread};
use crate::adapter::tables::{RECORD, Table};
use crate::kernel::id::TenantId;
use crate::port::records::{Filter, Ranking, Record, Scope, Sharing, Word};
use crate::port::store::StoreFault;

/// Of so many texts a tenant is a small one: they are counted sooner than told from those of others.
const FEW: i64 = 4_000;

/// The rows that tell most. The best hits of the full text come first and are then held against the filter: where too few of them fit,
/// more hits are looked at.
pub(super) fn ranked(
    connection: &Connection,
    plan: &KindPlan,
    tenant: TenantId,
    ranking: &Ranking,
) -> Result<Vec<(Record, f64)>, StoreFault> {
    with_text(&plan.table)?;
    let words = telling(connection, &plan.table, tenant, &ranking.words)?;
    best(connection, plan, tenant, &any_of(words), &ranking.filter, ranking.limit)
}

/// The rows that have at least so many of some words; where there are too many of them, those that tell most.
pub(super) fn sharing(
    connection: &Connection,
    plan: &KindPlan,
    tenant: TenantId,
    sharing: &Sharing,
) -> Result<Vec<Record>, StoreFault> {
    let table = &plan.table;
    with_text(table)?;
    let mut words: Vec<&Word> = sharing.words.iter().filter(|word| text::phrase(word).is_some()).collect();
    // The rarest first. Long words are rare, as a rule; how rare they are is counted where the rule does not hold.
    words.sort_by_key(|word| Reverse(word.text.len()));
    let condition = sql::condition(table, Scope::Tenant(tenant), &sharing.filter)?;
    let name = table.text_name();
    let statement = format!(
        "SELECT {RECORD} FROM (SELECT rowid AS place FROM {name} WHERE {name} MATCH ?) AS hit \
         CROSS JOIN {} ON {} = hit.place WHERE {} LIMIT ?",
        table.name, table.key, condition.sql
    );
    let mut statement = connection.prepare_cached(&statement).or_fault()?;
    let most = usize::try_from(sharing.limit).unwrap_or(usize::MAX);
    let mut is_counted = false;
    loop {
        let groups = spread(&words, sharing.least);
        let Some(expression) = text::any_group(table.text, &groups) else { return Ok(Vec::new()) };
        let mut values = vec![Sql::Text(text::within(tenant, &expression))];
        values.extend(condition.values.iter().cloned());
        values.push(Sql::Integer(i64::from(sharing.limit).saturating_add(1)));
        let mut rows = statement.query(params_from_iter(&values)).or_fault()?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().or_fault()? {
            found.push(record(plan.kind, row)?);
        }
        drop(rows);
        if found.len() <= most {
            return Ok(found);
        }
        if is_counted {
            let best = best(connection, plan, tenant, &groups, &sharing.filter, sharing.limit)?;
            return Ok(best.into_iter().map(|(record, _)| record).collect());
        }
        words = rarest_first(connection, table, words)?;
        is_counted = true;
    }
}

fn with_text(table: &Table) -> Result<(), StoreFault> {
    if table.text.is_empty() { Err(misuse(format!("{} has no full text", table.name))) } else { Ok(()) }
}

/// The words that tell something. One that more than half of all texts have, and many of the tenant's, tells next to nothing, and leads to all
/// of them: it is left out unless there is no other, once there are more texts than few.
fn telling<'a>(
    connection: &Connection,
    table: &Table,
    tenant: TenantId,
    words: &'a [Word],
) -> Result<Vec<&'a Word>, StoreFault> {
    let all: Vec<&Word> = words.iter().filter(|word| text::phrase(word).is_some()).collect();
    if all.len() < 2 || is_small(connection, table, tenant)? {
        return Ok(all);
    }
    let statement = format!("SELECT coalesce(max({}), 0) FROM {}", table.key, table.name);
    let texts: i64 = connection.prepare_cached(&statement).or_fault()?.query_row([], |row| row.get(0)).or_fault()?;
    let mut telling = Vec::with_capacity(all.len());
    for word in &all {
        let Some(expression) = text::any_group(table.text, &[vec![*word]]) else { continue };
        let name = table.text_name();
        // What is frequent elsewhere may be rare here.
        let frequent = more_than(connection, &name, &expression, texts / 2)?
            && more_than(connection, &name, &text::within(tenant, &expression), FEW)?;
        if !frequent {
            telling.push(*word);
        }
    }
    Ok(if telling.is_empty() { all } else { telling })
}

/// The same words by how many texts have them.
fn rarest_first<'a>(connection: &Connection, table: &Table, words: Vec<&'a Word>) -> Result<Vec<&'a Word>, StoreFault> {
    let name = table.text_name();
    let statement = format!("SELECT count(*) FROM {name} WHERE {name} MATCH ?");
    let mut statement = connection.prepare_cached(&statement).or_fault()?;
    let mut counted = Vec::with_capacity(words.len());
    for word in words {
        let expression = text::any_group(table.text, &[vec![word]]);
        let texts: i64 = statement.query_row(params![expression], |row| row.get(0)).or_fault()?;
        counted.push((texts, word));
    }
    counted.sort_by_key(|(texts, _)| *texts);
    Ok(counted.into_iter().map(|(_, word)| word).collect())
}

/// The best of those that have all words of one of these groups.
fn best(
    connection: &Connection,
    plan: &KindPlan,
    tenant: TenantId,
    groups: &[Vec<&Word>],
    filter: &Filter,
    limit: u32,
) -> Result<Vec<(Record, f64)>, StoreFault> {
    let table = &plan.table;
    let Some(expression) = text::any_group(table.text, groups) else { return Ok(Vec::new()) };
    let condition = sql::condition(table, Scope::Tenant(tenant), filter)?;
    let name = table.text_name();
    let within = text::within(tenant, &expression);
    // Among many texts of the tenant its word is not in the expression that is ranked, where it tells nothing and would be counted.
    let (expression, own) =
        if is_small(connection, table, tenant)? { (within.clone(), None) } else { (expression, Some(within.clone())) };
    let of_tenant = if own.is_some() {
        format!("AND +rowid IN (SELECT rowid FROM {name} WHERE {name} MATCH ?)")
    } else {
        String::new()
    };
    let statement = format!(
        "SELECT {RECORD}, hit.score FROM \
         (SELECT rowid AS place, bm25({name}, 0.0) AS score FROM {name} WHERE {name} MATCH ? {of_tenant} ORDER BY score LIMIT ?) AS hit \
         CROSS JOIN {} ON {} = hit.place WHERE {} ORDER BY hit.score, id LIMIT ?",
        table.name, table.key, condition.sql
    );
    let mut statement = connection.prepare_cached(&statement).or_fault()?;
    let mut looked_at = i64::from(limit).saturating_mul(4).max(200);
    loop {
        let mut values = vec![Sql::Text(expression.clone())];
        values.extend(own.clone().map(Sql::Text));
        values.push(Sql::Integer(looked_at));
        values.extend(condition.values.iter().cloned());
        values.push(Sql::Integer(i64::from(limit)));
        let mut rows = statement.query(params_from_iter(&values)).or_fault()?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().or_fault()? {
            let score: f64 = row.get(10).or_fault()?;
            // The index counts the other way; a word that nearly every document has tells next to nothing, not less.
            found.push((record(plan.kind, row)?, (-score).max(f64::MIN_POSITIVE)));
        }
        drop(rows);
        let enough = found.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        if enough || matches!(filter, Filter::All) || !more_than(connection, &name, &within, looked_at)? {
            return Ok(found);
        }
        looked_at = looked_at.saturating_mul(16);
    }
}

/// Whether a tenant has few texts.
fn is_small(connection: &Connection, table: &Table, tenant: TenantId) -> Result<bool, StoreFault> {
    Ok(!more_than(connection, &table.text_name(), &text::of_tenant(tenant), FEW)?)
}

/// Whether an expression has more hits than so many.
fn more_than(connection: &Connection, name: &str, expression: &str, hits: i64) -> Result<bool, StoreFault> {
    let statement = format!("SELECT 1 FROM {name} WHERE {name} MATCH ? LIMIT 1 OFFSET ?");
    let mut statement = connection.prepare_cached(&statement).or_fault()?;
    statement.exists(params![expression, hits]).or_fault()
}
