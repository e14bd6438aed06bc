//! What events cost: from commit to handler, sustained through the outbox, and catching up after a long absence.
//!
//! `cargo bench --bench events`                       everything; ends non-zero when a target is missed
//! `cargo bench --bench events -- latency`            some of it: latency, sustained, behind, fleet
//! `scripts/services run cargo bench --bench events`  over NATS, too, and from one instance to another on PostgreSQL

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measuring program: what goes wrong ends it with its message"
)]

use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use convoke::app::{App, Settings};
use convoke::capability::caller::{Caller, Credential, Origin};
use convoke::capability::events::Ways;
use convoke::capability::gate::Request;
use convoke::capability::outcome::Outcome;
use convoke::kernel::clock::{Clock as _, SystemClock};
use convoke::kernel::fault::Fault;
use convoke::kernel::id::{CallId, TenantId, new_uuid};
use convoke::kernel::secret::Secret;
use convoke::kernel::time::Timestamp;
use convoke::port::announcer::Announcer;
use serde_json::{Value, json};

/// The handler: notes what comes, and when.
#[derive(Default)]
struct Noted(Mutex<Vec<(u64, Instant)>>);

impl Announcer for Noted {
    fn announce(&self, _: TenantId, _: &str, data: &Value, _: Timestamp) -> Result<(), Fault> {
        let number = data["data"]["number"].as_u64().unwrap();
        self.0.lock().unwrap().push((number, Instant::now()));
        Ok(())
    }
}

impl Noted {
    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

struct Bench {
    app: Arc<App>,
    caller: Arc<Caller>,
    noted: Arc<Noted>,
    key: Secret,
    _folder: tempfile::TempDir,
}

/// What carries the events.
#[derive(Clone)]
enum Over {
    Process,
    /// The server's address, and a stream of its own.
    Nats(String, String),
}

impl Over {
    fn name(&self) -> &'static str {
        match self {
            Self::Process => "in process",
            Self::Nats(..) => "over NATS",
        }
    }

    /// Over NATS, where there is a server.
    fn nats() -> Option<Self> {
        let stream = format!("bench-{}", new_uuid(SystemClock.now()).simple());
        std::env::var("NATS_URL").ok().map(|url| Self::Nats(url, stream))
    }

    /// All that there are.
    fn all() -> Vec<Self> {
        [Self::Process].into_iter().chain(Self::nats()).collect()
    }
}

impl Bench {
    async fn open(over: &Over) -> Self {
        Self::open_with(over, None, None).await
    }

    /// One instance, on a database where one is named, with the key of the first one on it.
    async fn open_with(over: &Over, database: Option<&str>, key: Option<Secret>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = convoke::config::load::defaults().unwrap();
        (config.limits.writes_per_minute, config.limits.reads_per_minute) = (u32::MAX, u32::MAX);
        if let Over::Nats(url, stream) = over {
            "nats".clone_into(&mut config.events.bus);
            (config.nats.urls, config.nats.stream) = (vec![url.clone()], stream.clone());
        }
        if let Some(url) = database {
            "postgres".clone_into(&mut config.store.backend);
            url.clone_into(&mut config.store.url);
        }
        let app = App::open(Settings::new(config, folder.path().to_owned(), Arc::new(SystemClock))).await.unwrap();
        let key = key.unwrap_or_else(|| app.first_key().unwrap().clone());
        let caller = app.gate().identify(&Credential::Bearer(key.clone()), None).await.unwrap();
        let noted = Arc::new(Noted::default());
        app.platform().service::<Ways>().unwrap().announce_by(noted.clone());
        Self { app, caller, noted, key, _folder: folder }
    }

    async fn call(&self, tool: &str, input: Value) -> Value {
        let id = CallId::new(self.app.platform().clock.now());
        let request = Request::new(id, self.caller.clone(), Origin::inside(), tool, input);
        match self.app.gate().call(request).await.result.unwrap() {
            Outcome::Value(value) => value,
            other => panic!("{other:?}"),
        }
    }

    async fn subscribe(&self, order: &str) -> Value {
        let target = json!({ "type": "channel", "channel": "channel:bench" });
        let mut input = json!({ "topics": ["order.*"], "target": target, "order": order, "concurrency": 32 });
        input["fromPosition"] = 0.into();
        self.call("event_subscribe", input).await
    }

    async fn publish(&self, from: u64, count: u64) {
        let event = |number: u64| json!({ "topic": "order.created", "subject": (number % 64).to_string(), "event": { "number": number } });
        let mut input = event(from);
        input["more"] = (from + 1..from + count).map(event).collect();
        self.call("event_publish", input).await;
    }

    async fn all(&self, count: usize) -> Duration {
        let began = Instant::now();
        while self.noted.count() < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(began.elapsed() < Duration::from_secs(300), "{} of {count}", self.noted.count());
        }
        began.elapsed()
    }
}

/// Single events, one every few milliseconds: how long from the answer of the commit to the handler.
async fn latency(over: &Over) -> bool {
    let bench = Bench::open(over).await;
    bench.subscribe("key").await;
    bench.app.start().await.unwrap();
    settle(&bench, &bench).await;
    waits(over.name(), &bench, &bench).await
}

