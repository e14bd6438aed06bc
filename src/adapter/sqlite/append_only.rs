//! Triggers that let a log only be appended to. Entries go in the one declared way: under a mark that is set and taken away in
//! the same transaction. This stops mistakes and what runs by mistake; who means to forge can drop a trigger, and is found out
//! by the chain of the audit log.

use crate::adapter::tables::ONLY_APPENDED;

/// The statements that set the triggers of a log's table.
pub(super) fn set(table: &str) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS cutting (log TEXT PRIMARY KEY) STRICT, WITHOUT ROWID; {}; {};",
        update(table),
        delete(table)
    )
}

/// The statements that take them away.
pub(super) fn lift(table: &str) -> String {
    format!("DROP TRIGGER IF EXISTS {table}__update; DROP TRIGGER IF EXISTS {table}__delete;")
}

/// Whether a trigger is one of ours, word for word.
pub(super) fn is_ours(table: &str, statement: &str) -> bool {
    let is_name = table.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    is_name && (statement == update(table) || statement == delete(table))
}

fn update(table: &str) -> String {
    format!("CREATE TRIGGER {table}__update BEFORE UPDATE ON {table} BEGIN SELECT RAISE(ABORT, '{ONLY_APPENDED}'); END")
}

fn delete(table: &str) -> String {
    format!(
        "CREATE TRIGGER {table}__delete BEFORE DELETE ON {table} \
         WHEN NOT EXISTS (SELECT 1 FROM cutting WHERE log = '{table}') \
         BEGIN SELECT RAISE(ABORT, '{ONLY_APPENDED}'); END"
    )
}
