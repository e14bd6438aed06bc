//! The store on PostgreSQL: records, logs and queue in one schema of a database that many instances share. Tables are made
//! from declarations (docs/decisions/0002-tables-from-declarations.md); how it writes, reads and orders is in
//! docs/decisions/0006-postgresql.md.

mod append_only;
mod batch;
mod cell;
mod change;
mod declarations;
mod fault;
mod group;
mod link;
mod locks;
mod logs;
mod migrations;
mod pieces;
mod plan;
mod pool;
mod queue;
mod records;
mod schema;
mod server;
mod sql;
mod time;
mod tls;
mod upkeep;
mod words;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::broadcast;

use self::cell::Cell;
use self::declarations::Declarations;
use self::fault::{OrFault as _, misuse};
use self::link::Link;
use self::pool::Pool;
pub use self::server::Address;
use self::server::Server;
use self::time::Time;
use self::words::Ear;
use self::writer::Writer;
use crate::adapter::turns::Turns;
use crate::kernel::clock::Clock;
use crate::port::logs::Log;
use crate::port::records::{Kind, Scope};
use crate::port::store::{Batch, Frozen, Migration, Store, StoreFault, StoreHealth, Word};
use crate::port::transfer::{Copies, Summary};

/// How to open a store.
#[derive(Clone)]
pub struct PostgresConfig {
    /// Where the server is and who asks.
    pub address: Address,
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
    /// Connections that read and lease, at most.
    pub readers: usize,
    /// Connections that commit, at most.
    pub writers: usize,
    /// The form of copies.
    pub copies: Arc<dyn Copies>,
    /// Where a copy is kept from before a change of the tables; without it none is made.
    pub before: Option<PathBuf>,
}

/// What a database holds, beside what this program would make of it.
#[derive(Debug, Default)]
pub struct Inspection {
    /// The schema's number, 0 where there is nothing yet.
    pub schema: u32,
    /// All migrations, by number.
    pub migrations: Vec<Migration>,
    /// What would become of the tables of kinds and logs, in words.
    pub changes: Vec<String>,
}

/// A store in one schema of a PostgreSQL database.
pub struct PostgresStore {
    server: Arc<Server>,
    clock: Arc<dyn Clock>,
    declarations: Arc<Declarations>,
    /// Tables that make the store count as used when they have a row.
    owned: Vec<String>,
    pool: Pool,
    ear: Ear,
    writer: Arc<Writer>,
    copies: Arc<dyn Copies>,
    turns: Turns,
}

impl PostgresStore {
    /// Connects to the server and brings the database up to this program.
    ///
    /// # Errors
    /// When the server cannot be reached or used, or a newer program wrote the database.
    pub async fn open(config: PostgresConfig) -> Result<Arc<Self>, StoreFault> {
        let declarations = Arc::new(Declarations::of(&config.kinds, &config.logs)?);
        let mut server = Server::new(&config.address)?;
        let mut link = Link::new(server.connect().await?);
        upkeep::look(&mut link, &mut server).await?;
        let time = Time::of(&mut link, config.clock).await?;
        let (copies, before) = (config.copies.clone(), config.before.as_deref());
        upkeep::bring_up(&mut link, &declarations, copies, before, time.clock().now()).await?;
        upkeep::forget_marks(&mut link).await?;
        let kinds = declarations.ordered_kinds.iter();
        let kinds = kinds.filter(|plan| !config.unowned.iter().any(|kind| kind.name == plan.kind.name));
        let logs = declarations.ordered_logs.iter();
        let logs = logs.filter(|plan| !config.unowned_logs.iter().any(|log| log.name == plan.log.name));
        let owned = kinds.map(|plan| plan.table.name.clone()).chain(logs.map(|plan| plan.table.name.clone()));
        let server = Arc::new(server);
        let clock = time.clock();
        let ear = Ear::open(&server, time).await?;
        Ok(Arc::new(Self {
            owned: owned.collect(),
            pool: Pool::new(server.clone(), config.readers),
            writer: Arc::new(Writer::new(server.clone(), config.writers, ear.instance)),
            ear,
            copies: config.copies,
            turns: Turns::default(),
            clock,
            server,
            declarations,
        }))
    }