/// Commits at one instance, handled at another: in process by what the database is asked now and then, over NATS at once.
async fn fleet(over: &Over, server: &str) -> bool {
    let database = database(server).await;
    let handles = Bench::open_with(over, Some(&database), None).await;
    handles.subscribe("key").await;
    handles.app.start().await.unwrap();
    settle(&handles, &handles).await;
    let commits = Bench::open_with(over, Some(&database), Some(handles.key.clone())).await;
    commits.app.start().await.unwrap();
    settle(&commits, &handles).await;
    let name = format!("{}, from one instance to another", over.name());
    waits(&name, &commits, &handles).await
}

/// A database of its own on the server.
async fn database(server: &str) -> String {
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let name = format!("bench_{}", new_uuid(SystemClock.now()).simple());
    client.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")).await.unwrap();
    format!("{}/{name}", server.rsplit_once('/').unwrap().0)
}

/// Waits until everything that starts has started: some events, and a moment more.
async fn settle(commits: &Bench, handles: &Bench) {
    for _ in 0..20 {
        let before = handles.noted.count();
        commits.publish(0, 1).await;
        handles.all(before + 1).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    handles.noted.0.lock().unwrap().clear();
}

async fn waits(name: &str, commits: &Bench, handles: &Bench) -> bool {
    const COUNT: u64 = 500;
    let mut told = Vec::new();
    for number in 0..COUNT {
        commits.publish(number, 1).await;
        told.push(Instant::now());
        tokio::time::sleep(Duration::from_millis(number % 7)).await;
    }
    handles.all(COUNT.try_into().unwrap()).await;
    let noted = handles.noted.0.lock().unwrap().clone();
    let took = |(number, at): &(u64, Instant)| at.saturating_duration_since(told[usize::try_from(*number).unwrap()]);
    let mut waits: Vec<Duration> = noted.iter().map(took).collect();
    waits.sort_unstable();
    let at = |share: usize| waits[waits.len() * share / 100];
    println!("commit to handler, {name}: p50 {:?}, p99 {:?} (target: p99 under 50 ms)", at(50), at(99));
    at(99) < Duration::from_millis(50)
}

/// Ten thousand a second for a while: what waits at the end is no more than what came just now.
async fn sustained(over: &Over) -> bool {
    const SECONDS: u64 = 10;
    const BATCH: u64 = 100;
    const EACH: u64 = 10_000;
    let bench = Arc::new(Bench::open(over).await);
    bench.subscribe("key").await;
    bench.app.start().await.unwrap();
    settle(&bench, &bench).await;
    let began = Instant::now();
    let mut behind = Vec::new();
    for second in 0..SECONDS {
        for batch in 0..EACH / BATCH {
            let due =
                began + Duration::from_secs(second) + Duration::from_secs(1) * u32::try_from(batch).unwrap() / 100;
            tokio::time::sleep_until(due.into()).await;
            bench.publish(second * EACH + batch * BATCH, BATCH).await;
        }
        let sent = usize::try_from((second + 1) * EACH).unwrap();
        behind.push(sent - bench.noted.count());
    }
    let published = began.elapsed();
    let rest = bench.all(usize::try_from(SECONDS * EACH).unwrap()).await;
    println!(
        "10,000 events/s for {SECONDS} s, {}: published in {published:?}, waiting after each second {behind:?}, all handled {rest:?} later",
        over.name()
    );
    published < Duration::from_secs(SECONDS + 1) && rest < Duration::from_secs(1)
}

/// A subscriber that is 100,000 events behind.
async fn behind(over: &Over) -> bool {
    const COUNT: u64 = 100_000;
    let bench = Bench::open(over).await;
    bench.app.start().await.unwrap();
    // Everything is carried before anybody wants it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for batch in 0..COUNT / 500 {
        bench.publish(batch * 500, 500).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    bench.subscribe("all").await;
    let took = bench.all(COUNT.try_into().unwrap()).await;
    let in_order = bench.noted.0.lock().unwrap().iter().map(|(number, _)| *number).eq(0..COUNT);
    let rate = f64::from(u32::try_from(COUNT).unwrap()) / took.as_secs_f64();
    println!(
        "100,000 events behind, {}: caught up in {took:?} ({rate:.0} events/s), in order: {in_order}",
        over.name()
    );
    in_order
}

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |name: &str| only.iter().any(|one| one == name) || only.is_empty();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let met = runtime.block_on(async {
        let mut met = true;
        for over in Over::all() {
            met &= !wanted("latency") || latency(&over).await;
            met &= !wanted("sustained") || sustained(&over).await;
            met &= !wanted("behind") || behind(&over).await;
        }
        if let (Some(nats), Ok(server)) = (Over::nats(), std::env::var("POSTGRES_URL"))
            && wanted("fleet")
        {
            // For comparison: what is in process is asked for once a second.
            fleet(&Over::Process, &server).await;
            met &= fleet(&nats, &server).await;
        }
        met
    });
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
