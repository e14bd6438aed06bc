//! What SQLite's errors mean to a caller of the store.

use std::io;

use rusqlite::ffi;

pub(super) use crate::adapter::forms::{closing, misuse};
use crate::port::store::StoreFault;

/// The store's fault for an error of SQLite.
pub(super) fn store_fault(error: &rusqlite::Error) -> StoreFault {
    use rusqlite::ErrorCode;
    match error.sqlite_error() {
        Some(sqlite) if sqlite.code == ErrorCode::DiskFull => StoreFault::Full,
        // SQLite knows only of one way in which there is no room; a quota is told by the system alone.
        Some(sqlite) if is_writing(sqlite.extended_code) && is_quota(&io::Error::last_os_error()) => StoreFault::Full,
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

fn is_writing(code: i32) -> bool {
    matches!(code, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_TRUNCATE)
}

fn is_quota(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::QuotaExceeded | io::ErrorKind::StorageFull)
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_quota_that_is_used_up_is_a_full_disk() {
        const EDQUOT: i32 = 122;
        assert!(is_writing(ffi::SQLITE_IOERR_WRITE) && is_quota(&io::Error::from_raw_os_error(EDQUOT)));
        assert!(!is_quota(&io::Error::from_raw_os_error(5)), "an error of the disk is none of room");
        assert!(!is_writing(ffi::SQLITE_IOERR_READ));
    }
}
