//! Tables from declarations. What a database was made from is kept in it; where the program declares something else the
//! tables follow: columns, indexes and full text come, are filled from the documents, and go.

use std::collections::HashMap;

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params, params_from_iter};
use serde_json::Value;
use uuid::Uuid;

use super::batch::{full_text, write_text};
use super::fault::{OrFault as _, misuse, refused_columns, store_fault};
use super::plan::{KindPlan, LogPlan, sql_type, text_put};
use super::{Declarations, append_only, text, value};
use crate::adapter::shape::{FieldShape, Shape, UniqueShape, described};
use crate::adapter::tables::{Table, field_column, kind_table, log_table};
use crate::kernel::id::TenantId;
use crate::port::records::Field;
use crate::port::store::StoreFault;
use crate::port::transfer::Former;

/// How the tables of logs are laid out, counted from 1. The second has indexes by time, the third can only be appended to, the
/// fourth indexes only what has a value.
const LOG_FORM: u32 = 4;
/// The first form with indexes by time.
const WITH_TIME: u32 = 2;
/// The first form whose indexes leave out what has no value.
const SPARSE: u32 = 4;

/// Rows that are filled again at a time.
const CHUNK: i64 = 500;

/// A table that is not as its declaration says.
pub(super) struct Change<'a> {
    target: Target<'a>,
    before: Option<Shape>,
    after: Shape,
}

impl Change<'_> {
    /// What changes, in words.
    pub(super) fn described(&self) -> String {
        let what = match self.target {
            Target::Kind(plan) => format!("documents '{}'", plan.kind.name),
            Target::Log(plan) => format!("log '{}'", plan.log.name),
        };
        described(&what, self.before.as_ref(), &self.after)
    }
}

enum Target<'a> {
    Kind(&'a KindPlan),
    Log(&'a LogPlan),
}

impl Target<'_> {
    fn table(&self) -> &Table {
        match self {
            Self::Kind(plan) => &plan.table,
            Self::Log(plan) => &plan.table,
        }
    }

    fn fields(&self) -> &'static [Field] {
        match self {
            Self::Kind(plan) => plan.kind.fields,
            Self::Log(plan) => plan.log.fields,
        }
    }
}

/// What must change in a database; a fault when a newer program wrote it. An empty database needs everything.
pub(super) fn changes<'a>(
    connection: &Connection,
    declarations: &'a Declarations,
) -> Result<Vec<Change<'a>>, StoreFault> {
    let mut known = known(connection)?;
    let kinds = declarations.ordered_kinds.iter().map(|plan| {
        let kind = plan.kind;
        (Target::Kind(plan), Shape::of(kind.version, kind.fields, kind.unique, kind.text))
    });
    let logs = declarations
        .ordered_logs
        .iter()
        .map(|plan| (Target::Log(plan), Shape::of(LOG_FORM, plan.log.fields, &[], plan.log.text)));
    let mut changes = Vec::new();
    for (target, after) in kinds.chain(logs) {
        let before = known.remove(&target.table().name);
        if before.as_ref().is_some_and(|before| before.version > after.version) {
            return Err(StoreFault::Unavailable(format!(
                "the database was written by a newer program: {} has version {}, this program knows version {}",
                target.table().name,
                before.map_or(0, |before| before.version),
                after.version
            )));
        }
        if before.as_ref() != Some(&after) {
            changes.push(Change { target, before, after });
        }
    }
    Ok(changes)
}

fn known(connection: &Connection) -> Result<HashMap<String, Shape>, StoreFault> {
    if super::migrations::present(connection)? == 0 {
        return Ok(HashMap::new());
    }
    let mut statement = connection.prepare("SELECT name, declaration FROM declared").or_fault()?;
    let mut rows = statement.query([]).or_fault()?;
    let mut known = HashMap::new();
    while let Some(row) = rows.next().or_fault()? {
        let (name, declaration): (String, String) = (row.get(0).or_fault()?, row.get(1).or_fault()?);
        let shape = serde_json::from_str(&declaration)
            .map_err(|error| misuse(format!("the declaration of {name} cannot be read: {error}")))?;
        known.insert(name, shape);
    }
    Ok(known)
}

/// Makes one table as its declaration says.
pub(super) fn apply(connection: &Connection, change: &Change<'_>) -> Result<(), StoreFault> {
    let table = change.target.table();
    let name = &table.name;
    match &change.before {
        None => create(connection, change)?,
        Some(before) => {
            // A new column is filled by an update.
            connection.execute_batch(&append_only::lift(name)).or_fault()?;
            alter(connection, change, before)?;
        }
    }
    if matches!(change.target, Target::Log(_)) {
        connection.execute_batch(&append_only::set(name)).or_fault()?;
    }
    declare(connection, name, &change.after)
}

