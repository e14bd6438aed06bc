//! The write-ahead log, kept small. SQLite takes it in by itself as far as no reader needs it, and begins it again only at a
//! moment when nobody reads from it; where reads overlap without end that moment never comes and the log grows without bound.
//! Above a size the writer therefore waits for it between two commits, the longer the larger the log, in the end so long that
//! every read has ended: new ones need the log no more, long ones are told to end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::open::PATIENCE;
use super::pressure::Pressure;
use super::upkeep::beside;

/// How long the writer waits for readers while the log is not yet far too large.
const SHORT_WAIT: Duration = Duration::from_millis(50);
/// How long when it is: longer than two reads that were told to end take.
const LONG_WAIT: Duration = Duration::from_secs(2);

/// Keeps the log small.
#[derive(Debug)]
pub(super) struct Ahead {
    file: PathBuf,
    bound: u64,
    /// The size at which it is tried next.
    next: u64,
    pressure: Arc<Pressure>,
}

impl Ahead {
    /// Of a database's file, above so many bytes.
    pub(super) fn new(database: &Path, bound: u64, pressure: Arc<Pressure>) -> Self {
        Self { file: beside(database, "-wal"), bound, next: bound, pressure }
    }

    /// Takes the log in when it is too large. Comes after each commit; what it costs is one look at the file's size.
    pub(super) fn take_in(&mut self, connection: &Connection) {
        let size = self.size();
        // While a copy is made all of it must stay, however long that takes.
        if size < self.next || self.pressure.is_copied() {
            return;
        }
        let urgent = size >= self.bound.saturating_mul(4);
        self.pressure.hurry(urgent);
        let wait = if urgent { LONG_WAIT } else { SHORT_WAIT };
        let tried = connection
            .busy_timeout(wait)
            .and_then(|()| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)));
        let reset = connection.busy_timeout(PATIENCE);
        self.pressure.hurry(false);
        if let Err(error) = tried.and(reset) {
            // A full disk can do it. The log is kept, and the next commit tells whoever waits.
            tracing::debug!(%error, "the write-ahead log could not be taken in");
        }
        // Where it did not help, it is tried again when the log has grown by as much as makes the wait small beside the writing.
        let left = self.size();
        self.next = if left < self.bound { self.bound } else { left.saturating_add(self.bound / 4) };
    }

    fn size(&self) -> u64 {
        std::fs::metadata(&self.file).map_or(0, |found| found.len())
    }
}
