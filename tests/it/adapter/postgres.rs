//! What is true of the PostgreSQL store alone: the second lock between tenants, logs that are read while others write,
//! connections and servers that go, several instances on one database, and copies that go into either store.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use convoke::adapter::outbox::Outbox;
use convoke::adapter::postgres::{Address, PostgresConfig, PostgresStore};
use convoke::adapter::sqlite::{SqliteConfig, SqliteCopies, SqliteStore};
use convoke::kernel::clock::ManualClock;
use convoke::kernel::id::{Id, TenantId, new_uuid};
use convoke::kernel::secret::Secret;
use convoke::port::bus::Bus as _;
use convoke::port::logs::{Keep, Log, LogQuery, Logs as _};
use convoke::port::queue::{Job, Queue as _};
use convoke::port::records::{Authority, Field, FieldType, Filter, Kind, Records as _, Scope, Visibility, Whose};
use convoke::port::store::{Batch, Expect, Put, Step, Store, StoreFault, Word};
use convoke::port::transfer::{Copies as _, Summary};
use serde_json::json;
use uuid::Uuid;

use crate::conformance::place::NOW;
use crate::domain::events::receiver::until;
#[cfg(target_os = "linux")]
use crate::faults::disk::SmallDisk;
use crate::support::servers::{Database, OwnServer};

pub(super) static NOTE: Kind = Kind {
    fields: &[Field { name: "title", of: FieldType::Text }],
    text: &["title"],
    history: true,
    ..Kind::new("note")
};
static KEY: Kind = Kind { authority: Authority::OnceMade(Whose::Everybody), ..Kind::new("pass") };
pub(super) static EVENTS: Log = Log {
    name: "events",
    fields: &[Field { name: "of", of: FieldType::Integer }],
    text: &["words"],
    keep: Keep { age: Duration::from_mins(1), entries: 1000 },
    followed: false,
};

fn sqlite(folder: &Path) -> SqliteConfig {
    let clock = Arc::new(ManualClock::at(NOW));
    SqliteConfig::new(folder.join("convoke.db"), vec![&NOTE, &KEY], vec![&EVENTS], clock)
}

pub(super) fn config(address: Address) -> PostgresConfig {
    PostgresConfig {
        address,
        kinds: vec![&NOTE, &KEY],
        logs: vec![&EVENTS],
        unowned: Vec::new(),
        unowned_logs: Vec::new(),
        clock: Arc::new(ManualClock::at(NOW)),
        readers: 6,
        writers: 3,
        copies: Arc::new(SqliteCopies::new(&sqlite(Path::new("/nowhere"))).unwrap()),
        before: None,
    }
}

pub(super) async fn open(database: &Database) -> Arc<PostgresStore> {
    PostgresStore::open(config(database.address().await)).await.unwrap()
}

pub(super) fn put(kind: &'static Kind, id: Uuid, expect: Expect, title: &str) -> Step {
    let body = json!({ "title": title });
    Step::Put(Put { kind, id, expect, owner: None, workspace: None, visibility: Visibility::Tenant, body })
}

pub(super) fn entry(number: usize) -> Step {
    Step::Append { log: &EVENTS, stream: "run".to_owned(), body: json!({ "of": number, "words": "said then" }) }
}

/// A document, an entry and a count: three things that are always the same number.
pub(super) fn three(tenant: TenantId, id: Uuid) -> Batch {
    let count = Step::Count { name: "calls", key: "all".into(), by: 1, at_most: None };
    Batch { tenant, at: NOW, steps: vec![put(&NOTE, id, Expect::Absent, "three"), entry(3), count] }
}

pub(super) fn all() -> LogQuery {
    LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 1_000_000 }
}