/// Keeps what a table was made from.
fn declare(connection: &Connection, name: &str, shape: &Shape) -> Result<(), StoreFault> {
    let declaration = serde_json::to_string(shape)
        .map_err(|error| misuse(format!("the declaration of {name} cannot be written: {error}")))?;
    connection
        .execute(
            "INSERT INTO declared (name, version, declaration) VALUES (?1, ?2, ?3) \
             ON CONFLICT (name) DO UPDATE SET version = excluded.version, declaration = excluded.declaration",
            params![name, shape.version, declaration],
        )
        .or_fault()?;
    Ok(())
}

/// Makes a table of what another version of the program declared, with nothing but the version: whoever opens the file finds
/// everything else missing, and makes and fills it. A log is told as one of the first form: its indexes come anew, too.
pub(super) fn create_former(connection: &Connection, former: &Former) -> Result<(), StoreFault> {
    let (name, statement) = if former.is_log {
        let name = log_table(&former.name);
        let statement = log_statement(&name, "");
        (name, statement)
    } else {
        let name = kind_table(&former.name);
        let statement = kind_statement(&name, "");
        (name, statement)
    };
    connection.execute_batch(&statement).or_fault()?;
    let version = if former.is_log { 1 } else { former.version };
    declare(connection, &name, &Shape::of(version, &[], &[], &[]))
}

fn create(connection: &Connection, change: &Change<'_>) -> Result<(), StoreFault> {
    let table = change.target.table();
    let name = &table.name;
    let fields = change
        .target
        .fields()
        .iter()
        .fold(String::new(), |all, field| all + ", " + &field_column(field.name) + " " + sql_type(field.of));
    let statement = match change.target {
        Target::Kind(_) => kind_statement(name, &fields),
        Target::Log(_) => log_statement(name, &fields),
    };
    connection.execute_batch(&statement).or_fault()?;
    for field in &change.after.fields {
        index(connection, change, field)?;
    }
    for rule in &change.after.unique {
        unique(connection, name, rule)?;
    }
    if !table.text.is_empty() {
        connection.execute_batch(&text::create(&table.text_name(), table.text)).or_fault()?;
    }
    Ok(())
}

/// The table of a kind. The document stands last: what is filtered by is read without reading through it.
fn kind_statement(name: &str, fields: &str) -> String {
    format!(
        "CREATE TABLE {name} (number INTEGER PRIMARY KEY, tenant BLOB NOT NULL, id BLOB NOT NULL, \
         revision INTEGER NOT NULL, owner BLOB, workspace BLOB, visibility TEXT NOT NULL, \
         created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, version INTEGER NOT NULL{fields}, \
         document TEXT NOT NULL, UNIQUE (tenant, id)) STRICT;
         CREATE INDEX e_{name}__owner ON {name} (tenant, owner, id) WHERE owner IS NOT NULL;
         CREATE INDEX e_{name}__workspace ON {name} (tenant, workspace, id) WHERE workspace IS NOT NULL;"
    )
}

/// The table of a log.
fn log_statement(name: &str, fields: &str) -> String {
    format!(
        "CREATE TABLE {name} (position INTEGER PRIMARY KEY AUTOINCREMENT, tenant BLOB NOT NULL, \
         stream TEXT NOT NULL, at INTEGER NOT NULL{fields}, body TEXT NOT NULL) STRICT;
         CREATE INDEX e_{name}__stream ON {name} (tenant, stream) WHERE stream <> ''; {}",
        log_orders(name)
    )
}

/// The indexes of a log's two orders. Each ends with the position by itself, as every index does.
fn log_orders(name: &str) -> String {
    format!(
        "CREATE INDEX e_{name}__order ON {name} (tenant);
         CREATE INDEX e_{name}__time ON {name} (tenant, at);"
    )
}

fn alter(connection: &Connection, change: &Change<'_>, before: &Shape) -> Result<(), StoreFault> {
    let table = change.target.table();
    let name = &table.name;
    let after = &change.after;
    let execute = |statement: String| connection.execute_batch(&statement).or_fault();
    // First of all: a column that a rule stands on cannot go. Rules come back last: half-way two documents may have the same
    // value.
    for rule in &before.unique {
        execute(format!("DROP INDEX IF EXISTS u_{name}__{}", rule.name))?;
    }
    let new_form = before.version != after.version;
    let is_log = matches!(change.target, Target::Log(_));
    let indexed_anew = is_log && before.version < SPARSE;
    if is_log && before.version < WITH_TIME {
        execute(format!(
            "DROP INDEX IF EXISTS e_{name}__order; DROP INDEX IF EXISTS e_{name}__time; {}",
            log_orders(name)
        ))?;
    }
    if indexed_anew {
        for field in &before.fields {
            execute(format!("DROP INDEX IF EXISTS \"i_{name}__{}\"", field.name))?;
        }
    }
    for field in before.fields.iter().filter(|field| !after.fields.contains(field)) {
        execute(format!("DROP INDEX IF EXISTS \"i_{name}__{}\"", field.name))?;
        execute(format!("ALTER TABLE {name} DROP COLUMN {}", field_column(&field.name)))?;
    }
    let new_fields: Vec<&FieldShape> = after.fields.iter().filter(|field| !before.fields.contains(field)).collect();
    for field in &new_fields {
        let of =
            change.target.fields().iter().find(|one| one.name == field.name).map_or("TEXT", |one| sql_type(one.of));
        execute(format!("ALTER TABLE {name} ADD COLUMN {} {of}", field_column(&field.name)))?;
    }
    let new_text = before.text != after.text;
    if new_text && !before.text.is_empty() {
        execute(format!("DROP TABLE {}", table.text_name()))?;
    }
    if new_text && !after.text.is_empty() {
        execute(text::create(&table.text_name(), table.text))?;
    }
    if !new_fields.is_empty() || new_text || (new_form && !is_log) {
        fill(connection, &change.target)?;
    }
    for field in after.fields.iter().filter(|field| indexed_anew || new_fields.contains(field)) {
        index(connection, change, field)?;
    }
    for rule in &after.unique {
        unique(connection, name, rule)?;
    }
    Ok(())
}

