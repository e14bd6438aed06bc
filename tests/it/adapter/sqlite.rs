//! What is true of the SQLite store alone: a full disk, files of others, copies before a change, a process that is killed.

use std::path::Path;
use std::sync::Arc;

use convoke::adapter::sqlite::{SqliteConfig, SqliteStore};
use convoke::kernel::clock::ManualClock;
use convoke::kernel::id::{Id, TenantId, new_uuid};
use convoke::port::logs::{Keep, Log, Logs as _};
use convoke::port::records::{Field, FieldType, Filter, Kind, Records as _, Scope, Visibility};
use convoke::port::store::{Batch, Expect, Put, Step, Store as _, StoreFault};
use serde_json::json;

use crate::conformance::place::NOW;

static NOTE: Kind = Kind { text: &["text"], ..Kind::new("note") };
static NOTE_WITH_TITLE: Kind = Kind { fields: &[Field { name: "title", of: FieldType::Text }], ..Kind::new("note") };
static EVENTS: Log = Log {
    name: "events",
    fields: &[],
    text: &[],
    keep: Keep { age: std::time::Duration::from_mins(1), entries: 1000 },
    followed: false,
};

fn config(folder: &Path, kind: &'static Kind) -> SqliteConfig {
    SqliteConfig::new(folder.join("convoke.db"), vec![kind], vec![&EVENTS], Arc::new(ManualClock::at(NOW)))
}

fn note(tenant: TenantId, text: &str) -> Batch {
    note_of(&NOTE, tenant, text)
}

fn note_of(kind: &'static Kind, tenant: TenantId, text: &str) -> Batch {
    let put = Put {
        kind,
        id: new_uuid(NOW),
        expect: Expect::Absent,
        owner: None,
        workspace: None,
        visibility: Visibility::Tenant,
        body: json!({"text": text}),
    };
    let entry = Step::Append { log: &EVENTS, stream: String::new(), body: json!({}) };
    Batch { tenant, at: NOW, steps: vec![Step::Put(put), entry] }
}

/// As many documents as entries: nothing half-written.
async fn whole(store: &SqliteStore) -> u64 {
    let notes = store.count(Scope::Platform, &NOTE, Filter::All).await.unwrap();
    let entries =
        convoke::port::logs::LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 1_000_000 };
    assert_eq!(store.entries(Scope::Platform, &EVENTS, entries).await.unwrap().len() as u64, notes);
    notes
}

async fn write_until_full(store: &Arc<SqliteStore>, tenant: TenantId, text: &str) -> u64 {
    let mut kept = 0;
    loop {
        match store.commit(vec![note(tenant, text)]).await {
            Ok(_) => kept += 1,
            Err(fault) => {
                assert_eq!(fault, StoreFault::Full, "after {kept}");
                return kept;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_got_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut limited = config(folder.path(), &NOTE);
    limited.max_pages = Some(400);
    let store = SqliteStore::open(limited.clone()).unwrap();
    let tenant: TenantId = Id::new(NOW);
    // Many at once share commits: what was answered well is kept, and nothing else is.
    let writers = (0..8).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { write_until_full(&store, tenant, &"words of some length ".repeat(200)).await })
    });
    let mut kept = 0;
    for writer in writers.collect::<Vec<_>>() {
        kept += writer.await.unwrap();
    }
    assert!(kept > 20);
    assert_eq!(whole(&store).await, kept);
    let fault = store.commit(vec![note(tenant, &"x".repeat(1_000_000))]).await.unwrap_err();
    assert_eq!((fault, store.failed()), (StoreFault::Full, Some(StoreFault::Full)));

    // Still full, and still itself, after it was opened again.
    drop(store);
    let store = SqliteStore::open(limited).unwrap();
    assert_eq!(whole(&store).await, kept);
    assert_eq!(store.commit(vec![note(tenant, &"x".repeat(1_000_000))]).await, Err(StoreFault::Full));

    // Once there is room it goes on by itself.
    store.limit_pages(None).await.unwrap();
    store.commit(vec![note(tenant, &"x".repeat(1_000_000))]).await.unwrap();
    assert_eq!(store.health().await.unwrap().failed, None);
    assert_eq!(whole(&store).await, kept + 1);
    assert_eq!(store.count(Scope::Tenant(tenant), &NOTE, Filter::Matches("some words".into())).await.unwrap(), kept);
}

#[tokio::test]
async fn leaves_what_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("convoke.db");
    let refused = |why: &str| {
        let before = std::fs::read(&file).unwrap();
        let answer = SqliteStore::open(config(folder.path(), &NOTE)).map(drop);
        assert!(matches!(&answer, Err(StoreFault::Unavailable(said)) if said.contains(why)), "{answer:?}");
        assert_eq!(std::fs::read(&file).unwrap().len(), before.len());
    };
    drop(SqliteStore::open(config(folder.path(), &NOTE)).unwrap());
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 9999).unwrap();
    drop(connection);
    refused("newer program: it has schema 9999");

    std::fs::remove_file(&file).unwrap();
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(connection);
    refused("not a store of this program");

    std::fs::write(&file, "no database at all, but long enough to look at".repeat(100)).unwrap();
    let answer = SqliteStore::open(config(folder.path(), &NOTE)).map(drop);
    assert!(answer.is_err(), "{answer:?}");
}

