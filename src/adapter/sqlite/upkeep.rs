//! Upkeep of a database file: bringing it up to this program, copies, restoring.

use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, TransactionBehavior};

use super::fault::{OrFault as _, misuse};
use super::{Declarations, append_only, migrations, open, schema};
use crate::adapter::before;
use crate::kernel::time::Timestamp;
use crate::port::store::StoreFault;

/// Pages copied at a time.
const PAGES: i32 = 256;

/// Brings a database up to this program in one transaction. When it holds anything it is copied beside itself before.
pub(super) fn bring_up(
    connection: &mut Connection,
    file: &Path,
    declarations: &Declarations,
    now: Timestamp,
) -> Result<(), StoreFault> {
    refuse_foreign(connection)?;
    let present = migrations::present(connection)?;
    let changes = schema::changes(connection, declarations)?;
    if changes.is_empty() && present == migrations::newest() {
        return Ok(());
    }
    let kept = if present > 0 && has_rows(connection)? { Some(keep_copy(connection, file, now)?) } else { None };
    let applied = apply(connection, &changes, now);
    match (&applied, &kept) {
        (Ok(()), Some(kept)) => before::drop_old(kept)?,
        // Nothing was changed: the database itself is what the copy would be.
        (Err(_), Some(kept)) => drop(std::fs::remove_file(kept)),
        (_, None) => {}
    }
    applied
}

/// Everything that is pending, or nothing.
pub(super) fn apply(
    connection: &mut Connection,
    changes: &[schema::Change<'_>],
    now: Timestamp,
) -> Result<(), StoreFault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).or_fault()?;
    transaction.pragma_update(None, "application_id", open::APPLICATION).or_fault()?;
    migrations::run(&transaction, now)?;
    for change in changes {
        schema::apply(&transaction, change)?;
    }
    transaction.commit().or_fault()
}

/// A file that is of another program, or of a newer one, is left as it is.
pub(super) fn refuse_foreign(connection: &Connection) -> Result<(), StoreFault> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0)).or_fault();
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).or_fault()?;
    if tables > 0 && number("application_id")? != open::APPLICATION {
        return Err(StoreFault::Unavailable("the database file is not a store of this program".to_owned()));
    }
    let present = migrations::present(connection)?;
    if present > migrations::newest() {
        return Err(StoreFault::Unavailable(format!(
            "the database was written by a newer program: it has schema {present}, this program knows schema {}",
            migrations::newest()
        )));
    }
    Ok(())
}

/// A store has tables, indexes, and the triggers that let logs only be appended to; others and views would act on their own.
pub(super) fn refuse_programs(connection: &Connection) -> Result<(), StoreFault> {
    let text = "SELECT tbl_name, coalesce(sql, '') FROM sqlite_schema WHERE type NOT IN ('table', 'index')";
    let mut statement = connection.prepare(text).or_fault()?;
    let mut rows = statement.query([]).or_fault()?;
    while let Some(row) = rows.next().or_fault()? {
        let (table, text): (String, String) = (row.get(0).or_fault()?, row.get(1).or_fault()?);
        if !append_only::is_ours(&table, &text) {
            return Err(StoreFault::Unavailable("the copy holds more than a store's tables".to_owned()));
        }
    }
    Ok(())
}

fn has_rows(connection: &Connection) -> Result<bool, StoreFault> {
    let mut statement = connection.prepare("SELECT name FROM declared").or_fault()?;
    let names = statement.query_map([], |row| row.get::<_, String>(0)).or_fault()?;
    for name in names {
        if has_row(connection, &name.or_fault()?)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_row(connection: &Connection, table: &str) -> Result<bool, StoreFault> {
    let text = format!("SELECT EXISTS (SELECT 1 FROM {table})");
    connection.query_row(&text, [], |row| row.get(0)).or_fault()
}

/// Empty: no log has an entry and no kind has a document, but those that the program itself writes.
pub(super) fn is_empty(connection: &Connection, declarations: &Declarations) -> Result<bool, StoreFault> {
    let owned = declarations.ordered_kinds.iter().filter(|plan| !declarations.unowned.contains(&plan.kind.name));
    let logs = declarations.ordered_logs.iter().filter(|plan| !declarations.unowned_logs.contains(&plan.log.name));
    let tables = owned.map(|plan| &plan.table).chain(logs.map(|plan| &plan.table));
    for table in tables {
        if has_row(connection, &table.name)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn keep_copy(connection: &Connection, file: &Path, now: Timestamp) -> Result<PathBuf, StoreFault> {
    let folder = file.parent().unwrap_or_else(|| Path::new(".")).join("backups");
    let kept = before::next(&folder, migrations::newest(), now)?;
    copy(connection, &kept)?;
    Ok(kept)
}

/// Puts a copy in place of a store that nobody has open. What was there is kept beside the copies first.
pub(super) fn put_in_place(file: &Path, copied: &Path, now: Timestamp) -> Result<PathBuf, StoreFault> {
    let part = beside(file, ".part");
    let source = open::copy_source(copied)?;
    refuse_foreign(&source)?;
    refuse_programs(&source)?;
    if migrations::present(&source)? == 0 {
        return Err(StoreFault::Unavailable(format!("{} is not a copy of a store", copied.display())));
    }
    copy_into(&source, &part)?;
    let current = open::looked_at(file)?;
    let moment = now.to_string().replace([':', '.'], "");
    let kept = copied.with_file_name(format!("left-{moment}.db"));
    copy(&current, &kept)?;
    // What is in its log goes with the store that it belongs to.
    current.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).or_fault()?;
    drop(current);
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(beside(file, ending));
    }
    std::fs::rename(&part, file).map_err(|error| StoreFault::of_file("the copy", &error))?;
    sync_folder(file)?;
    Ok(kept)
}

/// Copies everything that a connection sees into a new file, and checks the copy. The copy appears under its name only
/// when it is whole.
pub(super) fn copy(connection: &Connection, file: &Path) -> Result<(), StoreFault> {
    if file.exists() {
        return Err(StoreFault::Unavailable(format!("{} is there already", file.display())));
    }
    let part = beside(file, ".part");
    let copied = copy_into(connection, &part).and_then(|()| {
        std::fs::rename(&part, file).map_err(|error| StoreFault::of_file("the copy", &error))?;
        sync_folder(file)
    });
    if copied.is_err() {
        remove_with_companions(&part);
    }
    copied
}

pub(super) fn copy_into(connection: &Connection, part: &Path) -> Result<(), StoreFault> {
    remove_with_companions(part);
    let mut target = open::copy_target(part)?;
    // One snapshot for all steps: writers go on meanwhile, and none of their commits makes the copy start again.
    let snapshot = connection.unchecked_transaction().or_fault()?;
    snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).or_fault()?;
    transfer(&snapshot, &mut target)?;
    drop(snapshot);
    // A copy is one file, without the companions of a running database.
    target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).or_fault()?;
    check(&target)
}