fn index(connection: &Connection, change: &Change<'_>, field: &FieldShape) -> Result<(), StoreFault> {
    let name = &change.target.table().name;
    let column = field_column(&field.name);
    let of = match change.target {
        Target::Kind(_) => format!("{name} (tenant, {column}, id)"),
        // A log is not sorted by its fields: what has no value need not be in the index, and most entries have few of them.
        Target::Log(_) => format!("{name} (tenant, {column}, at) WHERE {column} IS NOT NULL"),
    };
    connection.execute_batch(&format!("CREATE INDEX \"i_{name}__{}\" ON {of}", field.name)).or_fault()
}

fn unique(connection: &Connection, table: &str, rule: &UniqueShape) -> Result<(), StoreFault> {
    let columns: Vec<String> = rule.fields.iter().map(|name| field_column(name)).collect();
    let present: Vec<String> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
    let tenant = if rule.platform { "" } else { "tenant, " };
    let statement = format!(
        "CREATE UNIQUE INDEX IF NOT EXISTS u_{table}__{} ON {table} ({tenant}{}) WHERE {}",
        rule.name,
        columns.join(", "),
        present.join(" AND ")
    );
    connection.execute_batch(&statement).map_err(|error| match refused_columns(&error) {
        Some(_) => StoreFault::Unavailable(format!(
            "rule '{}' of {table} cannot be kept: documents with the same values are there already",
            rule.name
        )),
        None => store_fault(&error),
    })
}

/// Fills the declared columns and the full text of every row again from its document.
fn fill(connection: &Connection, target: &Target<'_>) -> Result<(), StoreFault> {
    let table = target.table();
    let (name, key) = (&table.name, table.key);
    let document = match target {
        Target::Kind(_) => "document, version",
        Target::Log(_) => "body, 1",
    };
    let rows = format!("SELECT {key}, tenant, {document} FROM {name} WHERE {key} > ?1 ORDER BY {key} LIMIT {CHUNK}");
    let set: Vec<String> =
        (2..).zip(target.fields()).map(|(place, field)| format!("{} = ?{place}", field_column(field.name))).collect();
    let update = format!("UPDATE {name} SET {} WHERE {key} = ?1", set.join(", "));
    let text_put = text_put(table);
    let mut after = i64::MIN;
    loop {
        let chunk = read_chunk(connection, &rows, after, target)?;
        let Some((last, ..)) = chunk.last() else { return Ok(()) };
        after = *last;
        for (number, tenant, body) in chunk {
            if !set.is_empty() {
                let mut values = vec![Sql::Integer(number)];
                for field in target.fields() {
                    values.push(value::of_field(name, field, &body)?);
                }
                connection.prepare_cached(&update).or_fault()?.execute(params_from_iter(values)).or_fault()?;
            }
            if let Some(text_put) = &text_put {
                write_text(connection, text_put, number, &full_text(table.text, tenant, &body))?;
            }
        }
    }
}

fn read_chunk(
    connection: &Connection,
    statement: &str,
    after: i64,
    target: &Target<'_>,
) -> Result<Vec<(i64, TenantId, Value)>, StoreFault> {
    let mut statement = connection.prepare_cached(statement).or_fault()?;
    let mut rows = statement.query([after]).or_fault()?;
    let mut chunk = Vec::new();
    while let Some(row) = rows.next().or_fault()? {
        let document: String = row.get(2).or_fault()?;
        let body = match target {
            Target::Kind(plan) => value::lifted(plan.kind, row.get(3).or_fault()?, &document)?,
            Target::Log(plan) => value::parsed(&plan.table.name, &document)?,
        };
        let tenant = TenantId::from_uuid(Uuid::from_bytes(row.get(1).or_fault()?));
        chunk.push((row.get(0).or_fault()?, tenant, body));
    }
    Ok(chunk)
}
