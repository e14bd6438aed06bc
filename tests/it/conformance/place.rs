//! Where a store lives, as the cases see it: opened with declarations, closed, opened again. An implementation gives one
//! `Place`, and every case runs in a place of its own.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use convoke::adapter::sqlite::{SqliteConfig, SqliteStore};
use convoke::kernel::clock::ManualClock;
use convoke::kernel::time::Timestamp;
use convoke::port::logs::Log;
use convoke::port::records::Kind;
use convoke::port::store::{Store, StoreFault};

/// What a program declares.
#[derive(Clone, Default)]
pub(crate) struct Declared {
    pub(crate) kinds: Vec<&'static Kind>,
    pub(crate) logs: Vec<&'static Log>,
    pub(crate) unowned: Vec<&'static Kind>,
}

/// A place where one store lives.
#[async_trait]
pub(crate) trait Place: Send + Sync {
    /// Opens the store. The store opened before must be gone: nothing of it is shared but what is on disk.
    async fn open(&self, declared: Declared) -> Result<Arc<dyn Store>, StoreFault>;

    /// A new place of the same implementation, empty.
    fn another(&self) -> Box<dyn Place>;

    /// A folder for files of the test.
    fn folder(&self) -> &Path;
}

/// The moment at which the clock of every place stands.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_763_640_000_000);

/// A SQLite file in a folder of its own.
pub(crate) struct SqlitePlace {
    folder: tempfile::TempDir,
}

impl SqlitePlace {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn config(&self, declared: Declared) -> SqliteConfig {
        let clock = Arc::new(ManualClock::at(NOW));
        let mut config = SqliteConfig::new(self.folder.path().join("convoke.db"), declared.kinds, declared.logs, clock);
        config.unowned = declared.unowned;
        config
    }
}

#[async_trait]
impl Place for SqlitePlace {
    async fn open(&self, declared: Declared) -> Result<Arc<dyn Store>, StoreFault> {
        SqliteStore::open(self.config(declared)).map(|store| store as Arc<dyn Store>)
    }

    fn another(&self) -> Box<dyn Place> {
        Box::new(Self::new())
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }
}
