//! What events cost: from commit to handler, sustained through the outbox, and catching up after a long absence.
//!
//! `cargo bench --bench events`                       everything; ends non-zero when a target is missed
//! `cargo bench --bench events -- latency`            some of it: latency, sustained, behind

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
use convoke::kernel::clock::SystemClock;
use convoke::kernel::fault::Fault;
use convoke::kernel::id::{CallId, TenantId};
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
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = convoke::config::load::defaults().unwrap();
        (config.limits.writes_per_minute, config.limits.reads_per_minute) = (u32::MAX, u32::MAX);
        let app = App::open(Settings::new(config, folder.path().to_owned(), Arc::new(SystemClock))).await.unwrap();
        let key = app.first_key().unwrap().clone();
        let caller = app.gate().identify(&Credential::Bearer(key), None).await.unwrap();
        let noted = Arc::new(Noted::default());
        app.platform().service::<Ways>().unwrap().announce_by(noted.clone());
        Self { app, caller, noted, _folder: folder }
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
        let input = json!({ "topics": ["order.*"], "target": target, "order": order, "concurrency": 32 });
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
async fn latency() -> bool {
    const COUNT: u64 = 500;
    let bench = Bench::open().await;
    bench.subscribe("key").await;
    bench.app.start().await.unwrap();
    let mut told = Vec::new();
    for number in 0..COUNT {
        bench.publish(number, 1).await;
        told.push(Instant::now());
        tokio::time::sleep(Duration::from_millis(number % 7)).await;
    }
    bench.all(COUNT.try_into().unwrap()).await;
    let noted = bench.noted.0.lock().unwrap().clone();
    let took = |(number, at): &(u64, Instant)| at.saturating_duration_since(told[usize::try_from(*number).unwrap()]);
    let mut waits: Vec<Duration> = noted.iter().map(took).collect();
    waits.sort_unstable();
    let at = |share: usize| waits[waits.len() * share / 100];
    println!("commit to handler: p50 {:?}, p99 {:?} (target: p99 under 50 ms)", at(50), at(99));
    at(99) < Duration::from_millis(50)
}

/// Ten thousand a second for a while: what waits at the end is no more than what came just now.
async fn sustained() -> bool {
    const SECONDS: u64 = 10;
    const BATCH: u64 = 100;
    const EACH: u64 = 10_000;
    let bench = Arc::new(Bench::open().await);
    bench.subscribe("key").await;
    bench.app.start().await.unwrap();
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
        "10,000 events/s for {SECONDS} s: published in {published:?}, waiting after each second {behind:?}, all handled {rest:?} later"
    );
    published < Duration::from_secs(SECONDS + 1) && rest < Duration::from_secs(1)
}

/// A subscriber that was down for 100,000 events.
async fn behind() -> bool {
    const COUNT: u64 = 100_000;
    let bench = Bench::open().await;
    bench.subscribe("all").await;
    for batch in 0..COUNT / 500 {
        bench.publish(batch * 500, 500).await;
    }
    bench.app.start().await.unwrap();
    let took = bench.all(COUNT.try_into().unwrap()).await;
    let in_order = bench.noted.0.lock().unwrap().iter().map(|(number, _)| *number).eq(0..COUNT);
    let rate = f64::from(u32::try_from(COUNT).unwrap()) / took.as_secs_f64();
    println!("100,000 events behind: caught up in {took:?} ({rate:.0} events/s), in order: {in_order}");
    in_order
}

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |name: &str| only.iter().any(|one| one == name) || only.is_empty();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let met = runtime.block_on(async {
        let latency = !wanted("latency") || latency().await;
        let sustained = !wanted("sustained") || sustained().await;
        let behind = !wanted("behind") || behind().await;
        latency && sustained && behind
    });
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