#[tokio::test]
async fn copies_the_database_before_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let copies = || {
        let listed = std::fs::read_dir(folder.path().join("backups")).map_or_else(|_| vec![], Iterator::collect);
        let mut names: Vec<_> = listed.into_iter().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names
    };
    // Nothing in it: nothing to copy.
    drop(SqliteStore::open(config(folder.path(), &NOTE)).unwrap());
    drop(SqliteStore::open(config(folder.path(), &NOTE_WITH_TITLE)).unwrap());
    assert_eq!(copies(), Vec::<std::path::PathBuf>::new());
    let store = SqliteStore::open(config(folder.path(), &NOTE)).unwrap();
    store.commit(vec![note(Id::new(NOW), "kept")]).await.unwrap();
    drop(store);

    drop(SqliteStore::open(config(folder.path(), &NOTE)).unwrap());
    assert_eq!(copies().len(), 0, "nothing differs");
    drop(SqliteStore::open(config(folder.path(), &NOTE_WITH_TITLE)).unwrap());
    let first = copies();
    assert_eq!(first.len(), 1);
    for kind in [&NOTE, &NOTE_WITH_TITLE, &NOTE] {
        drop(SqliteStore::open(config(folder.path(), kind)).unwrap());
    }
    assert_eq!(copies().len(), 3);
    assert!(!copies().contains(&first[0]), "the oldest went");

    // A copy is a whole store: another one takes it in.
    let elsewhere = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(config(elsewhere.path(), &NOTE)).unwrap();
    let altered = elsewhere.path().join("altered.db");
    std::fs::copy(&copies()[0], &altered).unwrap();
    let connection = rusqlite::Connection::open(&altered).unwrap();
    connection.execute_batch("CREATE TRIGGER sly AFTER INSERT ON k_note BEGIN DELETE FROM jobs; END").unwrap();
    drop(connection);
    let answer = store.restore_from(&altered).await;
    assert!(matches!(&answer, Err(StoreFault::Unavailable(why)) if why.contains("more than")), "{answer:?}");
    store.restore_from(&copies()[0]).await.unwrap();
    assert_eq!(store.count(Scope::Platform, &NOTE, Filter::Matches("kept".into())).await.unwrap(), 1);
}

#[tokio::test]
async fn looking_at_what_would_change_changes_nothing_and_the_copy_leads_back() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (config(folder.path(), &NOTE), config(folder.path(), &NOTE_WITH_TITLE));
    assert_eq!(SqliteStore::inspect(&old).unwrap().schema, 0);
    assert!(!old.file.exists());
    let store = SqliteStore::open(old.clone()).unwrap();
    store.commit(vec![note(Id::new(NOW), "kept")]).await.unwrap();
    drop(store);
    assert_eq!(SqliteStore::inspect(&old).unwrap().changes, Vec::<String>::new());
    for _ in 0..2 {
        let changes = SqliteStore::inspect(&new).unwrap().changes;
        assert_eq!(changes, ["documents 'note': field 'title' comes, the full text is made anew"]);
    }

    let store = SqliteStore::open(new.clone()).unwrap();
    store.commit(vec![note_of(&NOTE_WITH_TITLE, Id::new(NOW), "later")]).await.unwrap();
    drop(store);
    let copy = std::fs::read_dir(folder.path().join("backups")).unwrap().next().unwrap().unwrap().path();
    let kept = SqliteStore::put_in_place(&old.file, &copy, NOW).unwrap();
    assert_eq!(SqliteStore::inspect(&old).unwrap().changes, Vec::<String>::new(), "it is as the old program left it");
    let store = SqliteStore::open(old.clone()).unwrap();
    assert_eq!(store.count(Scope::Platform, &NOTE, Filter::All).await.unwrap(), 1);
    drop(store);
    // And what was there is not lost.
    SqliteStore::put_in_place(&new.file, &kept, NOW.plus(std::time::Duration::from_secs(1))).unwrap();
    let store = SqliteStore::open(new).unwrap();
    assert_eq!(store.count(Scope::Platform, &NOTE_WITH_TITLE, Filter::All).await.unwrap(), 2);
    drop(store);
    std::fs::write(&copy, "no copy").unwrap();
    assert!(SqliteStore::put_in_place(&old.file, &copy, NOW).is_err());
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(config(folder.path(), &NOTE)).unwrap();
    let waiting = store.commit(vec![note(Id::new(NOW), "last")]);
    let ((), answer) = tokio::join!(async { store.close() }, waiting);
    assert!(matches!(answer, Ok(_) | Err(StoreFault::Unavailable(_))), "{answer:?}");
    let answer = store.commit(vec![note(Id::new(NOW), "late")]).await;
    assert!(matches!(answer, Err(StoreFault::Unavailable(_))), "{answer:?}");
    let answer = store.count(Scope::Platform, &NOTE, Filter::All).await;
    assert!(matches!(answer, Err(StoreFault::Unavailable(_))), "{answer:?}");
    assert!(!folder.path().join("convoke.db-wal").exists(), "the log was taken in");
}

