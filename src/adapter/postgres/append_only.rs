//! Triggers and rights that let a log only be appended to. The owner of the tables, as whom the program connects, takes from
//! itself the right to update and to empty them; what it may remove, it removes in the one declared way: under a mark that
//! holds for one transaction. This stops mistakes and what runs by mistake; who means to forge gives themselves the right and
//! drops the trigger, and is found out by the chain of the audit log.

use crate::adapter::tables::ONLY_APPENDED;

/// Marks the rest of a transaction as one that removes entries of a log's table; an empty name takes the mark away.
pub(super) const CUTTING: &str = "SELECT 0::bigint FROM set_config('convoke.cutting', $1::text, true)";

/// The statements that set the triggers of a log's table and take the rights away.
pub(super) fn set(table: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION only_appended() RETURNS trigger LANGUAGE plpgsql AS $only$ BEGIN
             IF TG_OP = 'DELETE' AND current_setting('convoke.cutting', true) = TG_TABLE_NAME THEN
                 RETURN NULL;
             END IF;
             RAISE EXCEPTION '{ONLY_APPENDED}';
         END $only$;
         CREATE TRIGGER only_appended BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
             FOR EACH STATEMENT EXECUTE FUNCTION only_appended();
         {}",
        rights(table, "REVOKE UPDATE, TRUNCATE ON %s FROM %s, PUBLIC")
    )
}

/// The statements that undo it, for what must be changed by declarations or replaced by a copy.
pub(super) fn lift(table: &str) -> String {
    format!("DROP TRIGGER IF EXISTS only_appended ON {table}; {}", rights(table, "GRANT UPDATE, TRUNCATE ON %s TO %s"))
}

/// Changes the rights of whoever owns a table: that need not be the role that connects, which may only be a member of it.
fn rights(table: &str, change: &str) -> String {
    format!(
        "DO $rights$ BEGIN
             EXECUTE format('{change}', '{table}'::regclass, (SELECT relowner::regrole FROM pg_class WHERE oid = '{table}'::regclass));
         END $rights$;"
    )
}
