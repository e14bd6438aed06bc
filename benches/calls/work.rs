//! Queued work on PostgreSQL: what two instances spend on a fixed batch of jobs beside what one spends. Each is a process of its
//! own, and what the server spends on them counts, too. Left out where `POSTGRES_URL` names no server.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use convoke::adapter::postgres::{Address, PostgresConfig, PostgresStore};
use convoke::adapter::sqlite::{SqliteConfig, SqliteCopies};
use convoke::kernel::clock::SystemClock;
use convoke::kernel::id::{Id, TenantId, new_uuid};
use convoke::kernel::secret::Secret;
use convoke::port::queue::{Job, Lease, Queue as _};
use convoke::port::records::{Kind, Visibility};
use convoke::port::store::{Batch, Expect, Put, Step, Store as _};
use serde_json::json;

use super::postgres::{connect, fresh};
use super::table::{Table, Target};

/// The database that a worker works on.
const WORKS_ON: &str = "CONVOKE_BENCH_WORKS_ON";
const JOBS: usize = 20_000;
/// Jobs that a worker takes at a time, and how often at the same time.
const TAKEN: u32 = 64;
const HANDS: usize = 2;
const ROUNDS: usize = 3;

static DONE: Kind = Kind::new("done");

/// Works and answers true, where this process was started for that.
pub(crate) async fn works() -> bool {
    let Ok(url) = std::env::var(WORKS_ON) else { return false };
    let store = open(&url).await;
    println!("ready");
    let mut begin = String::new();
    std::io::stdin().read_line(&mut begin).unwrap();
    let hands = (0..HANDS).map(|_| tokio::spawn(work(store.clone())));
    for hand in hands.collect::<Vec<_>>() {
        hand.await.unwrap();
    }
    store.end().await;
    true
}

async fn work(store: Arc<PostgresStore>) {
    let clock = store.clock();
    loop {
        let leases = store.lease("work", clock.now(), Duration::from_secs(30), TAKEN).await.unwrap();
        if leases.is_empty() {
            if store.depth("work").await.unwrap() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let commits = leases.into_iter().map(|lease| store.commit(vec![done(&lease, clock.now())]));
        for answer in futures::future::join_all(commits).await {
            answer.unwrap();
        }
    }
}

fn done(lease: &Lease, at: convoke::kernel::time::Timestamp) -> Batch {
    let put = Put {
        kind: &DONE,
        id: new_uuid(at),
        expect: Expect::Absent,
        owner: None,
        workspace: None,
        visibility: Visibility::Tenant,
        body: json!({ "job": lease.body["number"], "text": "x".repeat(300) }),
    };
    let finish = Step::Finish { queue: "work", id: lease.id, token: lease.token };
    Batch { tenant: lease.tenant, at, steps: vec![Step::Put(put), finish] }
}

async fn open(url: &str) -> Arc<PostgresStore> {
    let clock = Arc::new(SystemClock);
    let files = SqliteConfig::new("nothing.db".into(), vec![&DONE], Vec::new(), clock.clone());
    PostgresStore::open(PostgresConfig {
        address: Address { url: Secret::new(url.to_owned()), password: None, authority: None },
        kinds: vec![&DONE],
        logs: Vec::new(),
        unowned: Vec::new(),
        unowned_logs: Vec::new(),
        clock,
        readers: 6,
        writers: 2,
        copies: Arc::new(SqliteCopies::new(&files).unwrap()),
        before: None,
    })
    .await
    .unwrap()
}

/// Measures one and two.
pub(crate) async fn measure(table: &mut Table) {
    let Ok(url) = std::env::var("POSTGRES_URL") else {
        eprintln!("left out, POSTGRES_URL is not set: work");
        return;
    };
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(spent(&url, 1).await);
        two.push(spent(&url, 2).await);
    }
    let (one, two) = (least(&one), least(&two));
    let more = 100.0 * (two / one - 1.0);
    table.row(
        "CPU for 20,000 queued jobs, two instances and the server",
        format!("{two:.2} s"),
        format!("{one:.2} s (one instance and the server)"),
        format!("{more:+.0} %"),
        Target::of("≤ +10 %", more <= 10.0),
    );
}