/// The folder in which the process that is going to be killed writes.
const VICTIM: &str = "CONVOKE_TEST_VICTIM_FOLDER";

/// Not a test of its own: what the killed process runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test that kills it"]
async fn writes_until_it_is_killed() {
    let Ok(folder) = std::env::var(VICTIM) else { return };
    let store = SqliteStore::open(config(Path::new(&folder), &NOTE)).unwrap();
    let writers = (0..8).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut answer = Ok(Vec::new());
            while answer.is_ok() {
                let batch = note(Id::new(NOW), "written before the end");
                let ids: Vec<_> = batch
                    .steps
                    .iter()
                    .filter_map(|step| if let Step::Put(put) = step { Some(put.id) } else { None })
                    .collect();
                answer = store.commit(vec![batch]).await;
                ids.iter().filter(|_| answer.is_ok()).for_each(|id| println!("kept {id}"));
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    use std::io::BufRead as _;
    use std::process::{Command, Stdio};

    let folder = tempfile::tempdir().unwrap();
    let mut kept = Vec::new();
    for round in 0..5_usize {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "adapter::sqlite::writes_until_it_is_killed", "--ignored", "--nocapture"])
            .env(VICTIM, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(victim.stdout.take().unwrap()).lines();
        let ids = lines.map_while(Result::ok).filter_map(|line| {
            // The harness writes its own words into the first line.
            line.split_once("kept ").and_then(|(_, id)| uuid::Uuid::parse_str(id).ok())
        });
        let before = kept.len();
        for id in ids {
            kept.push(id);
            if kept.len() == before + 100 + 37 * round {
                victim.kill().unwrap();
            }
        }
        victim.wait().unwrap();
        assert!(kept.len() > before, "round {round}");

        let store = SqliteStore::open(config(folder.path(), &NOTE)).unwrap();
        assert!(whole(&store).await >= kept.len() as u64);
        for id in &kept {
            assert!(store.get(Scope::Platform, &NOTE, *id).await.unwrap().is_some(), "round {round}: {id} is lost");
        }
        let found = store.count(Scope::Platform, &NOTE, Filter::Matches("before the end".into())).await.unwrap();
        assert_eq!(found, whole(&store).await);
    }
}

static VISITS: Log = Log {
    name: "visits",
    fields: &[Field { name: "guest", of: FieldType::Text }],
    text: &[],
    keep: Keep { age: std::time::Duration::from_mins(1), entries: 1000 },
    followed: false,
};

#[tokio::test]
async fn an_index_of_a_log_leaves_out_what_has_no_value_in_older_stores_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("convoke.db");
    let clock = Arc::new(ManualClock::at(NOW));
    let open = || SqliteStore::open(SqliteConfig::new(file.clone(), vec![], vec![&VISITS], clock.clone())).unwrap();
    let tenant: TenantId = Id::new(NOW);
    let visit = |body| Step::Append { log: &VISITS, stream: String::new(), body };
    let steps = vec![visit(json!({ "guest": "ada" })), visit(json!({})), visit(json!({ "guest": "bo" }))];
    open().commit(vec![Batch { tenant, at: NOW, steps }]).await.unwrap();
    // As an earlier program left it.
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection
        .execute_batch(
            "DROP INDEX i_l_visits__guest; CREATE INDEX i_l_visits__guest ON l_visits (tenant, f_guest, at);
             UPDATE declared SET version = 3, declaration = json_set(declaration, '$.version', 3) WHERE name = 'l_visits';",
        )
        .unwrap();
    let store = open();
    let indexes: String = connection
        .query_row("SELECT sql FROM sqlite_master WHERE name = 'i_l_visits__guest'", [], |row| row.get(0))
        .unwrap();
    assert!(indexes.ends_with("WHERE \"f_guest\" IS NOT NULL"), "{indexes}");
    let plan: String = connection
        .query_row(
            "EXPLAIN QUERY PLAN SELECT body FROM l_visits WHERE tenant = ?1 AND f_guest = ?2 ORDER BY at DESC",
            rusqlite::params![tenant.uuid().as_bytes(), "bo"],
            |row| row.get(3),
        )
        .unwrap();
    assert!(plan.contains("i_l_visits__guest"), "{plan}");
    let found = |filter| {
        let query = convoke::port::logs::LogQuery { filter, beyond: None, descending: false, limit: 10 };
        store.entries(Scope::Tenant(tenant), &VISITS, query)
    };
    let guest = Filter::is("guest", convoke::port::records::Scalar::Text("bo".to_owned()));
    assert_eq!(found(guest).await.unwrap().len(), 1);
    assert_eq!(found(Filter::IsNull("guest")).await.unwrap().len(), 1);
}
