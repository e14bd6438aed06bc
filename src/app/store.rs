//! Which store, and where: a SQLite file in the data folder, or a PostgreSQL database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{key, unusable, unusable_by};
use crate::adapter::postgres::{Address, PostgresConfig, PostgresStore};
use crate::adapter::sqlite::{SqliteConfig, SqliteCopies, SqliteStore};
use crate::config::Config;
use crate::domain::{MODULES, audit, identity, system};
use crate::kernel::clock::Clock;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::new_uuid;
use crate::kernel::secret::Secret;
use crate::kernel::tasks;
use crate::port::logs::Log;
use crate::port::records::Kind;
use crate::port::store::{Migration, Store, StoreFault};
use crate::port::transfer::{Copies, Summary};

/// The store's file in the data folder.
const FILE: &str = "convoke.db";

/// The name of the other backend.
const POSTGRES: &str = "postgres";

/// An open store.
pub(super) struct Opened {
    /// The store.
    pub(super) store: Arc<dyn Store>,
    /// The installation's key: one for all instances on the store.
    pub(super) key: [u8; 32],
    /// What the store is called where it cannot be used.
    pub(super) place: PathBuf,
    /// The clock that all instances on the store share.
    pub(super) clock: Arc<dyn Clock>,
}

/// What opening a store would change.
pub(super) struct Inspected {
    pub(super) schema: u32,
    pub(super) migrations: Vec<Migration>,
    pub(super) changes: Vec<String>,
}

/// Opens the store of a configuration.
pub(super) async fn open(config: &Config, data: &Path, clock: Arc<dyn Clock>, key: [u8; 32]) -> Result<Opened, Fault> {
    if config.store.backend == POSTGRES {
        let place = database();
        let store = PostgresStore::open(postgres_config(config, data, clock)?).await.map_err(cannot(&place))?;
        let key = store.shared_key(key).await.map_err(cannot(&place))?;
        let clock = store.clock();
        return Ok(Opened { store, key, place, clock });
    }
    let place = data.join(FILE);
    let (file, own) = (place.clone(), clock.clone());
    let store = blocking(&place, move || SqliteStore::open(sqlite_config(file, own))).await?;
    Ok(Opened { store, key, place, clock })
}

/// What opening it would change, without changing anything.
pub(super) async fn inspect(config: &Config, data: &Path, clock: Arc<dyn Clock>) -> Result<Inspected, Fault> {
    if config.store.backend == POSTGRES {
        let found =
            PostgresStore::inspect(&postgres_config(config, data, clock)?).await.map_err(cannot(&database()))?;
        return Ok(Inspected { schema: found.schema, migrations: found.migrations, changes: found.changes });
    }
    let file = data.join(FILE);
    let part = file.clone();
    let found = blocking(&part, move || SqliteStore::inspect(&sqlite_config(file, clock))).await?;
    Ok(Inspected { schema: found.schema, migrations: found.migrations, changes: found.changes })
}

/// Puts a copy from before a change of the schema in place of the store. Answers where the store that was there is kept.
pub(super) async fn roll_back(
    config: &Config,
    data: &Path,
    copy: PathBuf,
    clock: &dyn Clock,
) -> Result<PathBuf, Fault> {
    if config.store.backend == POSTGRES {
        let say = "a PostgreSQL database is not put back in place: the version that wrote the copy takes it into an empty \
                   database (docs/operations.md, PostgreSQL)";
        return Err(Fault::new(&codes::NOT_CONFIGURED, say));
    }
    let (file, now) = (data.join(FILE), clock.now());
    blocking(data, move || SqliteStore::put_in_place(&file, &copy, now)).await
}

/// Between which stores everything moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// From the file in the data folder into the database.
    SqliteToPostgres,
    /// From the database into a file in the data folder.
    PostgresToSqlite,
}