/// How many there are of the three things, which must be as many of each.
pub(super) async fn whole(store: &PostgresStore) -> u64 {
    let notes = store.count(Scope::Platform, &NOTE, Filter::All).await.unwrap();
    assert_eq!(store.entries(Scope::Platform, &EVENTS, all()).await.unwrap().len() as u64, notes);
    assert_eq!(store.counter(Scope::Platform, "calls", "all").await.unwrap().unsigned_abs(), notes);
    notes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_without_a_tenant_sees_nothing() {
    let Some(database) = Database::find() else { return };
    let store = open(&database).await;
    let (mine, theirs): (TenantId, TenantId) = (Id::new(NOW), Id::new(NOW));
    for tenant in [mine, theirs, theirs] {
        let job = Job { id: new_uuid(NOW), queue: "work", due: NOW, priority: 0, body: json!({}) };
        let mut batch = three(tenant, new_uuid(NOW));
        batch.steps.push(Step::Enqueue(job));
        store.commit(vec![batch]).await.unwrap();
    }
    // As the program's own role, which owns the tables.
    let client = database.client().await;
    client.batch_execute("SET search_path = convoke").await.unwrap();
    let tables = [("k_note", 2), ("l_events", 2), ("versions", 2), ("counters", 1), ("jobs", 2)];
    for (table, of_theirs) in tables {
        let count = async || {
            let row = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.unwrap();
            row.get::<_, i64>(0)
        };
        assert_eq!(count().await, 0, "{table}");
        client.batch_execute(&format!("SET convoke.tenant = '{}'", theirs.uuid())).await.unwrap();
        assert_eq!(count().await, of_theirs, "{table}");
        // Out of a log nobody removes anything, by triggers of its own.
        if !table.starts_with("l_") {
            let changed = client.execute(&format!("DELETE FROM {table} WHERE tenant = $1"), &[&mine.uuid()]).await;
            assert_eq!(changed.unwrap(), 0, "{table}");
        }
        client.batch_execute("RESET convoke.tenant").await.unwrap();
        assert_eq!(count().await, 0, "{table}");
    }
    // Nor can it write for another tenant than the one that is set.
    client.batch_execute(&format!("SET convoke.tenant = '{}'", theirs.uuid())).await.unwrap();
    let text = "INSERT INTO counters (tenant, name, key, value) VALUES ($1, 'calls', 'sly', 1)";
    let refused = client.execute(text, &[&mine.uuid()]).await.unwrap_err();
    assert!(refused.as_db_error().unwrap().message().contains("row-level security"), "{refused:?}");
    assert_eq!(whole(&store).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_never_passes_a_transaction_that_is_open() {
    let Some(database) = Database::find() else { return };
    let store = open(&database).await;
    let tenant: TenantId = Id::new(NOW);
    let append =
        async |number| store.commit(vec![Batch { tenant, at: NOW, steps: vec![entry(number)] }]).await.unwrap();
    let read = async |beyond| {
        let entries = store.entries(Scope::Tenant(tenant), &EVENTS, LogQuery { beyond, ..all() }).await.unwrap();
        entries.iter().map(|entry| entry.body["of"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    append(1).await;
    // Another instance has taken a position and stops there.
    let client = database.client().await;
    let begin = format!(
        "SET search_path = convoke; SET convoke.tenant = '{}'; BEGIN; \
         SELECT pg_advisory_xact_lock_shared((67::bigint << 56) + last_value) FROM positions; \
         INSERT INTO l_events (position, tenant, stream, at, body) \
         VALUES (nextval('positions'), '{}', '', 0, '{{\"of\": 2}}')",
        tenant.uuid(),
        tenant.uuid()
    );
    client.batch_execute(&begin).await.unwrap();
    append(3).await;
    assert_eq!(read(None).await, [1], "what comes after the open one must wait for it");
    assert_eq!(store.last(&EVENTS).await.unwrap(), 1);
    let newest = LogQuery { descending: true, limit: 1, ..all() };
    let newest = store.entries(Scope::Tenant(tenant), &EVENTS, newest).await.unwrap();
    assert_eq!(newest[0].body["of"], 3, "who looks back sees what is there");
    // The bus of events over it neither passes what is open nor begins behind it.
    let bus = Outbox::new(store.clone(), &EVENTS);
    let heard = bus.read(tenant, &Filter::All, 0, 10).await.unwrap();
    assert_eq!((heard.events.len(), heard.scanned, bus.newest(tenant).await.unwrap()), (1, 1, 1));
    assert_eq!(bus.before(tenant, NOW.plus(Duration::from_hours(1))).await.unwrap(), 1);
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(read(None).await, [1, 2, 3]);
    assert_eq!(read(Some(1)).await, [2, 3]);
    let heard = bus.read(tenant, &Filter::All, 1, 10).await.unwrap();
    assert_eq!((heard.events.len(), heard.scanned), (2, 3));
    // One that is given up holds nobody.
    client
        .batch_execute("BEGIN; SELECT pg_advisory_xact_lock_shared((67::bigint << 56) + last_value) FROM positions")
        .await
        .unwrap();
    append(4).await;
    drop(client);
    while read(Some(1)).await != [2, 3, 4] {}
}

/// Writes from several tasks until told to stop; answers what was acknowledged.
async fn write_until(store: &Arc<PostgresStore>, tenant: TenantId, over: &Arc<AtomicBool>) -> Vec<Uuid> {
    let writers = (0..8).map(|_| {
        let (store, over) = (store.clone(), over.clone());
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let id = new_uuid(NOW);
                match store.commit(vec![three(tenant, id)]).await {
                    Ok(revisions) => {
                        assert_eq!(revisions, [1]);
                        kept.push(id);
                    }
                    Err(StoreFault::Unavailable(_)) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            kept
        })
    });
    let mut kept = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        kept.extend(writer.await.unwrap());
    }
    kept
}

async fn all_there(store: &PostgresStore, tenant: TenantId, kept: &[Uuid]) {
    assert!(whole(store).await >= kept.len() as u64);
    for id in kept {
        assert!(store.get(Scope::Tenant(tenant), &NOTE, *id).await.unwrap().is_some(), "{id} is lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_lose_nothing() {
    let Some(database) = Database::find() else { return };
    let (store, tenant) = (open(&database).await, Id::new(NOW));
    let over = Arc::new(AtomicBool::new(false));
    let cutting = {
        let (over, client) = (over.clone(), database.client().await);
        tokio::spawn(async move {
            let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()";
            for _ in 0..15 {
                tokio::time::sleep(Duration::from_millis(80)).await;
                client.query(cut, &[]).await.unwrap();
            }
            over.store(true, Ordering::Relaxed);
        })
    };
    let kept = write_until(&store, tenant, &over).await;
    cutting.await.unwrap();
    assert!(kept.len() > 15, "{}", kept.len());
    all_there(&store, tenant, &kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_or_stands_still_loses_nothing() {
    let Some(server) = OwnServer::start() else { return };
    let address = Address { url: Secret::new(server.url("postgres")), password: None, authority: None };
    let (store, tenant) = (PostgresStore::open(config(address)).await.unwrap(), Id::new(NOW));
    let over = Arc::new(AtomicBool::new(false));
    let server = Arc::new(server);
    let breaking = {
        let (over, server) = (over.clone(), server.clone());
        std::thread::spawn(move || {
            for _ in 0..3 {
                std::thread::sleep(Duration::from_millis(300));
                server.crash();
                server.up();
                std::thread::sleep(Duration::from_millis(300));
                server.pause(true);
                std::thread::sleep(Duration::from_millis(500));
                server.pause(false);
            }
            over.store(true, Ordering::Relaxed);
        })
    };
    let kept = write_until(&store, tenant, &over).await;
    breaking.join().unwrap();
    assert!(kept.len() > 15, "{}", kept.len());
    all_there(&store, tenant, &kept).await;
    store.commit(vec![three(tenant, new_uuid(NOW))]).await.unwrap();
    assert_eq!(store.health().await.unwrap().failed, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speaks_tls_with_whom_it_is_told_to_trust() {
    let Some(server) = OwnServer::start() else { return };
    let authority = server.folder().join("authority.pem");
    std::fs::write(&authority, server.encrypt()).unwrap();
    let open = async |mode: &str, authority: Option<std::path::PathBuf>| {
        let url = server.url("postgres").replace("127.0.0.1", "localhost") + "?hostaddr=127.0.0.1" + mode;
        PostgresStore::open(config(Address { url: Secret::new(url), password: None, authority })).await
    };
    let store = open("&sslmode=verify-full", Some(authority.clone())).await.unwrap();
    store.commit(vec![three(Id::new(NOW), new_uuid(NOW))]).await.unwrap();
    assert_eq!(whole(&store).await, 1);
    for (mode, authority, why) in
        [("&sslmode=require", None, "certificate"), ("&sslmode=disable", Some(authority), "no encryption")]
    {
        let refused = open(mode, authority).await.map(drop);
        assert!(matches!(&refused, Err(StoreFault::Unavailable(said)) if said.contains(why)), "{refused:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_room_is_full_and_gets_over_it() {
    let Some(server) = OwnServer::start() else { return };
    let place = server.folder().join("small");
    let Some(disk) = SmallDisk::with(&place, "size=14m,mode=0700,uid=65534,gid=65534") else { return };
    let admin = server.client("postgres").await;
    admin.batch_execute(&format!("CREATE TABLESPACE small LOCATION '{}'", place.display())).await.unwrap();
    admin.batch_execute("CREATE DATABASE small TABLESPACE small").await.unwrap();
    let address = Address { url: Secret::new(server.url("small")), password: None, authority: None };
    let (store, tenant) = (PostgresStore::open(config(address)).await.unwrap(), Id::new(NOW));
    let large = |id| {
        let body = json!({ "title": "x", "random": (0..2000).map(|_| new_uuid(NOW).to_string()).collect::<Vec<_>>() });
        let mut batch = three(tenant, id);
        batch.steps[0] = Step::Put(Put {
            kind: &NOTE,
            id,
            expect: Expect::Absent,
            owner: None,
            workspace: None,
            visibility: Visibility::Tenant,
            body,
        });
        batch
    };
    let mut kept = 0;
    let fault = loop {
        match store.commit(vec![large(new_uuid(NOW))]).await {
            Ok(_) => kept += 1,
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault, StoreFault::Full, "after {kept}");
    assert_eq!(whole(&store).await, kept);
    disk.enlarge();
    store.commit(vec![large(new_uuid(NOW))]).await.unwrap();
    assert_eq!(whole(&store).await, kept + 1);
    assert_eq!(store.health().await.unwrap().failed, None);
    store.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_share_what_is_there_and_hear_of_each_other() {
    let Some(database) = Database::find() else { return };
    let (one, other) = (open(&database).await, open(&database).await);
    let tenant: TenantId = Id::new(NOW);
    assert!(one.is_open_by(other.instance().unwrap()).await.unwrap());
    let (mut own, mut heard) = (one.words().unwrap(), other.words().unwrap());

    // A change of what rights rest upon is told, a new one and other kinds are not.
    let key = new_uuid(NOW);
    let commit = async |step| one.commit(vec![Batch { tenant, at: NOW, steps: vec![step] }]).await.unwrap();
    commit(put(&KEY, key, Expect::Absent, "new")).await;
    commit(put(&NOTE, new_uuid(NOW), Expect::Absent, "note")).await;
    commit(put(&KEY, key, Expect::Revision(1), "revoked")).await;
    assert_eq!(heard.recv().await.unwrap(), Word::Authority { tenant, user: None });
    assert!(heard.try_recv().is_err() && own.try_recv().is_err());

    // A document that both change is changed as often as both were told.
    let id = new_uuid(NOW);
    let writers = [&one, &other].map(|store| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..60 {
                let steps = vec![put(&NOTE, id, Expect::Anything, "both"), entry(1)];
                store.commit(vec![Batch { tenant, at: NOW, steps }]).await.unwrap();
            }
        })
    });
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(other.get(Scope::Tenant(tenant), &NOTE, id).await.unwrap().unwrap().revision, 120);
    assert_eq!(one.entries(Scope::Platform, &EVENTS, all()).await.unwrap().len(), 120);

    // Each job goes to one of them.
    let jobs = (0..200)
        .map(|_| Step::Enqueue(Job { id: new_uuid(NOW), queue: "work", due: NOW, priority: 0, body: json!({}) }));
    one.commit(vec![Batch { tenant, at: NOW, steps: jobs.collect() }]).await.unwrap();
    let workers = [&one, &other, &one, &other].map(|store| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut done = Vec::new();
            while store.depth("work").await.unwrap() > 0 {
                for lease in store.lease("work", NOW, Duration::from_secs(30), 5).await.unwrap() {
                    assert!(store.finish(&lease).await.unwrap());
                    done.push(lease.id);
                }
            }
            done
        })
    });
    let mut done = Vec::new();
    for worker in workers {
        done.extend(worker.await.unwrap());
    }
    done.sort_unstable();
    done.dedup();
    assert_eq!(done.len(), 200);

    // A freeze holds for all.
    let frozen = one.freeze().await.unwrap();
    assert!(other.freeze().await.is_err());
    let answer = other.commit(vec![three(tenant, new_uuid(NOW))]).await;
    assert!(matches!(answer, Err(StoreFault::Unavailable(_))), "{answer:?}");
    drop(frozen);
    // The server hears a little later that it is over.
    let thawed = async || match other.commit(vec![three(tenant, new_uuid(NOW))]).await {
        Err(StoreFault::Unavailable(_)) => None,
        answer => Some(answer.unwrap()),
    };
    until("the others write again", thawed).await;

    let gone = one.instance().unwrap();
    one.end().await;
    while other.is_open_by(gone).await.unwrap() {}
}

fn read(copies: &SqliteCopies, file: &Path) -> Summary {
    let (mut pieces, mut summary) = (copies.open(file).unwrap(), Summary::default());
    loop {
        let some = pieces.next().unwrap();
        if some.is_empty() {
            return summary;
        }
        summary.add_all(&some);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_either_store_goes_into_the_other() {
    let Some(database) = Database::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let copies = SqliteCopies::new(&sqlite(folder.path())).unwrap();
    let (tenant, id) = (Id::new(NOW), new_uuid(NOW));
    let first = SqliteStore::open(sqlite(folder.path())).unwrap();
    for number in 0..1200 {
        let of = if number % 3 == 0 { put(&NOTE, id, Expect::Anything, "thrice") } else { entry(number) };
        let count = Step::Count { name: "calls", key: format!("{number}"), by: 1, at_most: None };
        first.commit(vec![Batch { tenant, at: NOW, steps: vec![of, count] }]).await.unwrap();
    }
    let job = Job { id: new_uuid(NOW), queue: "work", due: NOW, priority: 3, body: json!({ "do": "it" }) };
    first.commit(vec![Batch { tenant, at: NOW, steps: vec![Step::Enqueue(job)] }]).await.unwrap();
    let held = first.lease("work", NOW, Duration::from_secs(30), 1).await.unwrap().remove(0);
    let copied = folder.path().join("first.db");
    first.copy_to(&copied).await.unwrap();

    let second = open(&database).await;
    let taken = second.take_in(&copied).await.unwrap();
    assert_eq!(taken, read(&copies, &copied));
    assert!(second.take_in(&copied).await.is_err(), "it is not empty any more");
    assert_eq!(second.count(Scope::Tenant(tenant), &NOTE, Filter::Matches("thrice".into())).await.unwrap(), 1);
    let said = LogQuery { filter: Filter::Matches("said th".into()), ..all() };
    assert_eq!(second.entries(Scope::Tenant(tenant), &EVENTS, said.clone()).await.unwrap().len(), 800);
    assert!(second.finish(&held).await.unwrap(), "a lease holds in the other store");
    let last = first.last(&EVENTS).await.unwrap();
    second.commit(vec![Batch { tenant, at: NOW, steps: vec![entry(0)] }]).await.unwrap();
    assert!(second.last(&EVENTS).await.unwrap() > last, "positions go on");

    let back = folder.path().join("second.db");
    second.copy_to(&back).await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let third = SqliteStore::open(sqlite(elsewhere.path())).unwrap();
    third.restore_from(&back).await.unwrap();
    let third_copy = folder.path().join("third.db");
    third.copy_to(&third_copy).await.unwrap();
    assert_eq!(read(&copies, &back), read(&copies, &third_copy));
    assert_eq!(third.entries(Scope::Tenant(tenant), &EVENTS, said).await.unwrap().len(), 801);
    assert_eq!(third.get(Scope::Tenant(tenant), &NOTE, id).await.unwrap().unwrap().revision, 400);
    third.commit(vec![Batch { tenant, at: NOW, steps: vec![entry(0)] }]).await.unwrap();
    assert!(third.last(&EVENTS).await.unwrap() > second.last(&EVENTS).await.unwrap(), "here too");
}
