//! The embedded store on SQLite: records, logs and queue in one file. One thread writes and groups commits, a pool of
//! connections reads. Tables are made from declarations (docs/decisions/0002-tables-from-declarations.md).

mod ahead;
mod append_only;
mod batch;
mod copies;
mod fault;
mod logs;
mod migrations;
mod open;
mod plan;
mod pressure;
mod queue;
mod ranking;
mod reader;
mod records;
mod schema;
mod sql;
mod tally;
mod text;
mod upkeep;
mod value;
mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use self::ahead::Ahead;
pub use self::copies::SqliteCopies;
use self::fault::misuse;
use self::plan::{KindPlan, LogPlan};
use self::pressure::Pressure;
use self::reader::Readers;
use self::tally::Tallies;
use self::writer::Writer;
use crate::adapter::turns::Turns;
use crate::kernel::clock::Clock;
use crate::kernel::time::Timestamp;
use crate::port::logs::Log;
use crate::port::records::{Kind, Scope};
use crate::port::store::{Batch, Frozen, Migration, Store, StoreFault, StoreHealth};

/// A disk with less room than a few commits take is full.
const LEAST_ROOM: u64 = 64 << 10;

/// How to open a store.
#[derive(Clone)]
pub struct SqliteConfig {
    /// The database file. Its folder must be there.
    pub file: PathBuf,
    /// Every kind of document that the program writes.
    pub kinds: Vec<&'static Kind>,
    /// Every log that the program writes.
    pub logs: Vec<&'static Log>,
    /// Kinds whose documents the program writes by itself at a first start: they do not make a store count as used.
    pub unowned: Vec<&'static Kind>,
    /// Logs whose entries do not make a store count as used.
    pub unowned_logs: Vec<&'static Log>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Reads that run at the same time, point reads aside.
    pub readers: usize,
    /// Steps of SQLite's machine that a read within a tenant may take: some tens of a millisecond's work each million.
    pub read_steps: u64,
    /// The write-ahead log is taken in above so many bytes, if need be by making readers wait and long reads end.
    pub log_bytes: u64,
    /// The largest size of the database in pages of 4 KiB, `None` for as much as the disk has.
    pub max_pages: Option<u32>,
}

impl SqliteConfig {
    /// A store on a file, with nothing limited.
    #[must_use]
    pub fn new(file: PathBuf, kinds: Vec<&'static Kind>, logs: Vec<&'static Log>, clock: Arc<dyn Clock>) -> Self {
        Self {
            file,
            kinds,
            logs,
            unowned: Vec::new(),
            unowned_logs: Vec::new(),
            clock,
            readers: 8,
            read_steps: 30_000_000,
            log_bytes: 64 << 20,
            max_pages: None,
        }
    }
}

/// What a database holds, beside what this program would make of it.
#[derive(Debug, Default)]
pub struct Inspection {
    /// The schema's number, 0 where there is no database yet.
    pub schema: u32,
    /// All migrations, by number; none where there is no database yet.
    pub migrations: Vec<Migration>,
    /// What would become of the tables of kinds and logs, in words.
    pub changes: Vec<String>,
}

/// A store in one SQLite file.
pub struct SqliteStore {
    file: PathBuf,
    clock: Arc<dyn Clock>,
    declarations: Arc<Declarations>,
    readers: Arc<Readers>,
    writer: Writer,
    pressure: Arc<Pressure>,
    tallies: Tallies,
    turns: Turns,
}

impl SqliteStore {
    /// Opens the file, brings its schema up to this program and starts the writing thread. Blocks: a start does it once.
    pub fn open(config: SqliteConfig) -> Result<Arc<Self>, StoreFault> {
        let declarations = Arc::new(Declarations::of(&config)?);
        let mut connection = open::writer(&config.file, config.max_pages)?;
        upkeep::bring_up(&mut connection, &config.file, &declarations, config.clock.now())?;
        let pressure = Arc::new(Pressure::default());
        let readers = Readers::new(config.file.clone(), config.readers.max(1), config.read_steps, pressure.clone());
        let ahead = Ahead::new(&config.file, config.log_bytes, pressure.clone());
        Ok(Arc::new(Self {
            readers: Arc::new(readers),
            writer: Writer::start(connection, ahead)?,
            pressure,
            tallies: Tallies::default(),
            turns: Turns::default(),
            file: config.file,
            clock: config.clock,
            declarations,
        }))
    }

    /// What opening the file with this program would change, without changing anything.
    ///
    /// # Errors
    /// When it is not a store of this program or one of a newer version.
    pub fn inspect(config: &SqliteConfig) -> Result<Inspection, StoreFault> {
        let declarations = Declarations::of(config)?;
        if !config.file.exists() {
            return Ok(Inspection::default());
        }
        let connection = open::looked_at(&config.file)?;
        upkeep::refuse_foreign(&connection)?;
        let schema = migrations::present(&connection)?;
        let migrations = if schema == 0 { Vec::new() } else { migrations::list(&connection)? };
        let changes = schema::changes(&connection, &declarations)?;
        Ok(Inspection { schema, migrations, changes: changes.iter().map(schema::Change::described).collect() })
    }

    /// Puts a copy in place of a store that nobody has open, as it is: not brought up to this program. What was there before
    /// is kept beside the copies; answers where.
    ///
    /// # Errors
    /// When the copy is none or damaged; nothing is changed then.
    pub fn put_in_place(file: &Path, copy: &Path, now: Timestamp) -> Result<PathBuf, StoreFault> {
        upkeep::put_in_place(file, copy, now)
    }