/// What disturbs a run makes it dearer: the least is nearest to what the work itself costs.
fn least(of: &[f64]) -> f64 {
    of.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The seconds of all processors that so many instances and the server spend on the batch.
async fn spent(url: &str, instances: usize) -> f64 {
    let database = fresh(url).await;
    let store = open(&database).await;
    let now = store.clock().now();
    let tenant: TenantId = Id::new(now);
    for chunk in 0..JOBS / 1000 {
        let jobs = (0..1000).map(|number| {
            let body = json!({ "number": chunk * 1000 + number });
            Step::Enqueue(Job { id: new_uuid(now), queue: "work", due: now, priority: 0, body })
        });
        store.commit(vec![Batch { tenant, at: now, steps: jobs.collect() }]).await.unwrap();
    }
    store.end().await;
    let client = connect(&database).await;
    client
        .batch_execute("SET convoke.tenant = 'ffffffff-ffff-ffff-ffff-ffffffffffff'; ANALYZE convoke.jobs")
        .await
        .unwrap();
    let backend: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let postmaster = stat(&backend.to_string()).parent;
    let mut workers: Vec<Child> = (0..instances).map(|_| worker(&database)).collect();
    let before = of_server(postmaster) + workers.iter().map(|one| stat(&one.id().to_string()).own).sum::<f64>();
    let began = Instant::now();
    for one in &mut workers {
        std::io::Write::write_all(one.stdin.as_mut().unwrap(), b"begin\n").unwrap();
    }
    // What has ended is asked no more: each is looked at until it has, and the last look is what it spent.
    let mut last = vec![0.0; instances];
    loop {
        let mut running = false;
        for (one, last) in workers.iter_mut().zip(&mut last) {
            // It has ended and nobody has asked how: its figures are still there.
            let now = stat(&one.id().to_string());
            (running, *last) = (running || !now.ended, now.own);
        }
        if !running {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    // The server's processes for them end a moment later.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let spent = of_server(postmaster) + last.iter().sum::<f64>() - before;
    for mut one in workers {
        assert!(one.wait().unwrap().success());
    }
    let done: i64 = client.query_one("SELECT count(*) FROM convoke.k_done", &[]).await.unwrap().get(0);
    assert_eq!(usize::try_from(done).unwrap(), JOBS, "each was done once");
    eprintln!("  {instances} of them: {spent:.2} s of processors in {:.2} s", took.as_secs_f64());
    spent
}

fn worker(database: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(WORKS_ON, database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut lines, &mut ready).unwrap();
    assert_eq!(ready.trim(), "ready");
    child
}

/// What the kernel tells of a process, in seconds of a processor.
struct Stat {
    parent: u32,
    ended: bool,
    own: f64,
    /// With those of its children that have ended.
    with_ended: f64,
}

fn stat(process: &str) -> Stat {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let (_, after) = text.rsplit_once(") ").unwrap_or(("", "Z 0"));
    let parts: Vec<&str> = after.split(' ').collect();
    let ticks = |at: usize| parts.get(at).and_then(|part| part.parse::<f64>().ok()).unwrap_or(0.0) / 100.0;
    Stat {
        parent: parts.get(1).and_then(|part| part.parse().ok()).unwrap_or(0),
        ended: parts.first() == Some(&"Z"),
        own: ticks(11) + ticks(12),
        with_ended: ticks(11) + ticks(12) + ticks(13) + ticks(14),
    }
}

/// What a server has spent: its first process, those that have ended, and those that run.
fn of_server(postmaster: u32) -> f64 {
    let running = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().ok()?;
        name.parse::<u32>().ok()?;
        let one = stat(&name);
        (one.parent == postmaster).then_some(one.own)
    });
    stat(&postmaster.to_string()).with_ended + running.sum::<f64>()
}
