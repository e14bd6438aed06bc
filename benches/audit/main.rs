//! What the provable audit log costs: sealing and chaining on top of a durable write, verifying a million entries, a proof.
//!
//! `cargo bench --bench audit`                      everything; ends non-zero when a target is missed
//! `cargo bench --bench audit -- writes`            some of it: writes, verify
//! `ENTRIES=100000 cargo bench --bench audit`       a shorter log

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring program: what goes wrong ends it with its message"
)]

#[path = "../calls/table.rs"]
mod table;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use convoke::app::{App, Settings};
use convoke::capability::gate::audit::AUDIT;
use convoke::capability::gate::sealing::Sealer;
use convoke::capability::gate::usage::USAGE;
use convoke::domain::audit::engine::keeper::Keeper;
use convoke::domain::audit::engine::kept::KeptNodes;
use convoke::domain::audit::engine::sequencer::head;
use convoke::domain::audit::engine::tree;
use convoke::domain::audit::engine::verify::{Range, verify};
use convoke::domain::identity::model::role::Role;
use convoke::kernel::clock::{Clock as _, SystemClock};
use convoke::kernel::id::{CallId, TenantId, new_uuid};
use convoke::port::records::{Document as _, Visibility};
use convoke::port::store::{Batch, Expect, Put, Step};
use serde_json::{Value, json};
use table::{Table, Target};
use uuid::Uuid;

const CALLERS: usize = 64;
const WRITES: usize = 12_800;
const ROUNDS: usize = 3;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |name: &str| only.iter().any(|one| one == name) || only.is_empty();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut table = Table::default();
    runtime.block_on(async {
        if wanted("writes") {
            writes(&mut table).await;
        }
        if wanted("verify") {
            verification(&mut table).await;
        }
    });
    if table.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Scene {
    app: Arc<App>,
    tenant: TenantId,
    _folder: tempfile::TempDir,
}

async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let config = convoke::config::load::defaults().unwrap();
    let app = App::open(Settings::new(config, folder.path().to_owned(), Arc::new(SystemClock))).await.unwrap();
    Scene { app, tenant: TenantId::from_uuid(Uuid::from_u128(77)), _folder: folder }
}

/// The entry of a call, as large as that of `user_create`, and what it says of a person.
fn entry(tenant: TenantId, call: CallId) -> (Value, Value) {
    let now = SystemClock.now();
    let body = json!({
        "timestamp": now, "actor": Uuid::from_u128(5), "principal": format!("key:{}", Uuid::from_u128(6)),
        "action": "user_create", "effect": "create", "resourceType": "user", "resourceId": new_uuid(now), "changes": null,
        "also": null, "tenantId": tenant, "requestId": call, "door": "mcp", "outcome": "done",
    });
    let after = json!({
        "email": "somebody@example.org", "name": "Some Body", "status": "active", "groups": ["staff", "editors"],
        "department": "Production",
    });
    (body, json!({ "changes": { "before": null, "after": after }, "address": "192.0.2.7" }))
}

/// What a call writes beside its entry: a document and a row of usage.
fn beside(call: CallId) -> Vec<Step> {
    let now = SystemClock.now();
    let name = call.to_string();
    vec![
        Step::Put(Put {
            kind: Role::KIND,
            id: new_uuid(now),
            expect: Expect::Absent,
            owner: None,
            workspace: None,
            visibility: Visibility::Tenant,
            body: json!({ "name": name, "description": "a role of the benchmark", "permissions": ["audit:read"] }),
        }),
        Step::Append {
            log: &USAGE,
            stream: String::new(),
            body: json!({ "tool": "role_create", "calls": 1, "day": now }),
        },
    ]
}

/// Durable writes with the entry as it is, and with the entry sealed and chained by the time that is taken.
async fn writes(table: &mut Table) {
    let (mut plain, mut proved) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        plain = plain.max(rate(WRITES, write(&scene().await, false).await));
        proved = proved.max(rate(WRITES, write(&scene().await, true).await));
    }
    let added = 100.0 * (plain / proved - 1.0);
    table.row(
        "durable writes, 64 callers, entries sealed and chained",
        format!("{proved:.0}/s"),
        format!("{plain:.0}/s (entries plain, no chain)"),
        format!("{added:+.1} %"),
        Target::of("≤ 25 % more", added <= 25.0),
    );
}

