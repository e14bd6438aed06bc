//! Batches: prepared on the caller's thread (columns and JSON text), written on the writer's.

use std::sync::Arc;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};
use uuid::Uuid;

use super::Declarations;
use super::fault::{OrFault as _, misuse, refused_columns, store_fault};
use super::plan::{KindPlan, LogPlan};
use super::{text, value};
use crate::kernel::time::Timestamp;
use crate::port::queue::Job;
use crate::port::store::{Batch, Conflict, Expect, Put, Step, StoreFault};

/// A batch that is ready to be written.
pub(super) struct Prepared {
    steps: Vec<Ready>,
}

enum Ready {
    Put { plan: Arc<KindPlan>, id: Uuid, expect: Expect, values: Vec<Sql>, text: Vec<Sql> },
    Remove { plan: Arc<KindPlan>, tenant: Uuid, id: Uuid, expect: Expect },
    Check { plan: Arc<KindPlan>, tenant: Uuid, id: Uuid, expect: Expect },
    Append { plan: Arc<LogPlan>, values: Vec<Sql>, text: Vec<Sql> },
    Cut { plan: Arc<LogPlan>, tenant: Uuid, positions: Vec<i64> },
    Count { tenant: Uuid, name: &'static str, key: String, by: i64, at_most: Option<i64> },
    Enqueue { id: Uuid, queue: &'static str, values: Box<[Sql; 9]> },
    Finish { tenant: Uuid, id: Uuid, queue: &'static str, token: i64 },
}

/// Makes batches ready: everything that needs no database.
pub(super) fn prepare(declarations: &Declarations, batches: Vec<Batch>) -> Result<Prepared, StoreFault> {
    let mut steps = Vec::with_capacity(batches.iter().map(|batch| batch.steps.len()).sum());
    for batch in batches {
        let tenant = batch.tenant.uuid();
        let at = batch.at.as_millis();
        for step in batch.steps {
            steps.push(match step {
                Step::Put(put) => prepare_put(declarations, batch.tenant, at, &put)?,
                Step::Remove { kind, id, expect } => {
                    Ready::Remove { plan: declarations.kind(kind)?, tenant, id, expect }
                }
                Step::Check { kind, id, expect } => Ready::Check { plan: declarations.kind(kind)?, tenant, id, expect },
                Step::Append { log, stream, body } => {
                    let plan = declarations.log(log)?;
                    let mut values =
                        vec![value::id(tenant), Sql::Text(stream), Sql::Integer(at), Sql::Text(value::written(&body)?)];
                    for field in log.fields {
                        values.push(value::of_field(&plan.table.name, field, &body)?);
                    }
                    let text = full_text(log.text, batch.tenant, &body);
                    Ready::Append { plan, values, text }
                }
                Step::Cut { log, positions } => Ready::Cut { plan: declarations.log(log)?, tenant, positions },
                Step::Count { name, key, by, at_most } => Ready::Count { tenant, name, key, by, at_most },
                Step::Enqueue(job) => prepare_job(tenant, batch.at, &job, None)?,
                Step::Hold { job, until } => prepare_job(tenant, batch.at, &job, Some(until))?,
                Step::Finish { queue, id, token } => Ready::Finish { tenant, id, queue, token },
            });
        }
    }
    Ok(Prepared { steps })
}

/// A job, in the hands of whoever writes it where it is held.
fn prepare_job(tenant: Uuid, at: Timestamp, job: &Job, held_until: Option<Timestamp>) -> Result<Ready, StoreFault> {
    Ok(Ready::Enqueue {
        id: job.id,
        queue: job.queue,
        values: Box::new([
            value::id(tenant),
            value::id(job.id),
            Sql::Text(job.queue.to_owned()),
            Sql::Integer(i64::from(job.priority)),
            Sql::Integer(job.due.as_millis()),
            Sql::Integer(held_until.map_or(0, |_| 1)),
            held_until.map_or(Sql::Null, |until| Sql::Integer(until.as_millis())),
            Sql::Text(value::written(&job.body)?),
            // Whoever holds it from the start need not find it.
            Sql::Integer(i64::from(held_until.is_none() && job.due <= at)),
        ]),
    })
}

/// Where the time is among the values of a document.
const AT: usize = 5;

fn prepare_put(
    declarations: &Declarations,
    tenant: crate::kernel::id::TenantId,
    at: i64,
    put: &Put,
) -> Result<Ready, StoreFault> {
    let plan = declarations.kind(put.kind)?;
    if !put.body.is_object() {
        return Err(misuse(format!("a document of kind '{}' is not an object", put.kind.name)));
    }
    let document = value::written(&put.body)?;
    if document.len() > put.kind.largest {
        return Err(StoreFault::TooLarge { kind: put.kind.name, most: put.kind.largest });
    }
    let mut values = Vec::with_capacity(9 + put.kind.fields.len());
    values.extend([
        value::id(tenant.uuid()),
        value::id(put.id),
        value::optional_id(put.owner),
        value::optional_id(put.workspace),
        Sql::Text(value::visibility(put.visibility).to_owned()),
        Sql::Integer(at),
        Sql::Integer(i64::from(put.kind.version)),
        Sql::Text(document),
    ]);
    for field in put.kind.fields {
        values.push(value::of_field(&plan.table.name, field, &put.body)?);
    }
    if let Expect::Revision(revision) = put.expect {
        values.push(Sql::Integer(revision));
    }
    let text = full_text(put.kind.text, tenant, &put.body);
    Ok(Ready::Put { plan, id: put.id, expect: put.expect, values, text })
}

/// The values of a full-text row after its key; empty when there is no full text.
pub(super) fn full_text(fields: &[&str], tenant: crate::kernel::id::TenantId, body: &serde_json::Value) -> Vec<Sql> {
    if fields.is_empty() {
        return Vec::new();
    }
    let mut values = vec![Sql::Text(text::tenant_word(tenant))];
    values.extend(fields.iter().map(|field| value::text_of(body, field)));
    values
}

impl Prepared {
    /// Writes it; answers the revisions of the documents put.
    pub(super) fn write(&self, connection: &Connection) -> Result<Vec<i64>, StoreFault> {
        let mut revisions = Vec::new();
        for step in &self.steps {
            match step {
                Ready::Put { plan, id, expect, values, text } => {
                    revisions.push(write_put(connection, plan, *id, *expect, values, text)?);
                }
                Ready::Remove { plan, tenant, id, expect } => write_remove(connection, plan, *tenant, *id, *expect)?,
                Ready::Check { plan, tenant, id, expect } => check(connection, plan, *tenant, *id, *expect)?,
                Ready::Append { plan, values, text } => write_entry(connection, plan, values, text)?,
                Ready::Cut { plan, tenant, positions } => cut(connection, plan, Some(*tenant), positions).map(drop)?,
                Ready::Count { tenant, name, key, by, at_most } => {
                    count(connection, *tenant, name, key, *by, *at_most)?;
                }
                Ready::Enqueue { id, queue, values } => enqueue(connection, *id, queue, values)?,
                Ready::Finish { tenant, id, queue, token } => finish(connection, *tenant, *id, queue, *token)?,
            }
        }
        Ok(revisions)
    }
}

fn changed(plan: &KindPlan, id: Uuid) -> StoreFault {
    StoreFault::Conflict(Conflict::Changed { kind: plan.kind.name, id })
}

fn write_put(
    connection: &Connection,
    plan: &KindPlan,
    id: Uuid,
    expect: Expect,
    values: &[Sql],
    text: &[Sql],
) -> Result<i64, StoreFault> {
    let (revision, created_at) = match expect {
        Expect::Absent => insert(connection, plan, values, text)?.ok_or_else(|| changed(plan, id))?,
        // Nearly always it is new, and a statement that answers nothing costs much less than one that does.
        Expect::Anything => match insert(connection, plan, values, text)? {
            Some(written) => written,
            None => replace(connection, plan, &plan.put_present, id, values, text)?,
        },
        Expect::Present => replace(connection, plan, &plan.put_present, id, values, text)?,
        Expect::Revision(_) => replace(connection, plan, &plan.put_revision, id, values, text)?,
    };
    if plan.kind.history {
        let [tenant, id, owner, workspace, visibility, at, version, document, ..] = values else {
            return Err(misuse("a document was prepared without its envelope"));
        };
        connection
            .prepare_cached(
                "INSERT INTO versions (kind, tenant, id, revision, owner, workspace, visibility, created_at, updated_at, \
                 version, document) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )
            .or_fault()?
            .execute(params![
                plan.kind.name,
                tenant,
                id,
                revision,
                owner,
                workspace,
                visibility,
                created_at,
                at,
                version,
                document
            ])
            .or_fault()?;
    }
    Ok(revision)
}

/// Writes a document that is not there; answers its revision and when it was made, and nothing where it is there.
fn insert(
    connection: &Connection,
    plan: &KindPlan,
    values: &[Sql],
    text: &[Sql],
) -> Result<Option<(i64, Sql)>, StoreFault> {
    let mut statement = connection.prepare_cached(&plan.put_absent).or_fault()?;
    if statement.execute(params_from_iter(values)).map_err(|error| taken(plan, &error))? == 0 {
        return Ok(None);
    }
    if let Some(text_insert) = &plan.text_insert {
        write_text(connection, text_insert, connection.last_insert_rowid(), text)?;
    }
    let at = values.get(AT).cloned().ok_or_else(|| misuse("a document was prepared without its time"))?;
    Ok(Some((1, at)))
}

/// Writes a document that is there; answers its revision and when it was made.
fn replace(
    connection: &Connection,
    plan: &KindPlan,
    statement: &str,
    id: Uuid,
    values: &[Sql],
    text: &[Sql],
) -> Result<(i64, Sql), StoreFault> {
    let written: Option<(i64, i64, Sql)> = connection
        .prepare_cached(statement)
        .or_fault()?
        .query_row(params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()
        .map_err(|error| taken(plan, &error))?;
    let (revision, number, created_at) = written.ok_or_else(|| changed(plan, id))?;
    if let Some(text_put) = &plan.text_put {
        write_text(connection, text_put, number, text)?;
    }
    Ok((revision, created_at))
}

/// Writes the full text of a row under its key.
pub(super) fn write_text(connection: &Connection, statement: &str, key: i64, text: &[Sql]) -> Result<(), StoreFault> {
    let key = Sql::Integer(key);
    let values = std::iter::once(&key).chain(text);
    connection.prepare_cached(statement).or_fault()?.execute(params_from_iter(values)).or_fault()?;
    Ok(())
}

fn taken(plan: &KindPlan, error: &rusqlite::Error) -> StoreFault {
    let rule = refused_columns(error)
        .and_then(|columns| plan.refusals.iter().find(|(refused, _)| refused == columns))
        .map(|(_, rule)| *rule);
    match rule {
        Some(rule) => StoreFault::Conflict(Conflict::Taken { kind: plan.kind.name, rule }),
        None => store_fault(error),
    }
}

fn write_remove(
    connection: &Connection,
    plan: &KindPlan,
    tenant: Uuid,
    id: Uuid,
    expect: Expect,
) -> Result<(), StoreFault> {
    check(connection, plan, tenant, id, expect)?;
    let number: Option<i64> = connection
        .prepare_cached(&plan.remove)
        .or_fault()?
        .query_row(params![tenant.as_bytes(), id.as_bytes()], |row| row.get(0))
        .optional()
        .or_fault()?;
    let Some(number) = number else { return Ok(()) };
    if plan.text_put.is_some() {
        connection.prepare_cached(&plan.text_remove).or_fault()?.execute([number]).or_fault()?;
    }
    if plan.kind.history {
        connection
            .prepare_cached("DELETE FROM versions WHERE kind = ?1 AND tenant = ?2 AND id = ?3")
            .or_fault()?
            .execute(params![plan.kind.name, tenant.as_bytes(), id.as_bytes()])
            .or_fault()?;
    }
    Ok(())
}

/// Nobody else writes between this look and the commit: there is one writer.
fn check(connection: &Connection, plan: &KindPlan, tenant: Uuid, id: Uuid, expect: Expect) -> Result<(), StoreFault> {
    if expect == Expect::Anything {
        return Ok(());
    }
    let present: Option<i64> = connection
        .prepare_cached(&plan.revision)
        .or_fault()?
        .query_row(params![tenant.as_bytes(), id.as_bytes()], |row| row.get(0))
        .optional()
        .or_fault()?;
    let holds = match expect {
        Expect::Anything => true,
        Expect::Absent => present.is_none(),
        Expect::Present => present.is_some(),
        Expect::Revision(revision) => present == Some(revision),
    };
    if holds { Ok(()) } else { Err(changed(plan, id)) }
}

fn write_entry(connection: &Connection, plan: &LogPlan, values: &[Sql], text: &[Sql]) -> Result<(), StoreFault> {
    connection.prepare_cached(&plan.append).or_fault()?.execute(params_from_iter(values)).or_fault()?;
    if let Some(text_insert) = &plan.text_insert {
        write_text(connection, text_insert, connection.last_insert_rowid(), text)?;
    }
    Ok(())
}

/// Removes entries of a log in the one way that its triggers let pass; answers how many were there.
pub(super) fn cut(
    connection: &Connection,
    plan: &LogPlan,
    tenant: Option<Uuid>,
    positions: &[i64],
) -> Result<usize, StoreFault> {
    let name = &plan.table.name;
    let declare = |text: &str| connection.prepare_cached(text).or_fault()?.execute([name]).or_fault();
    declare("INSERT OR IGNORE INTO cutting (log) VALUES (?1)")?;
    let of_tenant = if tenant.is_some() { " AND tenant = ?2" } else { "" };
    let text = format!("DELETE FROM {name} WHERE position = ?1{of_tenant}");
    let mut gone = 0;
    for position in positions {
        let mut statement = connection.prepare_cached(&text).or_fault()?;
        let removed = match tenant {
            Some(tenant) => statement.execute(params![position, tenant.as_bytes()]).or_fault()?,
            None => statement.execute([position]).or_fault()?,
        };
        if removed > 0 && plan.text_insert.is_some() {
            let text = format!("DELETE FROM {} WHERE rowid = ?1", plan.table.text_name());
            connection.prepare_cached(&text).or_fault()?.execute([position]).or_fault()?;
        }
        gone += removed;
    }
    declare("DELETE FROM cutting WHERE log = ?1")?;
    Ok(gone)
}

fn count(
    connection: &Connection,
    tenant: Uuid,
    name: &'static str,
    key: &str,
    by: i64,
    at_most: Option<i64>,
) -> Result<(), StoreFault> {
    let add = "INSERT INTO counters (tenant, name, key, value) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (tenant, name, key) DO UPDATE SET value = value + excluded.value";
    let values = params![tenant.as_bytes(), name, key, by];
    let Some(bound) = at_most else {
        return connection.prepare_cached(add).or_fault()?.execute(values).map(drop).or_fault();
    };
    let total: i64 = connection
        .prepare_cached(&format!("{add} RETURNING value"))
        .or_fault()?
        .query_row(values, |row| row.get(0))
        .or_fault()?;
    if total > bound {
        // What the caller wrote is taken back, the sum with it.
        return Err(StoreFault::Conflict(Conflict::Bound { name, key: key.to_owned() }));
    }
    Ok(())
}

fn enqueue(connection: &Connection, id: Uuid, queue: &'static str, values: &[Sql; 9]) -> Result<(), StoreFault> {
    let put = connection
        .prepare_cached(
            "INSERT INTO jobs (tenant, id, queue, priority, due, token, held_until, body, ready) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
             ON CONFLICT (tenant, id) DO NOTHING",
        )
        .or_fault()?
        .execute(params_from_iter(values))
        .or_fault()?;
    if put == 0 { Err(StoreFault::Conflict(Conflict::Changed { kind: queue, id })) } else { Ok(()) }
}

fn finish(connection: &Connection, tenant: Uuid, id: Uuid, queue: &'static str, token: i64) -> Result<(), StoreFault> {
    let gone = connection
        .prepare_cached("DELETE FROM jobs WHERE tenant = ?1 AND id = ?2 AND token = ?3 AND held_until IS NOT NULL")
        .or_fault()?
        .execute(params![tenant.as_bytes(), id.as_bytes(), token])
        .or_fault()?;
    if gone == 0 { Err(StoreFault::Conflict(Conflict::Changed { kind: queue, id })) } else { Ok(()) }
}