    /// Finishes what waits to be written and closes the file; every later call answers that the store is closing.
    pub fn close(&self) {
        self.readers.close();
        self.writer.stop();
    }

    /// Reads that run, or hold a place to run, beside the point reads.
    #[must_use]
    pub fn reads_under_way(&self) -> usize {
        self.readers.under_way()
    }

    /// What keeps the store from writing, as far as the last commit tells.
    #[must_use]
    pub fn failed(&self) -> Option<StoreFault> {
        self.writer.failed()
    }

    /// How the writing connection makes commits durable: its journal's mode, and how it syncs (2 is every commit).
    ///
    /// # Errors
    /// When the store is closing.
    pub async fn durability(&self) -> Result<(String, i64), StoreFault> {
        self.writer.alone(|connection| open::durability(connection)).await
    }

    /// Changes the bound of the database's size.
    pub async fn limit_pages(&self, max_pages: Option<u32>) -> Result<(), StoreFault> {
        self.writer.alone(move |connection| open::limit(connection, max_pages)).await
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, batches: Vec<Batch>) -> Result<Vec<i64>, StoreFault> {
        let prepared = batch::prepare(&self.declarations, batches)?;
        self.writer.write(move |connection| prepared.write(connection)).await
    }

    async fn health(&self) -> Result<StoreHealth, StoreFault> {
        let schema = self.readers.inline(migrations::present)?;
        let free_bytes = upkeep::free(&self.file);
        // What is written to find out fits into room that the log has already: it says nothing where the disk has none.
        let failed = if free_bytes.is_some_and(|free| free < LEAST_ROOM) {
            Some(StoreFault::Full)
        } else {
            if self.writer.failed().is_some() {
                self.writer.probe().await;
            }
            self.writer.failed()
        };
        Ok(StoreHealth {
            backend: format!("SQLite {}", rusqlite::version()),
            size_bytes: upkeep::size(&self.file),
            schema,
            waiting: self.writer.waiting(),
            failed,
            free_bytes,
        })
    }

    async fn migrations(&self) -> Result<Vec<Migration>, StoreFault> {
        self.readers.run(Scope::Platform, migrations::list).await
    }

    async fn copy_to(&self, file: &Path) -> Result<(), StoreFault> {
        let file = file.to_owned();
        let pressure = Arc::clone(&self.pressure);
        self.readers
            .run(Scope::Platform, move |connection| {
                let _snapshot = pressure.snapshot();
                upkeep::copy(connection, &file)
            })
            .await
    }

    async fn is_empty(&self) -> Result<bool, StoreFault> {
        let declarations = Arc::clone(&self.declarations);
        self.readers.run(Scope::Platform, move |connection| upkeep::is_empty(connection, &declarations)).await
    }

    async fn freeze(&self) -> Result<Frozen, StoreFault> {
        self.writer.freeze().await
    }

    async fn end(self: Arc<Self>) {
        // Closing waits for the writing thread: not on a thread that others wait for.
        let _ = tokio::task::spawn_blocking(move || self.close()).await;
    }

    async fn restore_from(&self, file: &Path) -> Result<(), StoreFault> {
        let declarations = Arc::clone(&self.declarations);
        let (source, target, now) = (file.to_owned(), self.file.clone(), self.clock.now());
        self.writer.alone(move |connection| upkeep::restore(connection, &target, &source, &declarations, now)).await?;
        self.readers.clear();
        self.tallies.forget();
        Ok(())
    }
}

/// The plans of everything that is declared.
#[derive(Debug)]
struct Declarations {
    kinds: HashMap<&'static str, Arc<KindPlan>>,
    logs: HashMap<&'static str, Arc<LogPlan>>,
    /// In the order of the configuration, for what goes through all.
    ordered_kinds: Vec<Arc<KindPlan>>,
    ordered_logs: Vec<Arc<LogPlan>>,
    /// Kinds and logs that do not make a store count as used.
    unowned: Vec<&'static str>,
    unowned_logs: Vec<&'static str>,
}

impl Declarations {
    fn of(config: &SqliteConfig) -> Result<Self, StoreFault> {
        let ordered_kinds =
            config.kinds.iter().map(|kind| KindPlan::of(kind).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        let ordered_logs =
            config.logs.iter().map(|log| LogPlan::of(log).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
        let kinds: HashMap<_, _> = ordered_kinds.iter().map(|plan| (plan.kind.name, Arc::clone(plan))).collect();
        let logs: HashMap<_, _> = ordered_logs.iter().map(|plan| (plan.log.name, Arc::clone(plan))).collect();
        if kinds.len() != ordered_kinds.len() || logs.len() != ordered_logs.len() {
            return Err(misuse("two kinds or two logs have the same name"));
        }
        let unowned = config.unowned.iter().map(|kind| kind.name).collect();
        let unowned_logs = config.unowned_logs.iter().map(|log| log.name).collect();
        Ok(Self { kinds, logs, ordered_kinds, ordered_logs, unowned, unowned_logs })
    }

    fn kind(&self, kind: &'static Kind) -> Result<Arc<KindPlan>, StoreFault> {
        self.kinds
            .get(kind.name)
            .cloned()
            .ok_or_else(|| misuse(format!("kind '{}' is not declared to this store", kind.name)))
    }

    fn log(&self, log: &'static Log) -> Result<Arc<LogPlan>, StoreFault> {
        self.logs
            .get(log.name)
            .cloned()
            .ok_or_else(|| misuse(format!("log '{}' is not declared to this store", log.name)))
    }
}
