//! How the PostgreSQL store keeps what is there: logs that are only appended to, a copy before the tables change, and statements
//! that take too long.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use convoke::adapter::postgres::{Address, PostgresConfig, PostgresStore};
use convoke::adapter::sqlite::{SqliteConfig, SqliteCopies, SqliteStore};
use convoke::kernel::clock::ManualClock;
use convoke::kernel::id::{Id, TenantId, new_uuid};
use convoke::kernel::secret::Secret;
use convoke::port::logs::{Log, Logs as _};
use convoke::port::records::{Across, Field, FieldType, Filter, Kind, Query, Records as _, Scalar, Scope, Unique};
use convoke::port::store::{Batch, Expect, Step, Store as _, StoreFault};
use serde_json::json;

use super::postgres::{EVENTS, NOTE, all, config, entry, open, put, three, whole};
use crate::conformance::place::NOW;
use crate::domain::events::receiver::until;
use crate::support::servers::{Database, OwnServer, Superuser};

const SAYS: &str = "a log is only appended to";

/// Entries are what was appended, whoever tries.
async fn refuses(database: &Database, superuser: &Superuser) {
    let attempts = [
        "UPDATE l_events SET body = '{}'",
        "DELETE FROM l_events",
        "DELETE FROM l_events WHERE position < 0",
        "TRUNCATE l_events",
    ];
    let own = database.client().await;
    own.batch_execute("SET search_path = convoke; SET convoke.tenant = 'ffffffff-ffff-ffff-ffff-ffffffffffff'")
        .await
        .unwrap();
    for attempt in attempts {
        let refused = own.batch_execute(attempt).await.unwrap_err();
        let said = refused.as_db_error().unwrap().message().to_owned();
        let expected = if attempt.starts_with("DELETE") { SAYS } else { "permission denied" };
        assert!(said.contains(expected), "{attempt}: {said}");
        // Whom no rights bind, the trigger does.
        let said = superuser.refused(&database.url().await, &["SET search_path = convoke", attempt]);
        assert!(said.contains(SAYS), "{attempt}: {said}");
    }
    // The mark of one log is not another's, and none outlives its transaction.
    let marked = "BEGIN; SELECT set_config('convoke.cutting', 'l_others', true); DELETE FROM l_events";
    assert!(own.batch_execute(marked).await.is_err());
    own.batch_execute("ROLLBACK; BEGIN; SELECT set_config('convoke.cutting', 'l_events', true); COMMIT").await.unwrap();
    assert!(own.batch_execute("DELETE FROM l_events").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_only_appended_to() {
    let (Some(database), Some(superuser)) = (Database::find(), Superuser::find()) else { return };
    let (store, tenant) = (open(&database).await, Id::new(NOW));
    for _ in 0..4 {
        store.commit(vec![three(tenant, new_uuid(NOW))]).await.unwrap();
    }
    refuses(&database, &superuser).await;
    assert_eq!(whole(&store).await, 4);
    // What is declared to go goes, and what comes after it in the same transaction is bound again.
    let first = store.entries(Scope::Platform, &EVENTS, all()).await.unwrap()[0].position;
    let cut = Step::Cut { log: &EVENTS, positions: vec![first] };
    store.commit(vec![Batch { tenant, at: NOW, steps: vec![cut, entry(5)] }]).await.unwrap();
    assert_eq!(store.entries(Scope::Platform, &EVENTS, all()).await.unwrap().len(), 4);
    let keep = convoke::port::logs::Keep { age: Duration::from_mins(1), entries: 2 };
    assert_eq!(store.trim(&EVENTS, keep, NOW, 100).await.unwrap(), 2);
    refuses(&database, &superuser).await;

    // What is taken in is bound as well.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    store.copy_to(&copy).await.unwrap();
    let elsewhere = Database::find().unwrap();
    let restored = open(&elsewhere).await;
    restored.restore_from(&copy).await.unwrap();
    assert_eq!(restored.entries(Scope::Platform, &EVENTS, all()).await.unwrap().len(), 2);
    refuses(&elsewhere, &superuser).await;
}

/// The log with another field: its entries are filled, and bound as before.
static EVENTS_LATER: Log = Log {
    fields: &[Field { name: "of", of: FieldType::Integer }, Field { name: "words", of: FieldType::Text }],
    ..EVENTS_AS_BEFORE
};
const EVENTS_AS_BEFORE: Log = Log {
    name: "events",
    fields: &[Field { name: "of", of: FieldType::Integer }],
    text: &["words"],
    keep: convoke::port::logs::Keep { age: Duration::from_mins(1), entries: 1000 },
    followed: false,
};

static STORY: Kind = Kind {
    fields: &[Field { name: "title", of: FieldType::Text }],
    unique: &[Unique { name: "title", fields: &["title"], across: Across::Tenant }],
    text: &["title"],
    history: true,
    ..Kind::new("story")
};
static DROPPED: Kind = Kind { fields: &[Field { name: "of", of: FieldType::Integer }], ..Kind::new("dropped") };
/// The second form says `name` for `title`.
static STORY_LATER: Kind = Kind {
    version: 2,
    fields: &[Field { name: "name", of: FieldType::Text }],
    text: &["name"],
    history: true,
    upcast: |_, mut document| {
        if let Some(fields) = document.as_object_mut()
            && let Some(title) = fields.remove("title")
        {
            fields.insert("name".to_owned(), title);
        }
        document
    },
    ..Kind::new("story")
};

async fn with(
    database: &Database,
    kinds: Vec<&'static Kind>,
    log: &'static Log,
    before: Option<PathBuf>,
) -> Result<Arc<PostgresStore>, StoreFault> {
    let files = SqliteConfig::new("/nowhere".into(), kinds.clone(), vec![log], Arc::new(ManualClock::at(NOW)));
    let copies = Arc::new(SqliteCopies::new(&files).unwrap());
    let config = config(database.address().await);
    PostgresStore::open(PostgresConfig { kinds, logs: vec![log], copies, before, ..config }).await
}

fn copies_in(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).map_or_else(|_| Vec::new(), |read| read.map(|one| one.unwrap().path()).collect());
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_are_copied_before_they_change_and_an_older_program_takes_the_copy_in() {
    let (Some(database), Some(superuser)) = (Database::find(), Superuser::find()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let before = folder.path().join("backups");
    let open = async |kinds, log| with(&database, kinds, log, Some(before.clone())).await;
    let tenant: TenantId = Id::new(NOW);
    let commit =
        async |store: &PostgresStore, steps| store.commit(vec![Batch { tenant, at: NOW, steps }]).await.map(drop);
    // An empty store has nothing to be kept.
    drop(open(vec![&NOTE], &EVENTS).await.unwrap());
    let store = open(vec![&STORY, &DROPPED], &EVENTS).await.unwrap();
    assert_eq!(copies_in(&before), Vec::<PathBuf>::new());
    let (id, other) = (new_uuid(NOW), new_uuid(NOW));
    commit(&store, vec![put(&STORY, id, Expect::Absent, "draft"), entry(1)]).await.unwrap();
    commit(&store, vec![put(&STORY, id, Expect::Present, "whole"), entry(2)]).await.unwrap();
    commit(&store, vec![put(&DROPPED, other, Expect::Absent, "of old"), entry(3)]).await.unwrap();
    store.end().await;

    // What cannot be changed leaves no copy behind.
    let refused = with(&database, vec![&NOTE], &EVENTS_LATER, Some("/dev/null/backups".into())).await.map(drop);
    assert!(matches!(refused, Err(StoreFault::Unavailable(_))), "{refused:?}");
    let store = open(vec![&STORY_LATER], &EVENTS_LATER).await.unwrap();
    let copies = copies_in(&before);
    assert_eq!(copies.len(), 1);
    let lifted = store.get(Scope::Tenant(tenant), &STORY_LATER, id).await.unwrap().unwrap();
    assert_eq!(lifted.body, json!({ "name": "whole" }));
    let said = Filter::is("words", Scalar::Text("said then".to_owned()));
    let query = convoke::port::logs::LogQuery { filter: said, ..all() };
    assert_eq!(store.entries(Scope::Tenant(tenant), &EVENTS_LATER, query).await.unwrap().len(), 3);
    refuses(&database, &superuser).await;
    store.end().await;
    drop(open(vec![&STORY_LATER], &EVENTS_LATER).await.unwrap());
    assert_eq!(copies_in(&before), copies, "nothing changed, nothing is copied");

    // The version that wrote it takes the copy in, into a database and into a file, as it knew it.
    let elsewhere = Database::find().unwrap();
    let back = with(&elsewhere, vec![&STORY, &DROPPED], &EVENTS, None).await.unwrap();
    back.restore_from(&copies[0]).await.unwrap();
    let file = folder.path().join("convoke.db");
    std::fs::copy(&copies[0], &file).unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let filed = SqliteStore::open(SqliteConfig::new(file, vec![&STORY, &DROPPED], vec![&EVENTS], clock)).unwrap();
    for store in [back as Arc<dyn convoke::port::store::Store>, filed] {
        let found = store.find(Scope::Tenant(tenant), &STORY, Query::newest(Filter::Matches("whole".into()), 9));
        let found = found.await.unwrap();
        assert_eq!((found.len(), found[0].id, found[0].revision), (1, id, 2));
        assert_eq!(found[0].body, json!({ "title": "whole" }));
        assert_eq!(store.versions(Scope::Tenant(tenant), &STORY, id, 9).await.unwrap().len(), 2);
        assert!(store.get(Scope::Tenant(tenant), &DROPPED, other).await.unwrap().is_some());
        let by_field = convoke::port::logs::LogQuery { filter: Filter::is("of", Scalar::Integer(2)), ..all() };
        assert_eq!(store.entries(Scope::Tenant(tenant), &EVENTS, by_field).await.unwrap().len(), 1);
        // Its rules are in force, and positions go on.
        let again = vec![put(&STORY, new_uuid(NOW), Expect::Absent, "whole")];
        let again = store.commit(vec![Batch { tenant, at: NOW, steps: again }]).await;
        assert!(matches!(again, Err(StoreFault::Conflict(_))), "{again:?}");
        let last = store.last(&EVENTS).await.unwrap();
        store.commit(vec![Batch { tenant, at: NOW, steps: vec![entry(4)] }]).await.unwrap();
        assert!(store.last(&EVENTS).await.unwrap() > last);
    }
}

/// What takes longer than it may is a fault that says so, holds up nobody else, and nothing of it stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_longer_than_it_may_is_given_up() {
    let (Some(database), Some(superuser)) = (Database::find(), Superuser::find()) else { return };
    let (store, tenant) = (open(&database).await, Id::new(NOW));
    let (held, kept) = (new_uuid(NOW), new_uuid(NOW));
    store.commit(vec![Batch { tenant, at: NOW, steps: vec![put(&NOTE, held, Expect::Absent, "held")] }]).await.unwrap();
    // Another session holds a row and does not let go of it.
    let holder = database.client().await;
    let tenant_in_sight = format!("SET search_path = convoke; SET convoke.tenant = '{}'", tenant.uuid());
    holder.batch_execute(&format!("{tenant_in_sight}; BEGIN; SELECT * FROM k_note FOR UPDATE")).await.unwrap();
    let waiting = {
        let store = store.clone();
        let steps = vec![put(&NOTE, held, Expect::Present, "changed"), entry(1)];
        tokio::spawn(async move { store.commit(vec![Batch { tenant, at: NOW, steps }]).await })
    };
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let looking = database.client().await;
    let waiting_there = async || (looking.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) > 0).then_some(());
    until("the write waits for the row", waiting_there).await;
    // Whoever touches something else is served meanwhile.
    store.commit(vec![Batch { tenant, at: NOW, steps: vec![put(&NOTE, kept, Expect::Absent, "kept")] }]).await.unwrap();
    // A read that does not end.
    let slow = "CREATE OR REPLACE FUNCTION convoke.tenant_in_sight() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE \
         RETURN (SELECT CASE WHEN pg_sleep(60) IS NULL THEN NULL ELSE nullif(current_setting('convoke.tenant', true), '')::uuid END)";
    let reading = {
        let (store, url) = (store.clone(), database.url().await);
        tokio::spawn(async move {
            superuser.psql(&url, &[slow]);
            store.get(Scope::Tenant(tenant), &NOTE, kept).await
        })
    };
    // A write that does not end, as where a trigger of somebody else's waits.
    let elsewhere = Database::find().unwrap();
    let other = self::open(&elsewhere).await;
    let stuck =
        "CREATE FUNCTION stuck() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(90); RETURN NEW; END $$";
    let on_note = "CREATE TRIGGER stuck BEFORE INSERT ON convoke.k_note FOR EACH ROW EXECUTE FUNCTION stuck()";
    Superuser::find().unwrap().psql(&elsewhere.url().await, &[stuck, on_note]);
    let late = other.commit(vec![three(tenant, new_uuid(NOW))]).await;
    assert!(matches!(&late, Err(StoreFault::Unavailable(why)) if why.contains("longer than it may")), "{late:?}");
    Superuser::find().unwrap().psql(&elsewhere.url().await, &["DROP TRIGGER stuck ON convoke.k_note"]);
    other.commit(vec![three(tenant, new_uuid(NOW))]).await.unwrap();
    assert_eq!(whole(&other).await, 1, "nothing of what was given up is there");
    let refused = waiting.await.unwrap();
    assert!(matches!(&refused, Err(StoreFault::Unavailable(why)) if why.contains("lock timeout")), "{refused:?}");
    assert_eq!(reading.await.unwrap(), Err(StoreFault::TooMuch));
    holder.batch_execute("ROLLBACK").await.unwrap();
    let fast = "CREATE OR REPLACE FUNCTION convoke.tenant_in_sight() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE \
         RETURN nullif(current_setting('convoke.tenant', true), '')::uuid";
    Superuser::find().unwrap().psql(&database.url().await, &[fast]);
    let found = store.get(Scope::Tenant(tenant), &NOTE, held).await.unwrap().unwrap();
    assert_eq!((found.revision, &found.body["title"]), (1, &json!("held")));
    assert!(store.get(Scope::Tenant(tenant), &NOTE, kept).await.unwrap().is_some());
    store.commit(vec![three(tenant, new_uuid(NOW))]).await.unwrap();
    assert_eq!(store.health().await.unwrap().failed, None);
}

/// The machine of an instance is gone without a word: the server frees what it held, and others see that it is gone.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_cannot_be_reached_is_missed() {
    let Some(wire) = crate::support::wire::Wire::lay() else { return };
    let Some(server) = OwnServer::start_behind(Some(wire)) else { return };
    let address = |url| Address { url: Secret::new(url), password: None, authority: None };
    let far = PostgresStore::open(config(address(server.url("postgres")))).await.unwrap();
    let near = PostgresStore::open(config(address(server.socket("postgres")))).await.unwrap();
    let instance = far.instance().unwrap();
    assert!(near.is_open_by(instance).await.unwrap());
    server.cut(true);
    let began = tokio::time::Instant::now();
    while near.is_open_by(instance).await.unwrap() {
        assert!(began.elapsed() < Duration::from_secs(90), "it is never missed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    near.commit(vec![three(Id::new(NOW), new_uuid(NOW))]).await.unwrap();
    server.cut(false);
    while !near.is_open_by(instance).await.unwrap() {
        assert!(began.elapsed() < Duration::from_secs(120), "it never comes back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(whole(&far).await, 1);
}
