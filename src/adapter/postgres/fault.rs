//! What the server's errors mean to a caller of the store.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

pub(super) use crate::adapter::forms::{closing, misuse};
use crate::port::store::StoreFault;

/// The store's fault for an error of the server or of the way to it.
pub(super) fn store_fault(error: &Error) -> StoreFault {
    let Some(code) = error.code() else { return StoreFault::Unavailable(format!("PostgreSQL: {}", told(error))) };
    let class = code.code().get(..2).unwrap_or_default();
    if *code == SqlState::DISK_FULL {
        StoreFault::Full
    } else if *code == SqlState::QUERY_CANCELED {
        StoreFault::TooMuch
    } else if ["08", "53", "57", "28", "3D", "25"].contains(&class)
        || *code == SqlState::LOCK_NOT_AVAILABLE
        || undone(error)
    {
        StoreFault::Unavailable(format!("PostgreSQL: {}", told(error)))
    } else {
        StoreFault::Broken(format!("PostgreSQL: {}", told(error)))
    }
}

/// Whether the connection is gone or going: whatever was asked may be asked again on another.
pub(super) fn is_lost(error: &Error) -> bool {
    match error.code() {
        None => true,
        Some(code) => {
            [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN, SqlState::CANNOT_CONNECT_NOW].contains(code)
                || code.code().starts_with("08")
        }
    }
}

/// Whether the server undid a transaction for the sake of another one: it can be made again.
pub(super) fn undone(error: &Error) -> bool {
    error
        .code()
        .is_some_and(|code| [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE].contains(code))
}

/// Whether an error only says that one before it ended the transaction.
pub(super) fn follows_another(error: &Error) -> bool {
    error.code() == Some(&SqlState::IN_FAILED_SQL_TRANSACTION)
}

/// The index that refused a row.
pub(super) fn refusing_index(error: &Error) -> Option<&str> {
    let database = error.as_db_error()?;
    (*database.code() == SqlState::UNIQUE_VIOLATION).then(|| database.constraint()).flatten()
}

/// An error with its causes; values of rows, which the server tells as details, are left out.
pub(super) fn told(error: &Error) -> String {
    if let Some(database) = error.as_db_error() {
        return format!("{} ({})", database.message(), database.code().code());
    }
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(one) = cause {
        said.push_str(": ");
        said.push_str(&one.to_string());
        cause = one.source();
    }
    said
}

/// Turns results of the server into results of the store.
pub(super) trait OrFault<T> {
    /// The value, or the store's fault.
    fn or_fault(self) -> Result<T, StoreFault>;
}

impl<T> OrFault<T> for Result<T, Error> {
    fn or_fault(self) -> Result<T, StoreFault> {
        self.map_err(|error| store_fault(&error))
    }
}