/// Moves everything from one store into the other, which must be empty, through a copy that is checked. Answers what was moved,
/// by counts and digests that were found the same on both sides.
pub(super) async fn transfer(config: &Config, data: &Path, clock: Arc<dyn Clock>, way: Move) -> Result<Value, Fault> {
    let own_key = key::installation(data)?;
    let (file, place) = (data.join(FILE), database());
    let through = data.join(format!("moving-{}.db", new_uuid(clock.now()).simple()));
    let _gone = Gone(through.clone());
    let copies = copies(data, clock.clone())?;
    let mut database_config = postgres_config(config, data, clock.clone())?;
    // What a first start writes by itself counts here: nothing may be in the way.
    (database_config.unowned, database_config.unowned_logs) = (Vec::new(), Vec::new());
    let summary = match way {
        Move::SqliteToPostgres => {
            if !file.exists() {
                return Err(unusable_by(&file, "there is no store to move"));
            }
            let database = PostgresStore::open(database_config).await.map_err(cannot(&place))?;
            let (part, opened) = (file.clone(), sqlite_config(file.clone(), clock));
            let source = blocking(&part, move || SqliteStore::open(opened)).await?;
            let copied = source.copy_to(&through).await.map_err(cannot(&through));
            source.end().await;
            copied?;
            let taken = into_database(&database, &through, own_key).await;
            database.end().await;
            taken?
        }
        Move::PostgresToSqlite => {
            if file.exists() {
                return Err(unusable_by(&file, "it is there already: a database moves only to where no store is"));
            }
            let database = PostgresStore::open(database_config).await.map_err(cannot(&place))?;
            let key = out_of_database(&database, &through, own_key).await;
            database.end().await;
            let key = key?;
            let summary = into_file(&file, &through, copies, clock).await?;
            key::keep(data, &key)?;
            summary
        }
    };
    let parts = summary.parts().map(|(part, count, digest)| json!({ "part": part, "count": count, "digest": digest }));
    Ok(Value::Array(parts.collect()))
}

/// The installation's key moves along: what webhooks are signed with hangs on it.
async fn into_database(database: &PostgresStore, through: &Path, key: [u8; 32]) -> Result<Summary, Fault> {
    alone(database).await?;
    let place = self::database();
    let summary = database.take_in(through).await.map_err(cannot(&place))?;
    database.keep_key(key).await.map_err(cannot(&place))?;
    Ok(summary)
}

async fn out_of_database(database: &PostgresStore, through: &Path, own: [u8; 32]) -> Result<[u8; 32], Fault> {
    alone(database).await?;
    let place = self::database();
    database.copy_to(through).await.map_err(cannot(&place))?;
    database.shared_key(own).await.map_err(cannot(&place))
}

/// What another instance writes meanwhile would be left behind.
async fn alone(database: &PostgresStore) -> Result<(), Fault> {
    let place = self::database();
    if database.has_others().await.map_err(cannot(&place))? {
        return Err(unusable_by(&place, "another instance has it open: stop it first"));
    }
    Ok(())
}

/// The store appears under its name when it is whole.
async fn into_file(
    file: &Path,
    through: &Path,
    copies: Arc<SqliteCopies>,
    clock: Arc<dyn Clock>,
) -> Result<Summary, Fault> {
    let draft = through.with_extension("new.db");
    let _gone = Gone(draft.clone());
    let opened = sqlite_config(draft.clone(), clock);
    let target = blocking(file, move || SqliteStore::open(opened)).await?;
    let taken = target.restore_from(through).await;
    let back = through.with_extension("back.db");
    let _gone = Gone(back.clone());
    let copied = match taken {
        Ok(()) => target.copy_to(&back).await,
        Err(fault) => Err(fault),
    };
    target.end().await;
    copied.map_err(cannot(file))?;
    let (one, other) = (through.to_owned(), back);
    let (read, found) = blocking(file, move || Ok((summary(&*copies, &one)?, summary(&*copies, &other)?))).await?;
    let differences = read.differences(&found);
    if !differences.is_empty() {
        return Err(unusable_by(file, differences.join("; ")));
    }
    std::fs::rename(&draft, file).map_err(|error| unusable_by(file, error))?;
    Ok(found)
}

