//! The embedded store on SQLite: records, logs and queue in one file. One thread writes and groups commits, a pool of
//! connections reads. Tables are made from declarations (docs/decisions/0002-tables-from-declarations.md).

mod batch;
mod fault;
mod logs;
mod migrations;
mod open;
mod plan;
mod queue;
mod reader;
mod records;
mod schema;
mod sql;
mod text;
mod upkeep;
mod value;
mod writer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use self::fault::misuse;
use self::plan::{KindPlan, LogPlan};
use self::reader::Readers;
use self::writer::Writer;
use crate::kernel::clock::Clock;
use crate::port::logs::Log;
use crate::port::records::Kind;
use crate::port::store::{Batch, Migration, Store, StoreFault, StoreHealth};

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
    /// The largest size of the database in pages of 4 KiB, `None` for as much as the disk has.
    pub max_pages: Option<u32>,
}

impl SqliteConfig {
    /// A store on a file, with nothing limited.
    #[must_use]
    pub fn new(file: PathBuf, kinds: Vec<&'static Kind>, logs: Vec<&'static Log>, clock: Arc<dyn Clock>) -> Self {
        Self { file, kinds, logs, unowned: Vec::new(), unowned_logs: Vec::new(), clock, readers: 8, max_pages: None }
    }
}

/// A store in one SQLite file.
pub struct SqliteStore {
    file: PathBuf,
    clock: Arc<dyn Clock>,
    declarations: Arc<Declarations>,
    readers: Arc<Readers>,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the file, brings its schema up to this program and starts the writing thread. Blocks: a start does it once.
    pub fn open(config: SqliteConfig) -> Result<Arc<Self>, StoreFault> {
        let declarations = Arc::new(Declarations::of(&config)?);
        let mut connection = open::writer(&config.file, config.max_pages)?;
        upkeep::bring_up(&mut connection, &config.file, &declarations, config.clock.now())?;
        Ok(Arc::new(Self {
            readers: Arc::new(Readers::new(config.file.clone(), config.readers.max(1))),
            writer: Writer::start(connection)?,
            file: config.file,
            clock: config.clock,
            declarations,
        }))
    }

    /// Finishes what waits to be written and closes the file; every later call answers that the store is closing.
    pub fn close(&self) {
        self.readers.close();
        self.writer.stop();
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
        Ok(StoreHealth {
            backend: format!("SQLite {}", rusqlite::version()),
            size_bytes: upkeep::size(&self.file),
            schema,
            waiting: self.writer.waiting(),
        })
    }

    async fn migrations(&self) -> Result<Vec<Migration>, StoreFault> {
        self.readers.run(migrations::list).await
    }

    async fn copy_to(&self, file: &std::path::Path) -> Result<(), StoreFault> {
        let file = file.to_owned();
        self.readers.run(move |connection| upkeep::copy(connection, &file)).await
    }

    async fn is_empty(&self) -> Result<bool, StoreFault> {
        let declarations = Arc::clone(&self.declarations);
        self.readers.run(move |connection| upkeep::is_empty(connection, &declarations)).await
    }

    async fn restore_from(&self, file: &std::path::Path) -> Result<(), StoreFault> {
        let declarations = Arc::clone(&self.declarations);
        let (source, target, now) = (file.to_owned(), self.file.clone(), self.clock.now());
        self.writer.alone(move |connection| upkeep::restore(connection, &target, &source, &declarations, now)).await?;
        self.readers.clear();
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
