//! Plans: what is derived once from the declaration of a kind or a log: names of tables and columns, and the text of
//! every fixed statement. Names come from declarations that were checked; values never become part of a statement.

use std::fmt::Write as _;

use crate::adapter::names::{check_kind, check_log};
use crate::adapter::tables::{Column, RECORD, Table, declared, envelope, field_column, kind_table};
use crate::port::logs::Log;
use crate::port::records::{Across, Field, FieldType, Kind};
use crate::port::store::StoreFault;

/// A condition that every row fits: it jumps from tenant to tenant through the key's index, so that an index which
/// begins with the tenant serves a search over all.
pub(super) fn every_tenant(table: &Table) -> String {
    let name = &table.name;
    format!(
        "tenant IN (WITH RECURSIVE tenants (one) AS (SELECT min(tenant) FROM {name} UNION ALL \
         SELECT (SELECT min(tenant) FROM {name} WHERE tenant > one) FROM tenants WHERE one IS NOT NULL) \
         SELECT one FROM tenants WHERE one IS NOT NULL)"
    )
}

/// Writes the full text of a row; the first two parameters are the key and the tenant's word. The way to insert is
/// `INSERT` for a row that is new and `INSERT OR REPLACE` for one that may have full text already.
fn text_written(table: &Table, insert: &str) -> Option<String> {
    if table.text.is_empty() {
        return None;
    }
    let columns: String = table.text.iter().fold(String::new(), |mut all, name| {
        let _ = write!(all, ", {}", field_column(name));
        all
    });
    let places: String = (3..table.text.len() + 3).fold(String::new(), |mut all, place| {
        let _ = write!(all, ", ?{place}");
        all
    });
    let table = table.text_name();
    Some(format!("{insert} INTO {table} (rowid, tenant{columns}) VALUES (?1, ?2{places})"))
}

/// Writes the full text of a new row.
fn text_insert(table: &Table) -> Option<String> {
    text_written(table, "INSERT")
}

/// Writes the full text of a row that may have some.
pub(super) fn text_put(table: &Table) -> Option<String> {
    text_written(table, "INSERT OR REPLACE")
}

/// What is derived from a kind.
#[derive(Debug)]
pub(super) struct KindPlan {
    /// The declaration.
    pub(super) kind: &'static Kind,
    /// Its table.
    pub(super) table: Table,
    /// Reads one document of a tenant.
    pub(super) get: String,
    /// Reads one document of whatever tenant.
    pub(super) get_anywhere: String,
    /// Writes a document that is not there. It answers nothing: a statement that does keeps what it needs to be undone by itself,
    /// for which full text of the same commit is flushed each time.
    pub(super) put_absent: String,
    /// Writes a document that is there.
    pub(super) put_present: String,
    /// Writes a document that has a revision.
    pub(super) put_revision: String,
    /// Removes a document.
    pub(super) remove: String,
    /// Reads the revision of a document.
    pub(super) revision: String,
    /// Writes the full text of a new one.
    pub(super) text_insert: Option<String>,
    /// Writes its full text.
    pub(super) text_put: Option<String>,
    /// Removes its full text.
    pub(super) text_remove: String,
    /// For each unique rule the columns as SQLite names them in a refusal.
    pub(super) refusals: Vec<(String, &'static str)>,
}

impl KindPlan {
    /// The plan of a declaration that was checked.
    pub(super) fn of(kind: &'static Kind) -> Result<Self, StoreFault> {
        check_kind(kind)?;
        let name = kind_table(kind.name);
        let mut columns = envelope();
        let over_all = |field: &Field| {
            kind.unique.iter().any(|rule| rule.across == Across::Platform && rule.fields == [field.name])
        };
        columns.extend(kind.fields.iter().map(|field| Column { within_tenants: !over_all(field), ..declared(field) }));
        let table = Table { name: name.clone(), key: "number", columns, text: kind.text };

        let fields: Vec<String> = kind.fields.iter().map(|field| field_column(field.name)).collect();
        let listed = fields.iter().fold(String::new(), |all, column| all + ", " + column);
        let places = (9..9 + fields.len()).fold(String::new(), |all, place| all + ", ?" + &place.to_string());
        let insert = format!(
            "INSERT INTO {name} (tenant, id, revision, owner, workspace, visibility, created_at, updated_at, version, \
             document{listed}) VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?6, ?7, ?8{places})"
        );
        let mut set = "revision = revision + 1, owner = ?3, workspace = ?4, visibility = ?5, updated_at = ?6, \
                       version = ?7, document = ?8"
            .to_owned();
        for (at, column) in fields.iter().enumerate() {
            let _ = write!(set, ", {column} = ?{}", at + 9);
        }
        let answer = "RETURNING revision, number, created_at";
        Ok(Self {
            kind,
            get: format!("SELECT {RECORD} FROM {name} WHERE tenant = ?1 AND id = ?2"),
            get_anywhere: format!("SELECT {RECORD} FROM {name} WHERE {} AND id = ?1 LIMIT 1", every_tenant(&table)),
            put_absent: format!("{insert} ON CONFLICT (tenant, id) DO NOTHING"),
            put_present: format!("UPDATE {name} SET {set} WHERE tenant = ?1 AND id = ?2 {answer}"),
            put_revision: format!(
                "UPDATE {name} SET {set} WHERE tenant = ?1 AND id = ?2 AND revision = ?{} {answer}",
                fields.len() + 9
            ),
            remove: format!("DELETE FROM {name} WHERE tenant = ?1 AND id = ?2 RETURNING number"),
            revision: format!("SELECT revision FROM {name} WHERE tenant = ?1 AND id = ?2"),
            text_insert: text_insert(&table),
            text_put: text_put(&table),
            text_remove: format!("DELETE FROM {} WHERE rowid = ?1", table.text_name()),
            refusals: kind.unique.iter().map(|rule| (refusal(&name, rule), rule.name)).collect(),
            table,
        })
    }
}

/// What is derived from a log.
#[derive(Debug)]
pub(super) struct LogPlan {
    /// The declaration.
    pub(super) log: &'static Log,
    /// Its table.
    pub(super) table: Table,
    /// Appends an entry.
    pub(super) append: String,
    /// Writes its full text.
    pub(super) text_insert: Option<String>,
}

impl LogPlan {
    /// The plan of a declaration that was checked.
    pub(super) fn of(log: &'static Log) -> Result<Self, StoreFault> {
        check_log(log)?;
        let table = Table::of_log(log);
        let listed = log.fields.iter().fold(String::new(), |all, field| all + ", " + &field_column(field.name));
        let places = (5..5 + log.fields.len()).fold(String::new(), |all, place| all + ", ?" + &place.to_string());
        Ok(Self {
            log,
            append: format!(
                "INSERT INTO {} (tenant, stream, at, body{listed}) VALUES (?1, ?2, ?3, ?4{places})",
                table.name
            ),
            text_insert: text_insert(&table),
            table,
        })
    }
}

/// The SQL type of a column.
pub(super) fn sql_type(of: FieldType) -> &'static str {
    match of {
        FieldType::Text => "TEXT",
        FieldType::Integer | FieldType::Boolean | FieldType::Time => "INTEGER",
        FieldType::Id => "BLOB",
    }
}

fn refusal(table: &str, rule: &crate::port::records::Unique) -> String {
    let tenant = match rule.across {
        Across::Tenant => Some(format!("{table}.tenant")),
        Across::Platform => None,
    };
    let columns: Vec<String> =
        tenant.into_iter().chain(rule.fields.iter().map(|name| format!("{table}.f_{name}"))).collect();
    columns.join(", ")
}