    /// What opening the database with this program would change, without changing anything.
    ///
    /// # Errors
    /// When it cannot be reached or used, or a newer program wrote it.
    pub async fn inspect(config: &PostgresConfig) -> Result<Inspection, StoreFault> {
        let declarations = Declarations::of(&config.kinds, &config.logs)?;
        let mut server = Server::new(&config.address)?;
        let mut link = Link::new(server.connect().await?);
        upkeep::look(&mut link, &mut server).await?;
        upkeep::refuse_foreign(&mut link).await?;
        let schema = migrations::present(&mut link).await?;
        let migrations = if schema == 0 { Vec::new() } else { migrations::list(&mut link).await? };
        let changes = schema::changes(&mut link, &declarations).await?;
        Ok(Inspection { schema, migrations, changes: changes.iter().map(schema::Change::described).collect() })
    }

    /// Takes a copy into an empty store, as `restore_from` does, and tells what came to lie there.
    ///
    /// # Errors
    /// When the store is not empty, the copy none or damaged; nothing is changed then.
    pub async fn take_in(&self, file: &Path) -> Result<Summary, StoreFault> {
        let mut link = self.link().await?;
        let copies = self.copies.clone();
        let restored = upkeep::restore(&mut link, &self.declarations, copies, file, &self.owned).await?;
        let notice = words::notice(self.ear.instance, &Word::Everything);
        link.rows(words::TELL, vec![Cell::Text(notice)]).await?;
        Ok(restored)
    }

    /// The key that all instances on the database share: the first one's own.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn shared_key(&self, own: [u8; 32]) -> Result<[u8; 32], StoreFault> {
        let mut link = self.link().await?;
        let text = "INSERT INTO installation (name, value) VALUES ('key', decode($1::text, 'hex')) \
             ON CONFLICT (name) DO NOTHING";
        link.rows(text, vec![Cell::Text(hex(own))]).await?;
        let found: Option<Vec<u8>> = link.one("SELECT value FROM installation WHERE name = 'key'", Vec::new()).await?;
        found
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| misuse("the key in the table 'installation' is damaged"))
    }

    /// Makes a key the one of all instances: it comes with an installation that moves here.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn keep_key(&self, key: [u8; 32]) -> Result<(), StoreFault> {
        let text = "INSERT INTO installation (name, value) VALUES ('key', decode($1::text, 'hex')) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        self.link().await?.rows(text, vec![Cell::Text(hex(key))]).await.map(drop)
    }

    /// The clock to go by: the database's, which all instances share, unless a test moves the time.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Whether another instance has the database open.
    ///
    /// # Errors
    /// When the server fails.
    pub async fn has_others(&self) -> Result<bool, StoreFault> {
        self.tells_of(words::OTHERS, self.ear.instance).await
    }

    async fn tells_of(&self, statement: &str, instance: i32) -> Result<bool, StoreFault> {
        let cells = vec![Cell::Integer(i64::from(instance))];
        let rows = self.pool.read(Scope::Platform, statement, cells).await?;
        rows.first().map_or(Ok(false), |row| row.try_get(0)).or_fault()
    }

    /// A connection of its own, for what takes long.
    async fn link(&self) -> Result<Link, StoreFault> {
        Ok(Link::new(self.server.connect().await?))
    }
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().fold(String::new(), |all, byte| all + &format!("{byte:02x}"))
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.writer.abandon();
        self.pool.close();
    }
}

/// Holds the locks of a freeze for as long as its connection lives.
struct Freeze {
    writer: Arc<Writer>,
    /// The locks go with the connection.
    link: Link,
}

