//! The store: records, logs and queue behind one commit. A batch is all or nothing, and committed means on disk.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::broadcast;
use uuid::Uuid;

use super::logs::{Log, Logs};
use super::queue::{Job, Queue};
use super::records::{Kind, Records, Visibility};
use crate::kernel::id::TenantId;
use crate::kernel::time::Timestamp;

/// Everything that one call writes for one tenant.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The tenant that every step belongs to.
    pub tenant: TenantId,
    /// When it is written: the times of records and entries.
    pub at: Timestamp,
    /// What to write, in order.
    pub steps: Vec<Step>,
}

/// One write or one precondition.
#[derive(Debug, Clone)]
pub enum Step {
    /// Writes a document.
    Put(Put),
    /// Removes a document; its full text and fields go with it, its kept versions too.
    Remove {
        /// The kind.
        kind: &'static Kind,
        /// The document.
        id: Uuid,
        /// What must be true.
        expect: Expect,
    },
    /// Writes nothing and demands that this is true when the batch commits.
    Check {
        /// The kind.
        kind: &'static Kind,
        /// The document.
        id: Uuid,
        /// What must be true.
        expect: Expect,
    },
    /// Appends to a log.
    Append {
        /// The log.
        log: &'static Log,
        /// The stream within it, empty where it has none.
        stream: String,
        /// The entry.
        body: Value,
    },
    /// Removes entries of a log, of the batch's tenant: retention that a domain looks after itself, together with what it keeps
    /// in their place. A log is trimmed by this or by `Logs::trim`, not by both.
    Cut {
        /// The log.
        log: &'static Log,
        /// Where the entries are. One that is not there is no fault.
        positions: Vec<i64>,
    },
    /// Adds to a counter, atomically.
    Count {
        /// The counter's name.
        name: &'static str,
        /// Which one of that name.
        key: String,
        /// How much to add.
        by: i64,
        /// The whole batch fails when the sum would be above this.
        at_most: Option<i64>,
    },
    /// Puts a job into a queue.
    Enqueue(Job),
    /// Puts a job into its queue in the hands of whoever writes this (`Lease::at_once`): what goes on at once is leased in the commit
    /// that brings it about. Where its holder goes away, others take it up when the lease ends.
    Hold {
        /// The job.
        job: Job,
        /// When the lease ends.
        until: Timestamp,
    },
    /// A job of the batch's tenant is done and goes, together with what it was to bring about: nothing of the batch is written
    /// when its lease was lost, so that no job is committed twice.
    Finish {
        /// The queue.
        queue: &'static str,
        /// The job.
        id: Uuid,
        /// The lease's fence.
        token: i64,
    },
}

/// A document to write.
#[derive(Debug, Clone)]
pub struct Put {
    /// The kind.
    pub kind: &'static Kind,
    /// The document's id.
    pub id: Uuid,
    /// What must be true.
    pub expect: Expect,
    /// Who owns it.
    pub owner: Option<Uuid>,
    /// The workspace that it belongs to.
    pub workspace: Option<Uuid>,
    /// Who else may see it.
    pub visibility: Visibility,
    /// The document: a JSON object.
    pub body: Value,
}

/// What must be true of a document when the batch commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Nothing.
    Anything,
    /// It is not there.
    Absent,
    /// It is there, in whatever revision.
    Present,
    /// It has this revision.
    Revision(i64),
}

/// Why a batch was not committed. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// The document has another revision, or is there or not there against expectation.
    Changed {
        /// The kind's name.
        kind: &'static str,
        /// The document.
        id: Uuid,
    },
    /// Another document has the same unique values.
    Taken {
        /// The kind's name.
        kind: &'static str,
        /// The rule's name.
        rule: &'static str,
    },
    /// A counter would pass its bound.
    Bound {
        /// The counter's name.
        name: &'static str,
        /// Which one of that name.
        key: String,
    },
}

/// What went wrong in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreFault {
    /// A precondition did not hold.
    Conflict(Conflict),
    /// A document is larger than its kind may be.
    TooLarge {
        /// The kind.
        kind: &'static str,
        /// The most bytes.
        most: usize,
    },
    /// No room left.
    Full,
    /// A read would look at more than one read may. Nothing is wrong with the store: the question must be narrower.
    TooMuch,
    /// The store cannot be reached or is closing.
    Unavailable(String),
    /// Anything else: the text is for the log.
    Broken(String),
}

