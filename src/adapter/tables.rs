//! What stores have in common of the tables that they make from declarations: which columns there are, and what they are called.

use super::forms::misuse;
use crate::port::logs::Log;
use crate::port::records::{Field, FieldType};
use crate::port::store::StoreFault;

/// The stream within a log, as filters name it.
pub(in crate::adapter) const STREAM: &str = "stream";

/// What is said to whoever would change an entry of a log, or remove one otherwise than declared.
pub(in crate::adapter) const ONLY_APPENDED: &str = "a log is only appended to";

/// The columns of a record, in the order in which they are read.
pub(in crate::adapter) const RECORD: &str =
    "id, tenant, revision, owner, workspace, visibility, created_at, updated_at, version, document";

/// A column that can be filtered and sorted by.
#[derive(Debug, Clone)]
pub(in crate::adapter) struct Column {
    /// The name in filters.
    pub(in crate::adapter) name: &'static str,
    /// The column, quoted.
    pub(in crate::adapter) sql: String,
    /// What it holds.
    pub(in crate::adapter) of: FieldType,
    /// Whether it can be null.
    pub(in crate::adapter) nullable: bool,
    /// Whether it is indexed within each tenant only, and not over all.
    pub(in crate::adapter) within_tenants: bool,
}

/// Where rows are filtered: a table, its columns, its full text.
#[derive(Debug)]
pub(in crate::adapter) struct Table {
    /// The table's name.
    pub(in crate::adapter) name: String,
    /// Its key, to which the full text refers.
    pub(in crate::adapter) key: &'static str,
    /// What it can be filtered by.
    pub(in crate::adapter) columns: Vec<Column>,
    /// The full-text fields.
    pub(in crate::adapter) text: &'static [&'static str],
}

impl Table {
    /// The table of a log.
    pub(in crate::adapter) fn of_log(log: &'static Log) -> Self {
        let mut columns =
            vec![column(STREAM, "stream", FieldType::Text, false), column("at", "at", FieldType::Time, false)];
        columns.extend(log.fields.iter().map(declared));
        Self { name: log_table(log.name), key: "position", columns, text: log.text }
    }

    /// The column of a name.
    pub(in crate::adapter) fn column(&self, name: &str) -> Result<&Column, StoreFault> {
        self.columns
            .iter()
            .find(|column| column.name == name)
            .ok_or_else(|| misuse(format!("{} has no column for '{name}'", self.name)))
    }

    /// The full-text table's name.
    pub(in crate::adapter) fn text_name(&self) -> String {
        format!("{}__text", self.name)
    }
}

/// What a kind's table is called.
pub(in crate::adapter) fn kind_table(kind: &str) -> String {
    format!("k_{kind}")
}

/// What a log's table is called.
pub(in crate::adapter) fn log_table(log: &str) -> String {
    format!("l_{log}")
}

/// The column of a declared field.
pub(in crate::adapter) fn declared(field: &Field) -> Column {
    column(field.name, &field_column(field.name), field.of, true)
}

/// The columns of every document's envelope.
pub(in crate::adapter) fn envelope() -> Vec<Column> {
    vec![
        column("id", "id", FieldType::Id, false),
        column("owner", "owner", FieldType::Id, true),
        column("workspace", "workspace", FieldType::Id, true),
        column("visibility", "visibility", FieldType::Text, false),
        column("createdAt", "created_at", FieldType::Time, false),
        column("updatedAt", "updated_at", FieldType::Time, false),
    ]
}

/// The column of a declared field, quoted: names of fields keep their capitals.
pub(in crate::adapter) fn field_column(name: &str) -> String {
    format!("\"f_{name}\"")
}

fn column(name: &'static str, sql: &str, of: FieldType, nullable: bool) -> Column {
    Column { name, sql: sql.to_owned(), of, nullable, within_tenants: false }
}
