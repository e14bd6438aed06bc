//! Reads that take long: they end with whoever waits for them, look at no more than they may, leave room for other tenants,
//! and do not keep the write-ahead log from being taken in.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use convoke::adapter::sqlite::{SqliteConfig, SqliteStore};
use convoke::kernel::clock::ManualClock;
use convoke::kernel::id::{Id, TenantId, new_uuid};
use convoke::port::logs::{Keep, Log, LogQuery, Logs as _, TimeQuery};
use convoke::port::records::{
    Comparison, Field, FieldType, Filter, Kind, Query, Records as _, Scalar, Scope, Visibility,
};
use convoke::port::store::{Batch, Expect, Put, Step, Store as _, StoreFault};
use serde_json::json;

use crate::conformance::place::NOW;

static NOTE: Kind = Kind::new("note");
static LAMP: Kind = Kind {
    fields: &[Field { name: "room", of: FieldType::Integer }, Field { name: "lit", of: FieldType::Boolean }],
    ..Kind::new("lamp")
};
static JOURNAL: Log = Log {
    name: "journal",
    fields: &[Field { name: "step", of: FieldType::Integer }, Field { name: "parity", of: FieldType::Integer }],
    text: &[],
    keep: Keep { age: Duration::from_hours(1), entries: 1000 },
    followed: false,
};

/// Only a test that hangs meets it.
const PATIENCE: Duration = Duration::from_secs(60);

fn open(folder: &Path, alter: impl FnOnce(&mut SqliteConfig)) -> Arc<SqliteStore> {
    let file = folder.join("convoke.db");
    let mut config = SqliteConfig::new(file, vec![&NOTE, &LAMP], vec![&JOURNAL], Arc::new(ManualClock::at(NOW)));
    alter(&mut config);
    SqliteStore::open(config).unwrap()
}

/// Entries a second apart.
async fn fill(store: &SqliteStore, tenant: TenantId, entries: u64) {
    let batches = (0..entries).map(|step| Batch {
        tenant,
        at: NOW.plus(Duration::from_secs(step)),
        steps: vec![Step::Append {
            log: &JOURNAL,
            stream: String::new(),
            body: json!({ "step": step, "parity": step % 2 }),
        }],
    });
    store.commit(batches.collect()).await.unwrap();
}

/// Fits nothing, and takes long to find that out: so many times 900 looks at each entry, by no index.
fn laborious(times: usize) -> Filter {
    let not = |filter| Filter::Not(Box::new(filter));
    let always = not(Filter::Or(vec![Filter::IsNull("parity"); 900]));
    let mut all = vec![always.clone(); times - 1];
    all.push(not(always));
    Filter::And(all)
}

fn entries(filter: Filter) -> LogQuery {
    LogQuery { filter, beyond: None, descending: false, limit: 10 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_nobody_waits_for_ends() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), |config| {
        config.readers = 2;
        config.read_steps = u64::MAX;
    });
    let tenant: TenantId = Id::new(NOW);
    fill(&store, tenant, 100_000).await;
    let reads = (0..6).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.entries(Scope::Platform, &JOURNAL, entries(laborious(35))).await })
    });
    let reads: Vec<_> = reads.collect();
    while store.reads_under_way() < 2 {
        tokio::task::yield_now().await;
    }
    for read in &reads {
        read.abort();
    }
    let ended = tokio::time::timeout(PATIENCE / 3, async {
        while store.reads_under_way() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(ended.await.is_ok(), "reads went on that nobody waited for");
    assert_eq!(store.entries(Scope::Tenant(tenant), &JOURNAL, entries(Filter::All)).await.unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_looks_at_no_more_than_it_may_and_a_period_is_found_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), |config| config.read_steps = 100_000);
    let (tenant, other): (TenantId, TenantId) = (Id::new(NOW), Id::new(NOW));
    fill(&store, tenant, 60_000).await;
    fill(&store, other, 10).await;
    let scope = Scope::Tenant(tenant);
    let seconds = |at| Scalar::Time(NOW.plus(Duration::from_secs(at)));
    let period = |from, to| {
        Filter::Compare("at", Comparison::AtLeast, seconds(from)).and(Filter::Compare(
            "at",
            Comparison::Less,
            seconds(to),
        ))
    };
    let by_time = |filter| TimeQuery { filter, beyond: None, descending: true, limit: 3 };
    let nothing =
        Filter::is("parity", Scalar::Integer(0)).and(Filter::Compare("step", Comparison::Less, Scalar::Integer(0)));

    let answer = store.entries(scope, &JOURNAL, entries(laborious(1))).await;
    assert_eq!(answer, Err(StoreFault::TooMuch));
    let answer = store.entries_by_time(scope, &JOURNAL, by_time(laborious(1))).await;
    assert_eq!(answer, Err(StoreFault::TooMuch));
    // The program itself may look at everything, and everybody at little.
    assert_eq!(store.entries(Scope::Platform, &JOURNAL, entries(laborious(1))).await, Ok(vec![]));
    assert_eq!(store.entries(Scope::Tenant(other), &JOURNAL, entries(laborious(1))).await, Ok(vec![]));

    // Wherever a period lies, it costs what is in it: with and without a field that has a value.
    for from in [0, 10_000, 59_990] {
        let found = store.entries_by_time(scope, &JOURNAL, by_time(period(from, from + 10))).await.unwrap();
        let steps: Vec<_> = found.iter().map(|entry| entry.body["step"].as_u64().unwrap()).collect();
        assert_eq!(steps, [from + 9, from + 8, from + 7]);
        let even = Filter::is("parity", Scalar::Integer(0)).and(period(from, from + 10));
        let found = store.entries_by_time(scope, &JOURNAL, by_time(even)).await.unwrap();
        assert_eq!(found.first().unwrap().body["step"], from + 8);
        let narrow = nothing.clone().and(period(from, from + 10));
        assert_eq!(store.entries_by_time(scope, &JOURNAL, by_time(narrow)).await, Ok(vec![]));
    }
    // Where a long one begins, and where the next page does.
    let old = TimeQuery { beyond: Some((NOW.plus(Duration::from_secs(30_000)), i64::MAX)), ..by_time(Filter::All) };
    let found = store.entries_by_time(scope, &JOURNAL, old).await.unwrap();
    assert_eq!(found.first().unwrap().body["step"], 30_000);
}