fn transfer(source: &Connection, target: &mut Connection) -> Result<(), StoreFault> {
    let backup = Backup::new(source, target).or_fault()?;
    loop {
        match backup.step(PAGES).or_fault()? {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => return Err(StoreFault::Unavailable("the database is busy".to_owned())),
        }
    }
}

pub(super) fn check(connection: &Connection) -> Result<(), StoreFault> {
    let found: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).or_fault()?;
    if found == "ok" { Ok(()) } else { Err(misuse(format!("the copy is damaged: {found}"))) }
}

/// Replaces everything by a copy. The copy is checked and brought up to this program in a file of its own first, so that
/// nothing is touched until it is known to be good; then the content changes in one transaction.
pub(super) fn restore(
    connection: &mut Connection,
    file: &Path,
    source: &Path,
    declarations: &Declarations,
    now: Timestamp,
) -> Result<(), StoreFault> {
    if !is_empty(connection, declarations)? {
        return Err(StoreFault::Unavailable("only an empty store takes in a copy".to_owned()));
    }
    let scratch = beside(file, ".restoring");
    let restored = restore_over(connection, &scratch, source, declarations, now);
    remove_with_companions(&scratch);
    restored
}

fn restore_over(
    connection: &mut Connection,
    scratch: &Path,
    source: &Path,
    declarations: &Declarations,
    now: Timestamp,
) -> Result<(), StoreFault> {
    let ready = checked(scratch, source, declarations, now)?;
    connection.flush_prepared_statement_cache();
    transfer(&ready, connection)
}

/// A copy in a file of its own, checked and brought up to this program.
pub(super) fn checked(
    scratch: &Path,
    source: &Path,
    declarations: &Declarations,
    now: Timestamp,
) -> Result<Connection, StoreFault> {
    copy_into(&open::copy_source(source)?, scratch)?;
    let mut ready = open::copy_target(scratch)?;
    if migrations::present(&ready)? == 0 {
        return Err(StoreFault::Unavailable(format!("{} is not a copy of a store", source.display())));
    }
    refuse_foreign(&ready)?;
    refuse_programs(&ready)?;
    let changes = schema::changes(&ready, declarations)?;
    apply(&mut ready, &changes, now)?;
    Ok(ready)
}

/// The file of the same name with an ending.
pub(super) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Removes a file of our own making. A journal left by a run that was killed would be played into the next file of its name.
pub(super) fn remove_with_companions(file: &Path) {
    for ending in ["", "-journal", "-wal", "-shm"] {
        // Most of them are not there.
        let _ = std::fs::remove_file(beside(file, ending));
    }
}

/// Makes a new name in a folder durable.
pub(super) fn sync_folder(file: &Path) -> Result<(), StoreFault> {
    let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| StoreFault::of_file("the folder of the copy", &error))
}

/// Bytes on disk: the database and its write-ahead log.
pub(super) fn size(file: &Path) -> u64 {
    let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
    bytes(file) + bytes(&beside(file, "-wal"))
}

/// Free bytes on the disk of a file that the program may use, where the system tells.
pub(super) fn free(file: &Path) -> Option<u64> {
    #[cfg(unix)]
    return rustix::fs::statvfs(file).ok().map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    #[cfg(not(unix))]
    None
}
