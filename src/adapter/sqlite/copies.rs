//! Copies of stores as files: those of this store are files of SQLite, and so are those of every other, so that a copy can be
//! taken in wherever it came from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row as Found, params, params_from_iter};
use uuid::Uuid;

use super::batch::{full_text, write_text};
use super::fault::{OrFault as _, misuse};
use super::plan::{KindPlan, LogPlan};
use super::upkeep::{beside, check, checked, remove_with_companions, sync_folder};
use super::{Declarations, SqliteConfig, open, schema, upkeep, value};
use crate::adapter::tables::{RECORD, field_column, kind_table, log_table};
use crate::kernel::clock::Clock;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;
use crate::port::store::StoreFault;
use crate::port::transfer::{Copies, Former, Piece, Pieces, Row, Sink};

/// Rows that are read at a time.
const CHUNK: i64 = 500;

/// Writes and reads copies.
pub struct SqliteCopies {
    declarations: Arc<Declarations>,
    clock: Arc<dyn Clock>,
}

impl SqliteCopies {
    /// Copies of stores with the declarations of a configuration; its file is not looked at.
    ///
    /// # Errors
    /// When a declaration cannot be one.
    pub fn new(config: &SqliteConfig) -> Result<Self, StoreFault> {
        Ok(Self { declarations: Arc::new(Declarations::of(config)?), clock: config.clock.clone() })
    }
}

impl Copies for SqliteCopies {
    fn create(&self, file: &Path) -> Result<Box<dyn Sink>, StoreFault> {
        let mut writing = Writing::begin(file, Some(self.declarations.clone()))?;
        writing.lay_out(|connection| {
            let changes = schema::changes(connection, &self.declarations)?;
            upkeep::apply(connection, &changes, self.clock.now())
        })?;
        Ok(Box::new(writing))
    }

    fn create_former(&self, file: &Path, former: &[Former]) -> Result<Box<dyn Sink>, StoreFault> {
        let mut writing = Writing::begin(file, None)?;
        writing.lay_out(|connection| {
            upkeep::apply(connection, &[], self.clock.now())?;
            former.iter().try_for_each(|one| schema::create_former(connection, one))
        })?;
        Ok(Box::new(writing))
    }

    fn open(&self, file: &Path) -> Result<Box<dyn Pieces>, StoreFault> {
        let folder = scratch_beside(file, self.clock.now());
        let opened = checked(&folder, file, &self.declarations, self.clock.now());
        match opened {
            Ok(connection) => {
                let parts = parts(&self.declarations);
                Ok(Box::new(Reading { connection: Some(connection), scratch: folder, parts, at: 0, after: i64::MIN }))
            }
            Err(fault) => {
                remove_with_companions(&folder);
                Err(fault)
            }
        }
    }
}

/// A name beside a copy that nobody else has.
fn scratch_beside(file: &Path, now: Timestamp) -> PathBuf {
    beside(file, &format!(".{}.reading", crate::kernel::id::new_uuid(now).simple()))
}

/// A copy that is being written.
struct Writing {
    connection: Option<Connection>,
    part: PathBuf,
    file: PathBuf,
    /// What is declared; `None` where another version of the program declared it.
    declarations: Option<Arc<Declarations>>,
}

impl Writing {
    fn begin(file: &Path, declarations: Option<Arc<Declarations>>) -> Result<Self, StoreFault> {
        if file.exists() {
            return Err(StoreFault::Unavailable(format!("{} is there already", file.display())));
        }
        let part = beside(file, ".part");
        remove_with_companions(&part);
        let connection = Some(open::copy_target(&part)?);
        Ok(Self { connection, part, file: file.to_owned(), declarations })
    }

    /// Makes the tables. Nobody reads the file before it is whole, and it is synced before it gets its name.
    fn lay_out(&mut self, make: impl FnOnce(&mut Connection) -> Result<(), StoreFault>) -> Result<(), StoreFault> {
        let connection = self.connection.as_mut().ok_or_else(|| misuse("the copy is finished"))?;
        make(connection)?;
        connection.execute_batch("PRAGMA synchronous = OFF; BEGIN").or_fault()
    }
}