async fn write(scene: &Scene, is_proved: bool) -> Duration {
    let platform = scene.app.platform().clone();
    let keeper = platform.service::<Keeper>().unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let began = Instant::now();
    let chaining = is_proved.then(|| {
        let (keeper, stop) = (keeper.clone(), stop.clone());
        tokio::spawn(async move { keeper.work(stop).await })
    });
    let callers = (0..CALLERS).map(|caller| {
        let (platform, tenant) = (platform.clone(), scene.tenant);
        let sealer = platform.service::<Sealer>().unwrap();
        tokio::spawn(async move {
            for _ in 0..WRITES / CALLERS {
                let now = SystemClock.now();
                let call = CallId::new(now);
                let (mut body, told) = entry(tenant, call);
                let mut steps = beside(call);
                if is_proved {
                    let subject = Uuid::from_u128(1000 + u128::try_from(caller).unwrap());
                    let parts = vec![(subject, told)];
                    let mut sealing =
                        sealer.seal(&*platform.store, tenant, (call, now), parts, &mut body).await.unwrap();
                    steps.append(&mut sealing.steps);
                    steps.push(Step::Append { log: &AUDIT, stream: String::new(), body });
                    platform.store.commit(vec![Batch { tenant, at: now, steps }]).await.unwrap();
                    sealing.committed();
                } else {
                    body["changes"] = told["changes"].clone();
                    body["address"] = told["address"].clone();
                    steps.push(Step::Append { log: &AUDIT, stream: String::new(), body });
                    platform.store.commit(vec![Batch { tenant, at: now, steps }]).await.unwrap();
                }
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    if let Some(chaining) = chaining {
        // The time counts until the last entry is in the chain.
        keeper.sequencer.catch_up().await.unwrap();
        let took = began.elapsed();
        stop.cancel();
        chaining.await.unwrap();
        return took;
    }
    began.elapsed()
}

/// A million entries in the chain, verified; and proofs of single ones.
async fn verification(table: &mut Table) {
    let entries: usize = std::env::var("ENTRIES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    if entries < 1000 {
        let none = String::new;
        return table.row("verification", none(), none(), none(), Target::unmeasured("1,000 entries at least"));
    }
    let scene = scene().await;
    let platform = scene.app.platform().clone();
    let sealer = platform.service::<Sealer>().unwrap();
    let keeper = platform.service::<Keeper>().unwrap();
    for _ in 0..entries / 1000 {
        let now = SystemClock.now();
        let mut steps = Vec::new();
        for _ in 0..1000 {
            let call = CallId::new(now);
            let (mut body, told) = entry(scene.tenant, call);
            let parts = vec![(Uuid::from_u128(1000), told)];
            let mut sealing = sealer.seal(&*platform.store, scene.tenant, (call, now), parts, &mut body).await.unwrap();
            steps.append(&mut sealing.steps);
            steps.push(Step::Append { log: &AUDIT, stream: String::new(), body });
        }
        platform.store.commit(vec![Batch { tenant: scene.tenant, at: now, steps }]).await.unwrap();
    }
    let began = Instant::now();
    keeper.keep_up(true).await.unwrap();
    table.row(
        "chaining them all",
        format!("{:.1} s", began.elapsed().as_secs_f64()),
        String::new(),
        String::new(),
        Target::none(),
    );

    let began = Instant::now();
    let whole = Range { from: 1, to: u64::MAX };
    let found = verify(&platform.store, &keeper.checkpoints, scene.tenant, whole).await.unwrap();
    let took = began.elapsed().as_secs_f64();
    assert!(found.is_good(), "{found:?}");
    assert_eq!(usize::try_from(found.entries).unwrap(), entries / 1000 * 1000);
    let bound = 10.0 * f64::from(u32::try_from(entries).unwrap()) / 1e6;
    let what = format!("verification of {entries} entries");
    table.row(
        &what,
        format!("{took:.2} s"),
        String::new(),
        String::new(),
        Target::of("< 10 s a million", took < bound),
    );

    let size = head(&*platform.store).await.unwrap().unwrap().0.size;
    let mut longest = Duration::ZERO;
    let began = Instant::now();
    for number in 0..200_u64 {
        let one = Instant::now();
        let mut nodes = KeptNodes::new(platform.store.clone());
        tree::inclusion(&mut nodes, number * 7919 % size, size).await.unwrap();
        longest = longest.max(one.elapsed());
    }
    let mean = began.elapsed() / 200;
    let told = format!("{:.2} ms, the longest {:.2} ms", mean.as_secs_f64() * 1e3, longest.as_secs_f64() * 1e3);
    table.row(
        "a proof of inclusion",
        told,
        String::new(),
        String::new(),
        Target::of("< 5 ms", mean < Duration::from_millis(5)),
    );
}

fn rate(count: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / took.as_secs_f64()
}