fn summary(copies: &dyn Copies, file: &Path) -> Result<Summary, StoreFault> {
    let mut pieces = copies.open(file)?;
    let mut summary = Summary::default();
    loop {
        let some = pieces.next()?;
        if some.is_empty() {
            return Ok(summary);
        }
        summary.add_all(&some);
    }
}

/// A file that goes when this goes.
struct Gone(PathBuf);

impl Drop for Gone {
    fn drop(&mut self) {
        // What a store that was not closed leaves beside it, too. Mostly nothing of it is there.
        for ending in ["", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(ending);
            let _ = std::fs::remove_file(path);
        }
    }
}

fn database() -> PathBuf {
    PathBuf::from("the database of store.url")
}

fn cannot(place: &Path) -> impl Fn(StoreFault) -> Fault + '_ {
    move |fault| unusable(place, fault)
}

/// Works on a part of the data folder on a thread that may wait.
async fn blocking<T: Send + 'static>(
    part: &Path,
    work: impl FnOnce() -> Result<T, StoreFault> + Send + 'static,
) -> Result<T, Fault> {
    let ended = tasks::blocking(work).await.ok_or_else(|| Fault::internal("work on a store ended early"))?;
    ended.map_err(|fault| unusable(part, fault))
}

fn kinds() -> Vec<&'static Kind> {
    std::iter::once(&crate::capability::gate::operation::OPERATION)
        .chain(MODULES.iter().flat_map(|module| module.kinds.iter().copied()))
        .collect()
}

fn logs() -> Vec<&'static Log> {
    own_logs().into_iter().chain(MODULES.iter().flat_map(|module| module.logs.iter().copied())).collect()
}

/// What calls leave behind by themselves.
fn own_logs() -> Vec<&'static Log> {
    vec![
        &crate::capability::gate::audit::AUDIT,
        &crate::capability::gate::usage::USAGE,
        &crate::capability::events::EVENTS,
    ]
}

/// What a first start makes and what calls leave behind by themselves is not data: a backup may be restored over it.
fn unowned() -> Vec<&'static Kind> {
    let mut unowned = identity::MODULE.kinds.to_vec();
    unowned.extend(audit::BY_ITSELF);
    unowned.extend(system::BY_ITSELF);
    unowned.push(&crate::capability::gate::operation::OPERATION);
    unowned
}

/// The logs of which the same is true.
fn unowned_logs() -> Vec<&'static Log> {
    own_logs().into_iter().chain(audit::MODULE.logs.iter().copied()).collect()
}

fn sqlite_config(file: PathBuf, clock: Arc<dyn Clock>) -> SqliteConfig {
    let mut config = SqliteConfig::new(file, kinds(), logs(), clock);
    config.unowned = unowned();
    config.unowned_logs = unowned_logs();
    config
}

fn copies(data: &Path, clock: Arc<dyn Clock>) -> Result<Arc<SqliteCopies>, Fault> {
    let config = sqlite_config(data.join(FILE), clock);
    SqliteCopies::new(&config).map(Arc::new).map_err(cannot(data))
}

fn postgres_config(config: &Config, data: &Path, clock: Arc<dyn Clock>) -> Result<PostgresConfig, Fault> {
    let store = &config.store;
    if store.url.is_empty() {
        return Err(Fault::new(&codes::BAD_CONFIGURATION, "store.url names no database"));
    }
    let password = match store.password_file.as_str() {
        "" => None,
        file => {
            let text = std::fs::read_to_string(file).map_err(|error| unusable_by(Path::new(file), error))?;
            Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
    };
    let authority = (!store.tls_ca.is_empty()).then(|| PathBuf::from(&store.tls_ca));
    let connections = usize::try_from(store.connections).unwrap_or(usize::MAX);
    let writers = (connections / 4).max(1);
    Ok(PostgresConfig {
        address: Address { url: Secret::new(store.url.clone()), password, authority },
        kinds: kinds(),
        logs: logs(),
        unowned: unowned(),
        unowned_logs: unowned_logs(),
        readers: connections.saturating_sub(writers).max(1),
        writers,
        copies: copies(data, clock.clone())?,
        before: Some(data.join("backups")),
        clock,
    })
}