impl StoreFault {
    /// The fault for an error of the file system: a full disk is told from what cannot be reached.
    #[must_use]
    pub fn of_file(what: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Unavailable(format!("{what}: {error}")),
        }
    }
}

impl fmt::Display for StoreFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict(conflict) => write!(formatter, "conflict: {conflict:?}"),
            Self::TooLarge { kind, most } => {
                write!(formatter, "a document of kind '{kind}' is larger than {most} bytes")
            }
            Self::Full => formatter.write_str("no room left in the store"),
            Self::TooMuch => formatter.write_str("the read would look at more than one read may"),
            Self::Unavailable(why) => write!(formatter, "the store is unavailable: {why}"),
            Self::Broken(why) => write!(formatter, "the store failed: {why}"),
        }
    }
}

impl std::error::Error for StoreFault {}

/// How a store is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreHealth {
    /// The backend's name and version.
    pub backend: String,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// The schema's number: the last migration that was run.
    pub schema: u32,
    /// Commits that wait to be written.
    pub waiting: usize,
    /// What keeps it from writing: why the last commit failed, while nothing has shown that the next one will not.
    pub failed: Option<StoreFault>,
    /// Free bytes where it lies, where that is known.
    pub free_bytes: Option<u64>,
}

/// What another instance on the same store tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// What callers of a tenant may do has changed: of one user, or of all.
    Authority {
        /// The tenant.
        tenant: TenantId,
        /// The user.
        user: Option<Uuid>,
    },
    /// The keys were destroyed that sealed what is said of a data subject.
    Erased {
        /// The tenant.
        tenant: TenantId,
        /// The data subject.
        subject: Uuid,
    },
    /// What is remembered of a tenant's documents may be stale: one of a kind was changed that instances remember.
    Changed {
        /// The tenant.
        tenant: TenantId,
    },
    /// A log that instances follow has grown.
    Appended {
        /// Its name.
        log: String,
    },
    /// Calls that were counted there, in a form that only the limiter knows.
    Counted(String),
    /// Words may have been lost, or everything is another: whatever is kept in memory may be stale.
    Everything,
}

/// The most bytes of text that a word may have.
pub const LONGEST_WORD: usize = 7000;

/// As long as this lives, a store takes no commits.
pub type Frozen = Box<dyn std::any::Any + Send + Sync>;

/// A migration of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// When it was run, `None` while it is pending.
    pub applied_at: Option<Timestamp>,
}

/// Records, logs and queue, written together.
#[async_trait]
pub trait Store: Records + Logs + Queue {
    /// Writes all batches or none of them; returns when they are on disk. Answers the revisions of the documents put, in
    /// order over all batches.
    async fn commit(&self, batches: Vec<Batch>) -> Result<Vec<i64>, StoreFault>;

    /// How it is doing; a fault when it cannot read. Where the last commit failed it tries whether it can write again.
    async fn health(&self) -> Result<StoreHealth, StoreFault>;

    /// All migrations, by number.
    async fn migrations(&self) -> Result<Vec<Migration>, StoreFault>;

    /// A consistent copy of everything into a file, while running. The file must not exist.
    async fn copy_to(&self, file: &Path) -> Result<(), StoreFault>;

    /// Whether no tenant has written anything: only then can a backup be restored over it.
    async fn is_empty(&self) -> Result<bool, StoreFault>;

    /// Refuses every commit, and all else that writes but `restore_from`, until what it answers is dropped. When it returns,
    /// what was acknowledged before is on disk and nothing more comes.
    async fn freeze(&self) -> Result<Frozen, StoreFault>;

    /// Hears what other instances on the same store tell; `None` where there can be no other.
    fn words(&self) -> Option<broadcast::Receiver<Word>> {
        None
    }

    /// Tells other instances on the same store. Those who do not listen now hear that words may have been lost.
    async fn tell(&self, _word: Word) -> Result<(), StoreFault> {
        Ok(())
    }

    /// The number of this instance among those on the same store, anew at each opening; `None` where there can be no other.
    fn instance(&self) -> Option<i32> {
        None
    }

    /// Whether the instance of a number has the store open.
    async fn is_open_by(&self, instance: i32) -> Result<bool, StoreFault> {
        Ok(self.instance() == Some(instance))
    }

    /// Finishes what waits to be written and ends: every later call is told so.
    async fn end(self: Arc<Self>);

    /// Replaces everything by a copy that `copy_to` made, after checking it; documents of older forms are lifted.
    async fn restore_from(&self, file: &Path) -> Result<(), StoreFault>;
}
