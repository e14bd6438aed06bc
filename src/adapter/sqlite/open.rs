//! Opening: the settings of every connection, and the start of a store on its file.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::fault::OrFault as _;
use crate::port::store::StoreFault;

/// Marks a file as a store of this program ("CVKE").
pub(super) const APPLICATION: i32 = 0x4356_4b45;

/// Statements that a writer keeps prepared: those of every kind and log.
const STATEMENTS_WRITING: usize = 1024;

/// Statements that each reader keeps prepared: lists make ever new ones.
const STATEMENTS_READING: usize = 64;

/// The connection that writes, and makes the file when there is none. Committed means synced: WAL with full syncs.
pub(super) fn writer(file: &Path, max_pages: Option<u32>) -> Result<Connection, StoreFault> {
    make_private(file)?;
    let connection = connect(file)?;
    // A page that is written by commit after commit is taken over into the database once in 32 MiB of the log, not in 4.
    connection
        .execute_batch(
            "PRAGMA page_size = 4096;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA wal_autocheckpoint = 8000;
             PRAGMA journal_size_limit = 67108864;
             PRAGMA cache_size = -16384;",
        )
        .or_fault()?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_WRITING);
    limit(&connection, max_pages)?;
    Ok(connection)
}

/// Bounds the size of the database, or takes the bound away.
pub(super) fn limit(connection: &Connection, max_pages: Option<u32>) -> Result<(), StoreFault> {
    connection.pragma_update(None, "max_page_count", max_pages.unwrap_or(u32::MAX - 1)).or_fault()
}

/// How a connection makes commits durable.
pub(super) fn durability(connection: &Connection) -> Result<(String, i64), StoreFault> {
    let mode = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).or_fault()?;
    let synchronous = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).or_fault()?;
    Ok((mode, synchronous))
}

/// A connection that only reads.
pub(super) fn reader(file: &Path) -> Result<Connection, StoreFault> {
    let connection = connect(file)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -2048;").or_fault()?;
    Ok(connection)
}

/// A connection with the settings that all share.
pub(super) fn connect(file: &Path) -> Result<Connection, StoreFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).or_fault()?;
    connection.busy_timeout(PATIENCE).or_fault()?;
    connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA temp_store = MEMORY;").or_fault()?;
    // One plan for a statement, whatever is bound to it. Otherwise SQLite prepares every statement with a bound limit anew at
    // each use, which costs many times what a point read does.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).or_fault()?;
    harden(&connection)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_READING);
    Ok(connection)
}

/// A file may come from elsewhere: nothing that is written in it may do more than hold data.
fn harden(connection: &Connection) -> Result<(), StoreFault> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).or_fault()?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;").or_fault()
}

/// Makes the file, readable by its owner only, before SQLite does; its companions get the same mode.
fn make_private(file: &Path) -> Result<(), StoreFault> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(file)
        .map(drop)
        .map_err(|error| StoreFault::of_file(&format!("the database {}", file.display()), &error))
}

/// How long a statement waits for another process or a reader.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to a file that takes in a copy and is used by nobody else.
pub(super) fn copy_target(file: &Path) -> Result<Connection, StoreFault> {
    make_private(file)?;
    let connection = connect(file)?;
    connection.execute_batch("PRAGMA synchronous = FULL;").or_fault()?;
    Ok(connection)
}

/// A connection to a copy that is only read.
pub(super) fn copy_source(file: &Path) -> Result<Connection, StoreFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).or_fault()?;
    harden(&connection)?;
    Ok(connection)
}

/// A connection to a store that nobody has open, to look at it.
pub(super) fn looked_at(file: &Path) -> Result<Connection, StoreFault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).or_fault()?;
    harden(&connection)?;
    Ok(connection)
}
