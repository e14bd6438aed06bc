//! What SQLite's errors mean to a caller of the store.

use rusqlite::ffi;

use crate::port::store::StoreFault;

/// The store's fault for an error of SQLite.
pub(super) fn store_fault(error: &rusqlite::Error) -> StoreFault {
    use rusqlite::ErrorCode;
    match error.sqlite_error() {
        Some(sqlite) if sqlite.code == ErrorCode::DiskFull => StoreFault::Full,
        // The shared-memory file grows only with room on the disk.
        Some(sqlite) if sqlite.extended_code == ffi::SQLITE_IOERR_SHMSIZE => StoreFault::Full,
        Some(sqlite)
            if matches!(sqlite.code, ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen) =>
        {
            StoreFault::Unavailable(format!("SQLite: {error}"))
        }
        _ => StoreFault::Broken(format!("SQLite: {error}")),
    }
}

/// The columns that SQLite names when a unique index refuses a row, as `table.column, table.column`.
pub(super) fn refused_columns(error: &rusqlite::Error) -> Option<&str> {
    match error {
        rusqlite::Error::SqliteFailure(code, Some(message))
            if code.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE
                || code.extended_code == ffi::SQLITE_CONSTRAINT_PRIMARYKEY =>
        {
            message.strip_prefix("UNIQUE constraint failed: ")
        }
        _ => None,
    }
}

/// A fault of the program that calls the store.
pub(super) fn misuse(text: impl Into<String>) -> StoreFault {
    StoreFault::Broken(text.into())
}

/// The answer to whoever comes after the end.
pub(super) fn closing() -> StoreFault {
    StoreFault::Unavailable("the store is closing".to_owned())
}

/// Turns results of SQLite into results of the store.
pub(super) trait OrFault<T> {
    /// The value, or the store's fault.
    fn or_fault(self) -> Result<T, StoreFault>;
}

impl<T> OrFault<T> for rusqlite::Result<T> {
    fn or_fault(self) -> Result<T, StoreFault> {
        self.map_err(|error| store_fault(&error))
    }
}