impl Sink for Writing {
    fn take(&mut self, pieces: Vec<Piece>) -> Result<(), StoreFault> {
        let connection = self.connection.as_ref().ok_or_else(|| misuse("the copy is finished"))?;
        pieces.into_iter().try_for_each(|piece| write(connection, self.declarations.as_deref(), piece))
    }

    fn finish(mut self: Box<Self>) -> Result<(), StoreFault> {
        let connection = self.connection.take().ok_or_else(|| misuse("the copy is finished"))?;
        connection.execute_batch("COMMIT").or_fault()?;
        check(&connection)?;
        drop(connection);
        let fault = |error| StoreFault::of_file("the copy", &error);
        std::fs::File::open(&self.part).and_then(|part| part.sync_all()).map_err(fault)?;
        std::fs::rename(&self.part, &self.file).map_err(fault)?;
        sync_folder(&self.file)
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        // After it was finished there is nothing of the name any more.
        drop(self.connection.take());
        remove_with_companions(&self.part);
    }
}

fn write(connection: &Connection, declarations: Option<&Declarations>, piece: Piece) -> Result<(), StoreFault> {
    let unknown = |name: &str| misuse(format!("'{name}' is not declared to this store"));
    match piece {
        Piece::Document { kind, row } => match declarations {
            None => write_row(connection, &kind_table(&kind), row),
            Some(declarations) => {
                let plan = declarations.kinds.get(kind.as_str()).ok_or_else(|| unknown(&kind))?;
                write_document(connection, plan, row)
            }
        },
        Piece::Version { kind, row } => {
            let text = "INSERT INTO versions (tenant, id, revision, owner, workspace, visibility, created_at, updated_at, \
                 version, document, kind) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
            let values = row_values(row).into_iter().chain([Sql::Text(kind)]);
            connection.prepare_cached(text).or_fault()?.execute(params_from_iter(values)).or_fault().map(drop)
        }
        Piece::Entry { log, position, tenant, stream, at, body } => match declarations {
            None => write_bare_entry(connection, &log_table(&log), (position, tenant, &stream, at), &body),
            Some(declarations) => {
                let plan = declarations.logs.get(log.as_str()).ok_or_else(|| unknown(&log))?;
                write_entry(connection, plan, (position, tenant, stream, at), body)
            }
        },
        Piece::Counter { tenant, name, key, value } => connection
            .prepare_cached("INSERT INTO counters (tenant, name, key, value) VALUES (?1, ?2, ?3, ?4)")
            .or_fault()?
            .execute(params![tenant.as_bytes(), name, key, value])
            .or_fault()
            .map(drop),
        Piece::Job { tenant, id, queue, priority, due, token, held_until, body } => connection
            .prepare_cached(
                "INSERT INTO jobs (tenant, id, queue, priority, due, token, held_until, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )
            .or_fault()?
            .execute(params![tenant.as_bytes(), id.as_bytes(), queue, priority, due, token, held_until, body])
            .or_fault()
            .map(drop),
        Piece::Last { log, position } => write_last(connection, &log_table(&log), position),
    }
}

fn row_values(row: Row) -> Vec<Sql> {
    vec![
        value::id(row.tenant),
        value::id(row.id),
        Sql::Integer(row.revision),
        value::optional_id(row.owner),
        value::optional_id(row.workspace),
        Sql::Text(row.visibility),
        Sql::Integer(row.created_at),
        Sql::Integer(row.updated_at),
        Sql::Integer(i64::from(row.version)),
        Sql::Text(row.document),
    ]
}

/// A document of whose kind nothing is declared.
fn write_row(connection: &Connection, table: &str, row: Row) -> Result<(), StoreFault> {
    let text = format!(
        "INSERT INTO {table} (tenant, id, revision, owner, workspace, visibility, created_at, updated_at, version, \
         document) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
    );
    connection.prepare_cached(&text).or_fault()?.execute(params_from_iter(row_values(row))).or_fault().map(drop)
}

fn write_document(connection: &Connection, plan: &KindPlan, row: Row) -> Result<(), StoreFault> {
    let body = value::lifted(plan.kind, row.version, &row.document)?;
    let tenant = TenantId::from_uuid(row.tenant);
    let mut values = row_values(row);
    let (mut names, mut places) = (String::new(), String::new());
    for (at, field) in plan.kind.fields.iter().enumerate() {
        values.push(value::of_field(&plan.table.name, field, &body)?);
        let _ = write!(names, ", {}", field_column(field.name));
        let _ = write!(places, ", ?{}", at + 11);
    }
    let text = format!(
        "INSERT INTO {} (tenant, id, revision, owner, workspace, visibility, created_at, updated_at, version, \
         document{names}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10{places})",
        plan.table.name
    );
    connection.prepare_cached(&text).or_fault()?.execute(params_from_iter(values)).or_fault()?;
    match &plan.text_insert {
        Some(put) => {
            write_text(connection, put, connection.last_insert_rowid(), &full_text(plan.kind.text, tenant, &body))
        }
        None => Ok(()),
    }
}

/// An entry of a log of which nothing is declared.
fn write_bare_entry(
    connection: &Connection,
    table: &str,
    (position, tenant, stream, at): (i64, Uuid, &str, i64),
    body: &str,
) -> Result<(), StoreFault> {
    let text = format!("INSERT INTO {table} (position, tenant, stream, at, body) VALUES (?1, ?2, ?3, ?4, ?5)");
    let values = params![position, tenant.as_bytes(), stream, at, body];
    connection.prepare_cached(&text).or_fault()?.execute(values).or_fault().map(drop)
}

fn write_entry(
    connection: &Connection,
    plan: &LogPlan,
    (position, tenant, stream, at): (i64, Uuid, String, i64),
    body: String,
) -> Result<(), StoreFault> {
    let said = value::parsed(&plan.table.name, &body)?;
    let mut values =
        vec![Sql::Integer(position), value::id(tenant), Sql::Text(stream), Sql::Integer(at), Sql::Text(body)];
    let (mut names, mut places) = (String::new(), String::new());
    for (at, field) in plan.log.fields.iter().enumerate() {
        values.push(value::of_field(&plan.table.name, field, &said)?);
        let _ = write!(names, ", {}", field_column(field.name));
        let _ = write!(places, ", ?{}", at + 6);
    }
    let text = format!(
        "INSERT INTO {} (position, tenant, stream, at, body{names}) VALUES (?1, ?2, ?3, ?4, ?5{places})",
        plan.table.name
    );
    connection.prepare_cached(&text).or_fault()?.execute(params_from_iter(values)).or_fault()?;
    match &plan.text_insert {
        Some(put) => {
            write_text(connection, put, position, &full_text(plan.log.text, TenantId::from_uuid(tenant), &said))
        }
        None => Ok(()),
    }
}

/// Lets the log go on after a position, though no entry has it.
fn write_last(connection: &Connection, table: &str, position: i64) -> Result<(), StoreFault> {
    let changed = connection
        .execute("UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", params![table, position])
        .or_fault()?;
    if changed == 0 {
        connection
            .execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", params![table, position])
            .or_fault()?;
    }
    Ok(())
}

/// Makes a piece of a row.
type Make = dyn Fn(&Found<'_>) -> Result<Piece, StoreFault> + Send;

/// A table to be read: by its integer key, in order.
struct Part {
    text: String,
    piece: Box<Make>,
}

/// A copy that is being read.
struct Reading {
    connection: Option<Connection>,
    scratch: PathBuf,
    parts: Vec<Part>,
    at: usize,
    after: i64,
}

impl Pieces for Reading {
    fn next(&mut self) -> Result<Vec<Piece>, StoreFault> {
        let connection = self.connection.as_ref().ok_or_else(|| misuse("the copy is closed"))?;
        while let Some(part) = self.parts.get(self.at) {
            let mut statement = connection.prepare_cached(&part.text).or_fault()?;
            let mut rows = statement.query(params![self.after, CHUNK]).or_fault()?;
            let mut pieces = Vec::new();
            while let Some(row) = rows.next().or_fault()? {
                self.after = row.get("key_of_row").or_fault()?;
                pieces.push((part.piece)(row)?);
            }
            if !pieces.is_empty() {
                return Ok(pieces);
            }
            self.at += 1;
            self.after = i64::MIN;
        }
        Ok(Vec::new())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        drop(self.connection.take());
        remove_with_companions(&self.scratch);
    }
}

fn parts(declarations: &Declarations) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut part = |columns: &str, table: &str, key: &str, piece: Box<Make>| {
        let text =
            format!("SELECT {columns}, {key} AS key_of_row FROM {table} WHERE {key} > ?1 ORDER BY {key} LIMIT ?2");
        parts.push(Part { text, piece });
    };
    for plan in &declarations.ordered_kinds {
        let kind = plan.kind.name;
        let document = move |row: &Found<'_>| Ok(Piece::Document { kind: kind.to_owned(), row: row_of(row)? });
        part(RECORD, &plan.table.name, "number", Box::new(document));
    }
    part(
        &format!("{RECORD}, kind"),
        "versions",
        "rowid",
        Box::new(|row| Ok(Piece::Version { kind: row.get(10).or_fault()?, row: row_of(row)? })),
    );
    for plan in &declarations.ordered_logs {
        let log = plan.log.name;
        let entry = move |row: &Found<'_>| {
            Ok(Piece::Entry {
                log: log.to_owned(),
                position: row.get(0).or_fault()?,
                tenant: uuid(row, 1)?,
                stream: row.get(2).or_fault()?,
                at: row.get(3).or_fault()?,
                body: row.get(4).or_fault()?,
            })
        };
        part("position, tenant, stream, at, body", &plan.table.name, "position", Box::new(entry));
    }
    // The counters' table has no number of its own: a number is given to each here.
    part(
        "tenant, name, key, value",
        "(SELECT *, row_number() OVER (ORDER BY tenant, name, key) AS number FROM counters)",
        "number",
        Box::new(|row| {
            Ok(Piece::Counter {
                tenant: uuid(row, 0)?,
                name: row.get(1).or_fault()?,
                key: row.get(2).or_fault()?,
                value: row.get(3).or_fault()?,
            })
        }),
    );
    part(
        "tenant, id, queue, priority, due, token, held_until, body",
        "jobs",
        "rowid",
        Box::new(|row| {
            Ok(Piece::Job {
                tenant: uuid(row, 0)?,
                id: uuid(row, 1)?,
                queue: row.get(2).or_fault()?,
                priority: row.get(3).or_fault()?,
                due: row.get(4).or_fault()?,
                token: row.get(5).or_fault()?,
                held_until: row.get(6).or_fault()?,
                body: row.get(7).or_fault()?,
            })
        }),
    );
    for plan in &declarations.ordered_logs {
        let log = plan.log.name;
        part(
            "seq",
            &format!("(SELECT seq, 1 AS number FROM sqlite_sequence WHERE name = '{}')", plan.table.name),
            "number",
            Box::new(move |row| Ok(Piece::Last { log: log.to_owned(), position: row.get(0).or_fault()? })),
        );
    }
    parts
}

fn uuid(row: &Found<'_>, at: usize) -> Result<Uuid, StoreFault> {
    row.get(at).map(Uuid::from_bytes).or_fault()
}

fn row_of(row: &Found<'_>) -> Result<Row, StoreFault> {
    let optional = |at: usize| row.get::<_, Option<[u8; 16]>>(at).map(|bytes| bytes.map(Uuid::from_bytes)).or_fault();
    Ok(Row {
        id: uuid(row, 0)?,
        tenant: uuid(row, 1)?,
        revision: row.get(2).or_fault()?,
        owner: optional(3)?,
        workspace: optional(4)?,
        visibility: row.get(5).or_fault()?,
        created_at: row.get(6).or_fault()?,
        updated_at: row.get(7).or_fault()?,
        version: row.get(8).or_fault()?,
        document: row.get(9).or_fault()?,
    })
}
