//! Where a store lives, as the cases see it: opened with declarations, closed, opened again. An implementation gives one
//! `Place`, and every case runs in a place of its own.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use convoke::adapter::postgres::{PostgresConfig, PostgresStore};
use convoke::adapter::sqlite::{SqliteConfig, SqliteCopies, SqliteStore};
use convoke::kernel::clock::ManualClock;
use convoke::kernel::time::Timestamp;
use convoke::port::logs::Log;
use convoke::port::records::Kind;
use convoke::port::store::{Store, StoreFault};

use crate::support::servers::Database;

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

/// A database of its own on the server that the environment names.
pub(crate) struct PostgresPlace {
    folder: tempfile::TempDir,
    pub(crate) database: Database,
}

impl PostgresPlace {
    /// A new one, `None` where there is no server.
    pub(crate) fn find() -> Option<Self> {
        Some(Self { folder: tempfile::tempdir().unwrap(), database: Database::find()? })
    }

    pub(crate) async fn config(&self, declared: Declared) -> PostgresConfig {
        let clock = Arc::new(ManualClock::at(NOW));
        let file = self.folder.path().join("nothing.db");
        let copies = SqliteConfig::new(file, declared.kinds.clone(), declared.logs.clone(), clock.clone());
        PostgresConfig {
            address: self.database.address().await,
            kinds: declared.kinds,
            logs: declared.logs,
            unowned: declared.unowned,
            unowned_logs: Vec::new(),
            clock,
            readers: 6,
            writers: 3,
            copies: Arc::new(SqliteCopies::new(&copies).unwrap()),
            before: None,
        }
    }
}

#[async_trait]
impl Place for PostgresPlace {
    async fn open(&self, declared: Declared) -> Result<Arc<dyn Store>, StoreFault> {
        PostgresStore::open(self.config(declared).await).await.map(|store| store as Arc<dyn Store>)
    }

    fn another(&self) -> Box<dyn Place> {
        Box::new(Self::find().expect("a server that was there before"))
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }
}
