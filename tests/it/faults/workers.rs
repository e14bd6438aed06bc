//! Processes that work through a queue on PostgreSQL, killed and paused again and again: every job is committed, and none twice.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use convoke::adapter::postgres::{Address, PostgresConfig, PostgresStore};
use convoke::adapter::sqlite::{SqliteConfig, SqliteCopies};
use convoke::kernel::clock::SystemClock;
use convoke::kernel::id::{Id, TenantId, new_uuid};
use convoke::kernel::secret::Secret;
use convoke::port::queue::{Job, Queue as _};
use convoke::port::records::{Filter, Kind, Query, Records as _, Scope, Visibility};
use convoke::port::store::{Batch, Expect, Put, Step, Store as _, StoreFault};
use serde_json::json;

use crate::support::servers::Database;

/// How often one of the two is killed.
const KILLS: usize = 30;
const JOBS: u64 = 6_000;
/// Short, so that what a killed one held is soon another's.
const LEASE: Duration = Duration::from_millis(400);

/// The database that a worker works on.
const WORKS_ON: &str = "CONVOKE_TEST_WORKS_ON";

static DONE: Kind = Kind::new("done");

async fn open(url: &str) -> Arc<PostgresStore> {
    let clock = Arc::new(SystemClock);
    let files = SqliteConfig::new("/nowhere".into(), vec![&DONE], Vec::new(), clock.clone());
    let config = PostgresConfig {
        address: Address { url: Secret::new(url.to_owned()), password: None, authority: None },
        kinds: vec![&DONE],
        logs: Vec::new(),
        unowned: Vec::new(),
        unowned_logs: Vec::new(),
        clock,
        readers: 4,
        writers: 2,
        copies: Arc::new(SqliteCopies::new(&files).unwrap()),
        before: None,
    };
    PostgresStore::open(config).await.unwrap()
}

/// Not a test of its own: what each of the processes runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test that kills it"]
async fn works_until_it_is_killed() {
    let Ok(url) = std::env::var(WORKS_ON) else { return };
    let store = open(&url).await;
    let clock = store.clock();
    loop {
        let leases = store.lease("work", clock.now(), LEASE, 5).await.unwrap_or_default();
        for lease in &leases {
            let body = json!({ "job": lease.body["number"] });
            let id = new_uuid(clock.now());
            let done = Put {
                kind: &DONE,
                id,
                expect: Expect::Absent,
                owner: None,
                workspace: None,
                visibility: Visibility::Tenant,
                body,
            };
            // What it brings about, and its end, or neither. Without the fence both would be there when a lease ran out meanwhile.
            let finish = Step::Finish { queue: "work", id: lease.id, token: lease.token };
            let batch = Batch { tenant: lease.tenant, at: clock.now(), steps: vec![Step::Put(done), finish] };
            match store.commit(vec![batch]).await {
                Ok(_) | Err(StoreFault::Conflict(_) | StoreFault::Unavailable(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        if leases.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn worker(url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::workers::works_until_it_is_killed", "--ignored"])
        .env(WORKS_ON, url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Ends with what it holds.
struct Workers(Vec<Child>);

impl Workers {
    fn signal(&self, at: usize, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.0[at].id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn kill(&mut self, at: usize) {
        self.0[at].kill().unwrap();
        self.0[at].wait().unwrap();
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_one_of_two_workers_again_and_again_commits_no_job_twice() {
    let Some(database) = Database::find() else { return };
    let url = database.url().await;
    let store = open(&url).await;
    let now = store.clock().now();
    let tenant: TenantId = Id::new(now);
    let job =
        |number| Job { id: new_uuid(now), queue: "work", due: now, priority: 0, body: json!({ "number": number }) };
    let jobs = (0..JOBS).map(|number| Step::Enqueue(job(number)));
    store.commit(vec![Batch { tenant, at: now, steps: jobs.collect() }]).await.unwrap();
    let mut workers = Workers(vec![worker(&url), worker(&url)]);
    for round in 0..KILLS {
        let left = store.depth("work").await.unwrap();
        if left > 0 {
            // Something is done before each kill, and it falls at another moment each time.
            while store.depth("work").await.unwrap() == left {}
        }
        tokio::time::sleep(Duration::from_millis((round as u64 * 7) % 40)).await;
        workers.kill(round % 2);
        workers.0[round % 2] = worker(&url);
        // One that stands still for longer than its leases last goes on with what is another's by then.
        if round % 3 == 0 {
            let other = (round + 1) % 2;
            workers.signal(other, "STOP");
            tokio::time::sleep(LEASE * 3 / 2).await;
            workers.signal(other, "CONT");
        }
    }
    let began = tokio::time::Instant::now();
    while store.depth("work").await.unwrap() > 0 {
        assert!(began.elapsed() < Duration::from_secs(120), "{:?} are left", store.depth("work").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let query = Query { filter: Filter::All, order: "id", descending: false, after: None, limit: 100_000 };
    let mut done: BTreeMap<u64, usize> = BTreeMap::new();
    for record in store.find(Scope::Platform, &DONE, query).await.unwrap() {
        *done.entry(record.body["job"].as_u64().unwrap()).or_default() += 1;
    }
    let twice: Vec<_> = done.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(done.len() as u64, JOBS);
}