impl Drop for Freeze {
    fn drop(&mut self) {
        self.writer.thaw();
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn commit(&self, batches: Vec<Batch>) -> Result<Vec<i64>, StoreFault> {
        let prepared = batch::prepare(&self.declarations, batches)?;
        if prepared.steps.is_empty() && prepared.entries.is_empty() {
            return Ok(Vec::new());
        }
        self.writer.write(prepared).await
    }

    async fn health(&self) -> Result<StoreHealth, StoreFault> {
        if self.writer.failed().is_some() {
            let probe = "INSERT INTO tallied (log, upto) VALUES ('', 0) ON CONFLICT (log) DO UPDATE SET upto = 0";
            let tried = self.at_once(probe, Vec::new()).await;
            self.writer.remember(tried.as_ref().err());
        }
        let text = "SELECT current_setting('server_version'), pg_database_size(current_database()), \
             (SELECT max(number) FROM migrations)";
        let rows = self.pool.read(Scope::Platform, text, Vec::new()).await?;
        let row = rows.first().ok_or_else(|| misuse("the server does not tell of itself"))?;
        let version: String = row.try_get(0).or_fault()?;
        let size: i64 = row.try_get(1).or_fault()?;
        let schema: Option<i32> = row.try_get(2).or_fault()?;
        Ok(StoreHealth {
            backend: format!("PostgreSQL {}", version.split(' ').next().unwrap_or_default()),
            size_bytes: size.unsigned_abs(),
            schema: schema.unwrap_or_default().unsigned_abs(),
            waiting: self.writer.waiting(),
            failed: self.writer.failed(),
            free_bytes: None,
        })
    }

    async fn migrations(&self) -> Result<Vec<Migration>, StoreFault> {
        let mut held = self.pool.get().await?;
        migrations::list(held.link()?).await
    }

    async fn copy_to(&self, file: &Path) -> Result<(), StoreFault> {
        let mut link = self.link().await?;
        let (copies, file) = (self.copies.clone(), file.to_owned());
        upkeep::copy(&mut link, &pieces::Names::of(&self.declarations), move || copies.create(&file)).await
    }

    async fn is_empty(&self) -> Result<bool, StoreFault> {
        let mut link = self.link().await?;
        link.see_all().await?;
        upkeep::is_empty(&mut link, &self.owned).await
    }

    async fn freeze(&self) -> Result<Frozen, StoreFault> {
        let mut link = self.link().await?;
        if link.one::<bool>(locks::FREEZER, Vec::new()).await? != Some(true) {
            return Err(StoreFault::Unavailable("the store is frozen already".to_owned()));
        }
        self.writer.freeze();
        let freeze = Freeze { writer: self.writer.clone(), link };
        let mut freeze = Box::new(freeze);
        let waited = freeze.link.rows(locks::FREEZE, Vec::new());
        match tokio::time::timeout(Duration::from_secs(30), waited).await {
            Ok(answer) => answer.map(|_| freeze as Frozen),
            Err(_) => Err(StoreFault::Unavailable("a write would not end".to_owned())),
        }
    }

    fn words(&self) -> Option<broadcast::Receiver<Word>> {
        Some(self.ear.words())
    }

    async fn tell(&self, word: Word) -> Result<(), StoreFault> {
        let notice = words::notice(self.ear.instance, &word);
        self.pool.read(Scope::Platform, words::TELL, vec![Cell::Text(notice)]).await.map(drop)
    }

    fn instance(&self) -> Option<i32> {
        Some(self.ear.instance)
    }

    async fn is_open_by(&self, instance: i32) -> Result<bool, StoreFault> {
        self.tells_of(words::LIVES, instance).await
    }

    async fn end(self: Arc<Self>) {
        self.writer.close().await;
        self.pool.close();
    }

    async fn restore_from(&self, file: &Path) -> Result<(), StoreFault> {
        self.take_in(file).await.map(drop)
    }
}