/// Nearly all lamps are lit: who starts from that looks at all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_a_value_and_a_flag_is_looked_up_by_the_value() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), |config| config.read_steps = 5_000);
    let tenant: TenantId = Id::new(NOW);
    let lamp = |room: u64| {
        Step::Put(Put {
            kind: &LAMP,
            id: new_uuid(NOW),
            expect: Expect::Absent,
            owner: None,
            workspace: None,
            visibility: Visibility::Tenant,
            body: json!({ "room": room, "lit": true }),
        })
    };
    store.commit(vec![Batch { tenant, at: NOW, steps: (0..5_000).map(lamp).collect() }]).await.unwrap();
    let lit = |value| Filter::is("lit", Scalar::Boolean(value));
    let room = |number| Filter::is("room", Scalar::Integer(number));
    let find =
        async |filter| store.find(Scope::Tenant(tenant), &LAMP, Query::newest(filter, 4)).await.map(|all| all.len());
    assert_eq!(find(room(7).and(lit(true))).await, Ok(1));
    assert_eq!(find(lit(true).and(Filter::Or(vec![lit(false), room(7)])).and(room(7))).await, Ok(1));
    assert_eq!(find(room(7).and(lit(false))).await, Ok(0));
    // Alone it leads to what it has.
    assert_eq!(find(lit(false)).await, Ok(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_reads_much_leaves_room_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), |config| {
        config.readers = 2;
        config.read_steps = u64::MAX;
    });
    let (busy, other): (TenantId, TenantId) = (Id::new(NOW), Id::new(NOW));
    fill(&store, busy, 20_000).await;
    fill(&store, other, 1).await;
    let reads = (0..4).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.entries(Scope::Tenant(busy), &JOURNAL, entries(laborious(35))).await })
    });
    let reads: Vec<_> = reads.collect();
    while store.reads_under_way() < 1 {
        tokio::task::yield_now().await;
    }
    let quick = store.entries(Scope::Tenant(other), &JOURNAL, entries(Filter::All));
    let quick = tokio::time::timeout(PATIENCE, quick).await.unwrap().unwrap();
    assert_eq!(quick.len(), 1);
    assert!(reads.iter().all(|read| !read.is_finished()), "it had to wait for the other tenant's reads");
    for read in reads {
        read.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_write_ahead_log_stays_small_under_reads_that_overlap() {
    const BOUND: u64 = 1 << 20;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), |config| config.log_bytes = BOUND);
    let tenant: TenantId = Id::new(NOW);
    fill(&store, tenant, 2_000).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers = (0..4).map(|_| {
        let (store, done) = (store.clone(), done.clone());
        tokio::spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let answer = store.entries(Scope::Platform, &JOURNAL, entries(laborious(1))).await;
                // One that took long when the log had to be taken in was told to end.
                assert!(matches!(answer, Ok(_) | Err(StoreFault::Unavailable(_))), "{answer:?}");
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    let mut largest = 0;
    for _ in 0..600 {
        let put = Put {
            kind: &NOTE,
            id: new_uuid(NOW),
            expect: Expect::Absent,
            owner: None,
            workspace: None,
            visibility: Visibility::Tenant,
            body: json!({ "filler": "x".repeat(64 << 10) }),
        };
        store.commit(vec![Batch { tenant, at: NOW, steps: vec![Step::Put(put)] }]).await.unwrap();
        largest = largest.max(std::fs::metadata(folder.path().join("convoke.db-wal")).unwrap().len());
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(largest < 12 * BOUND, "the log grew to {largest} bytes");
    assert_eq!(store.count(Scope::Tenant(tenant), &NOTE, Filter::All).await, Ok(600));
}

#[tokio::test]
async fn commits_are_synced_to_disk_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), |_| {});
    assert_eq!(store.durability().await.unwrap(), ("wal".to_owned(), 2), "the journal, and FULL");
}
