//! Plans: what is derived once from the declaration of a kind or a log: names of tables and columns, and the text of
//! every fixed statement. Names come from declarations that were checked; values never become part of a statement.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::adapter::names::{check_kind, check_log};
use crate::adapter::tables::{Column, RECORD, Table, declared, envelope, field_column, kind_table};
use crate::port::logs::Log;
use crate::port::records::{Across, Field, FieldType, Kind};
use crate::port::store::StoreFault;

/// The longest name that the server keeps whole.
const LONGEST_NAME: usize = 63;

/// A condition that every row fits: it jumps from tenant to tenant through an index that begins with the tenant, so that
/// such an index serves a search over all.
pub(super) fn every_tenant(table: &Table) -> String {
    let name = &table.name;
    format!(
        "tenant IN (WITH RECURSIVE tenants (one) AS ((SELECT tenant FROM {name} ORDER BY tenant LIMIT 1) UNION ALL \
         SELECT (SELECT tenant FROM {name} WHERE tenant > one ORDER BY tenant LIMIT 1) FROM tenants \
         WHERE one IS NOT NULL) SELECT one FROM tenants WHERE one IS NOT NULL)"
    )
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
    /// Writes a document that may be there.
    pub(super) put_anything: String,
    /// Writes a document that is not there.
    pub(super) put_absent: String,
    /// Writes a document that is there.
    pub(super) put_present: String,
    /// Writes a document that has a revision.
    pub(super) put_revision: String,
    /// Removes a document, whatever its revision.
    pub(super) remove: String,
    /// Removes a document of a revision.
    pub(super) remove_revision: String,
    /// Reads the revision of a document and lets nobody change it before the end.
    pub(super) hold: String,
    /// Takes the place of a document that is not there, so that nobody else does before the end.
    pub(super) occupy: String,
    /// For each unique rule its index, as the server names it in a refusal.
    pub(super) refusals: Vec<(String, &'static str)>,
}

impl KindPlan {
    /// The plan of a declaration, which is checked.
    pub(super) fn of(kind: &'static Kind) -> Result<Self, StoreFault> {
        check_kind(kind)?;
        let name = kind_table(kind.name);
        let mut columns = envelope();
        let over_all = |field: &Field| {
            kind.unique.iter().any(|rule| rule.across == Across::Platform && rule.fields == [field.name])
        };
        columns.extend(kind.fields.iter().map(|field| Column { within_tenants: !over_all(field), ..declared(field) }));
        let table = Table { name: name.clone(), key: "tenant, id", columns, text: kind.text };

        let fields: Vec<String> = kind.fields.iter().map(|field| field_column(field.name)).collect();
        let listed = fields.iter().fold(String::new(), |all, column| all + ", " + column);
        let places = (9..9 + fields.len()).fold(String::new(), |all, place| all + ", $" + &place.to_string());
        let insert = format!(
            "INSERT INTO {name} (tenant, id, revision, owner, workspace, visibility, created_at, updated_at, version, \
             document{listed}) VALUES ($1, $2, 1, $3, $4, $5, $6, $6, $7, $8{places})"
        );
        let mut set = format!(
            "revision = {name}.revision + 1, owner = $3, workspace = $4, visibility = $5, updated_at = $6, version = $7, \
             document = $8"
        );
        for (at, column) in fields.iter().enumerate() {
            let _ = write!(set, ", {column} = ${}", at + 9);
        }
        let after = fields.len() + 9;
        let revision = after + usize::from(!kind.text.is_empty());
        let whole = |write: &str| with_companions(kind, &table, after, write);
        Ok(Self {
            kind,
            get: format!("SELECT {RECORD} FROM {name} WHERE tenant = $1 AND id = $2"),
            get_anywhere: format!("SELECT {RECORD} FROM {name} WHERE {} AND id = $1 LIMIT 1", every_tenant(&table)),
            put_anything: whole(&format!("{insert} ON CONFLICT (tenant, id) DO UPDATE SET {set}")),
            put_absent: whole(&format!("{insert} ON CONFLICT (tenant, id) DO NOTHING")),
            put_present: whole(&format!("UPDATE {name} SET {set} WHERE tenant = $1 AND id = $2")),
            put_revision: whole(&format!(
                "UPDATE {name} SET {set} WHERE tenant = $1 AND id = $2 AND revision = ${revision}"
            )),
            remove: removal(kind, &table, ""),
            remove_revision: removal(kind, &table, " AND revision = $3"),
            hold: format!("SELECT revision FROM {name} WHERE tenant = $1 AND id = $2 FOR SHARE"),
            occupy: format!(
                "INSERT INTO {name} (tenant, id, revision, visibility, created_at, updated_at, version, document) \
                 VALUES ($1, $2, 0, 'private', 0, 0, 0, '') ON CONFLICT (tenant, id) DO NOTHING RETURNING revision"
            ),
            refusals: kind.unique.iter().map(|rule| (rule_index(&name, rule.name), rule.name)).collect(),
            table,
        })
    }
}

/// A write together with the kept version and the full text, in one statement that answers the revision.
fn with_companions(kind: &Kind, table: &Table, words: usize, write: &str) -> String {
    if !kind.history && kind.text.is_empty() {
        return format!("{write} RETURNING revision");
    }
    let mut whole = format!("WITH written AS ({write} RETURNING revision, created_at)");
    if kind.history {
        let _ = write!(
            whole,
            ", kept AS (INSERT INTO versions (kind, tenant, id, revision, owner, workspace, visibility, created_at, \
             updated_at, version, document) SELECT '{}', $1::uuid, $2::uuid, written.revision, $3::uuid, $4::uuid, \
             $5::text, written.created_at, $6::bigint, $7::integer, $8::text FROM written)",
            kind.name
        );
    }
    if !kind.text.is_empty() {
        let _ = write!(
            whole,
            ", told AS (INSERT INTO {} AS told (tenant, id, words) SELECT $1::uuid, $2::uuid, {} FROM written \
             ON CONFLICT (tenant, id) DO UPDATE SET words = excluded.words)",
            table.text_name(),
            vector(&format!("${words}::text"))
        );
    }
    whole + " SELECT revision FROM written"
}

/// Words with a blank between two, as full text.
pub(super) fn vector(words: &str) -> String {
    format!("array_to_tsvector(string_to_array({words}, ' '))")
}

fn removal(kind: &Kind, table: &Table, also: &str) -> String {
    let name = &table.name;
    let mut whole = format!("WITH gone AS (DELETE FROM {name} WHERE tenant = $1 AND id = $2{also} RETURNING revision)");
    if kind.history {
        let _ = write!(
            whole,
            ", kept AS (DELETE FROM versions WHERE kind = '{}' AND tenant = $1 AND id = $2 AND EXISTS (SELECT FROM gone))",
            kind.name
        );
    }
    if !kind.text.is_empty() {
        let text = table.text_name();
        let _ =
            write!(whole, ", told AS (DELETE FROM {text} WHERE tenant = $1 AND id = $2 AND EXISTS (SELECT FROM gone))");
    }
    whole + " SELECT revision FROM gone"
}

/// What is derived from a log.
#[derive(Debug)]
pub(super) struct LogPlan {
    /// The declaration.
    pub(super) log: &'static Log,
    /// Its table.
    pub(super) table: Table,
    /// Appends entries of one tenant, in order: tenant, then lists of streams, moments, bodies and fields, and of words where
    /// the log has full text.
    pub(super) append: String,
    /// Removes entries of one tenant: tenant and a list of positions.
    pub(super) cut: String,
}

impl LogPlan {
    /// The plan of a declaration, which is checked.
    pub(super) fn of(log: &'static Log) -> Result<Self, StoreFault> {
        check_log(log)?;
        let table = Table::of_log(log);
        let (append, cut) = (append(&table, log), cut(&table, log));
        Ok(Self { log, table, append, cut })
    }
}

fn cut(table: &Table, log: &Log) -> String {
    let gone = format!("DELETE FROM {} WHERE tenant = $1 AND position = ANY ($2::bigint[])", table.name);
    if log.text.is_empty() {
        return gone;
    }
    let words = format!("DELETE FROM {} WHERE position IN (SELECT position FROM gone)", table.text_name());
    format!("WITH gone AS ({gone} RETURNING position) {words}")
}

fn append(table: &Table, log: &Log) -> String {
    let name = &table.name;
    let fields: Vec<String> = log.fields.iter().map(|field| field_column(field.name)).collect();
    let listed = fields.iter().fold(String::new(), |all, column| all + ", " + column);
    let lists = (5..).zip(log.fields).fold(String::new(), |mut all, (place, field)| {
        let _ = write!(all, ", ${place}::{}[]", sql_type(field.of));
        all
    });
    let words_place = 5 + fields.len();
    let (words, words_list) =
        if log.text.is_empty() { ("", String::new()) } else { (", words", format!(", ${words_place}::text[]")) };
    let mut whole = format!(
        "WITH taken AS MATERIALIZED (SELECT nextval('positions') AS position, ordered.* FROM (SELECT * FROM \
         unnest($2::text[], $3::bigint[], $4::text[]{lists}{words_list}) WITH ORDINALITY \
         AS given (stream, at, body{listed}{words}, place) ORDER BY place) AS ordered)"
    );
    if !log.text.is_empty() {
        let _ = write!(
            whole,
            ", told AS (INSERT INTO {} (position, words) SELECT position, {} FROM taken)",
            table.text_name(),
            vector("words")
        );
    }
    let _ = write!(
        whole,
        " INSERT INTO {name} (position, tenant, stream, at, body{listed}) \
         SELECT position, $1::uuid, stream, at, body{listed} FROM taken"
    );
    whole
}

/// The index of a rule.
pub(super) fn rule_index(table: &str, rule: &str) -> String {
    bounded(format!("u_{table}__{rule}"))
}

/// The index of a field.
pub(super) fn field_index(table: &str, field: &str) -> String {
    bounded(format!("i_{table}__{field}"))
}

/// A name that the server keeps as it is: a longer one ends with a digest of the whole.
fn bounded(name: String) -> String {
    if name.len() <= LONGEST_NAME {
        return name;
    }
    let digest = Sha256::digest(name.as_bytes());
    let ending = digest.iter().take(6).fold(String::new(), |mut all, byte| {
        let _ = write!(all, "{byte:02x}");
        all
    });
    format!("{}_{ending}", &name[..LONGEST_NAME - ending.len() - 1])
}

/// The SQL type of a column.
pub(super) fn sql_type(of: FieldType) -> &'static str {
    match of {
        FieldType::Text => "text",
        FieldType::Integer | FieldType::Time => "bigint",
        FieldType::Boolean => "boolean",
        FieldType::Id => "uuid",
    }
}

/// The SQL type of a column in a table: texts are compared as bytes.
pub(super) fn column_type(of: FieldType) -> &'static str {
    if of == FieldType::Text { "text COLLATE \"C\"" } else { sql_type(of) }
}
