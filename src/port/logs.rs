//! Logs: append-only, ordered by position, for what is written fast: audit, events, usage, journals, messages.
//! Each log is a table of its own with declared fields as indexed columns, a size cap and a retention.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::records::{Field, Filter, Scope};
use super::store::StoreFault;
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;

/// A log's declaration.
#[derive(Debug)]
pub struct Log {
    /// The table's name: `snake_case`, unique, never changed once released.
    pub name: &'static str,
    /// Top-level properties of an entry that can be filtered by. `stream` and `at` can be filtered by in every log.
    pub fields: &'static [Field],
    /// Full-text fields.
    pub text: &'static [&'static str],
    /// How much is kept unless the configuration says otherwise.
    pub keep: Keep,
    /// Whether instances follow it as it grows: where a store has several, the others are told in the commit that appends. Such
    /// commits queue behind each other, so it is only for a log that somebody waits at.
    pub followed: bool,
}

/// An entry counts as one for each so many bytes that its body has, begun ones included: a count bounds bytes, too.
pub const ENTRY_BYTES: u64 = 4096;

/// How much of a log is kept. What is older or beyond the count is removed from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// Entries older than this go.
    pub age: Duration,
    /// Of each tenant, entries beyond this many go, oldest first; a large one counts as many (`ENTRY_BYTES`).
    pub entries: u64,
}

/// An entry of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its place: grows with every entry of the log, over all tenants and streams; gaps are possible.
    pub position: i64,
    /// Its tenant.
    pub tenant: TenantId,
    /// The stream within the log, such as an execution's id; empty where a log has none.
    pub stream: String,
    /// When it was appended.
    pub at: Timestamp,
    /// What it says.
    pub body: Value,
}

/// An entry as the store keeps it: what it says is not read yet. For who compares many and reads few.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its place, as in `Entry`.
    pub position: i64,
    /// Its tenant.
    pub tenant: TenantId,
    /// The stream within the log.
    pub stream: String,
    /// When it was appended.
    pub at: Timestamp,
    /// What it says, in the very text that was appended.
    pub body: String,
}

/// Which entries of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogQuery {
    /// Only those that fit, by the log's fields, `stream` and `at`.
    pub filter: Filter,
    /// Only those beyond this position in the direction of reading.
    pub beyond: Option<i64>,
    /// Newest first.
    pub descending: bool,
    /// At most so many.
    pub limit: u32,
}

/// Which entries of a log, in the order of time: by when they were appended, then by position.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeQuery {
    /// Only those that fit, by the log's fields, `stream` and `at`.
    pub filter: Filter,
    /// Only those beyond the entry of this moment and position in the direction of reading.
    pub beyond: Option<(Timestamp, i64)>,
    /// Newest first.
    pub descending: bool,
    /// At most so many.
    pub limit: u32,
}

/// Reads and trims logs. Appending goes through `Store::commit`.
#[async_trait]
pub trait Logs: Send + Sync {
    /// Entries in order of position.
    async fn entries(&self, scope: Scope, log: &'static Log, query: LogQuery) -> Result<Vec<Entry>, StoreFault>;

    /// The same, unread.
    async fn kept(&self, scope: Scope, log: &'static Log, query: LogQuery) -> Result<Vec<Kept>, StoreFault>;

    /// Entries in order of time: a period is found at once, wherever in the log it lies, also together with one field that
    /// has a value.
    async fn entries_by_time(
        &self,
        scope: Scope,
        log: &'static Log,
        query: TimeQuery,
    ) -> Result<Vec<Entry>, StoreFault>;

    /// The position of the last entry that was ever written, also where that was trimmed away; 0 when there was none.
    async fn last(&self, log: &'static Log) -> Result<i64, StoreFault>;

    /// Removes what `keep` does not keep, at most `limit` entries a call; answers how many went.
    async fn trim(&self, log: &'static Log, keep: Keep, now: Timestamp, limit: u32) -> Result<u64, StoreFault>;
}
