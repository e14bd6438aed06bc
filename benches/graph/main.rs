//! What the graph costs: neighbours, paths and upserts, against recursive queries on plain tables of SQLite in the same run.
//!
//! `cargo bench --bench graph`                 everything; ends non-zero when a target is missed
//! `cargo bench --bench graph -- walks`        some of it: walks, upserts
//! `NODES=10000 cargo bench --bench graph`     a smaller graph; there are five relations to each node

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

use convoke::adapter::graph::StoreGraph;
use convoke::app::{App, Settings};
use convoke::capability::caller::{Credential, Door, Origin};
use convoke::capability::gate::Request;
use convoke::kernel::clock::{Clock as _, SystemClock};
use convoke::kernel::id::{CallId, TenantId};
use convoke::port::graph::{Around, Between, Direction, Graph as _, Limits, NODE, RELATION, View, Which};
use convoke::port::records::{Filter, Kind, Visibility};
use convoke::port::store::{Batch, Expect, Put, Step};
use rusqlite::Connection;
use serde_json::{Value, json};
use table::{Table, Target};
use uuid::Uuid;

const TENANT: TenantId = TenantId::from_uuid(Uuid::from_u128(77));
const LIMITS: Limits = Limits { steps: 200_000, rows: 1000, memory: 64 << 20, time: Duration::from_secs(5) };
const WALKS: usize = 400;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |name: &str| only.iter().any(|one| one == name) || only.is_empty();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut table = Table::default();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut config = convoke::config::load::defaults().unwrap();
        config.limits.writes_per_minute = 1_000_000;
        let app = App::open(Settings::new(config, folder.path().to_owned(), Arc::new(SystemClock))).await.unwrap();
        if wanted("upserts") {
            upserts(&app, &mut table).await;
        }
        if wanted("walks") {
            walks(&app, folder.path(), &mut table).await;
        }
    });
    if table.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn nodes() -> u64 {
    std::env::var("NODES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

/// A repeatable source of chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// The id of a node: it begins with the time at which it was made, as those of real nodes do, a few in each millisecond.
fn node(number: u64) -> Uuid {
    let chance = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    Uuid::from_u128(u128::from(1_700_000_000_000 + number / 8) << 80 | u128::from(chance))
}

/// The id of a relation, made as the domain makes it: the time of its beginning, and chance.
fn relation(number: u64, from: u64) -> Uuid {
    let chance = u128::from(number.wrapping_mul(0xD6E8_FEB8_6659_FD93)) | u128::from(number % 1_000) << 64;
    Uuid::from_u128(node(from).as_u128() >> 80 << 80 | chance)
}

fn put(kind: &'static Kind, id: Uuid, body: Value) -> Step {
    let (expect, visibility) = (Expect::Absent, Visibility::Tenant);
    Step::Put(Put { kind, id, expect, owner: None, workspace: None, visibility, body })
}

/// The same graph in the store and in plain tables.
async fn fill(app: &App, peer: &Connection) -> Vec<(u64, u64)> {
    let nodes = nodes();
    let mut chance = Chance(7);
    let links: Vec<(u64, u64)> = (0..nodes * 5).map(|_| (chance.below(nodes), chance.below(nodes))).collect();
    let store = app.platform().store.clone();
    let write = async |steps: Vec<Step>| {
        store.commit(vec![Batch { tenant: TENANT, at: SystemClock.now(), steps }]).await.unwrap();
    };
    for from in (0..nodes).step_by(1000) {
        let steps = (from..(from + 1000).min(nodes)).map(|number| {
            let name = format!("Node {number}");
            let key = format!("node {number}");
            put(&NODE, node(number), json!({ "type": "Thing", "name": name, "nameKey": key, "room": "tenant" }))
        });
        write(steps.collect()).await;
    }
    for (at, some) in (0_u64..).zip(links.chunks(1000)) {
        let steps = (0_u64..).zip(some).map(|(number, (from, to))| {
            let id = relation(at * 1000 + number, *from);
            put(&RELATION, id, json!({ "from": node(*from), "to": node(*to), "type": "to" }))
        });
        write(steps.collect()).await;
    }
    peer.execute_batch(
        "PRAGMA journal_mode = WAL; BEGIN; CREATE TABLE edge (src BLOB, type TEXT, dst BLOB);
         CREATE INDEX by_src ON edge (src, type, dst); CREATE INDEX by_dst ON edge (dst, type, src);",
    )
    .unwrap();
    let mut insert = peer.prepare("INSERT INTO edge VALUES (?1, 'to', ?2)").unwrap();
    for (from, to) in &links {
        insert.execute((node(*from).as_bytes(), node(*to).as_bytes())).unwrap();
    }
    drop(insert);
    peer.execute_batch("COMMIT").unwrap();
    links
}

fn middle(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    (at(50), at(99))
}

async fn walks(app: &App, folder: &std::path::Path, table: &mut Table) {
    if nodes() < 1000 {
        let none = String::new;
        return table.row("walks", none(), none(), none(), Target::unmeasured("1,000 nodes at least"));
    }
    let peer = Connection::open(folder.join("peer.db")).unwrap();
    let began = Instant::now();
    fill(app, &peer).await;
    let filled = format!("{:.1} s", began.elapsed().as_secs_f64());
    table.row("writing the graph that is walked", filled, String::new(), String::new(), Target::none());
    let graph = StoreGraph::new(app.platform().store.clone());
    let view = View { tenant: TENANT, visible: Filter::All, at: Some(SystemClock.now()) };
    let mut chance = Chance(11);
    let starts: Vec<u64> = (0..WALKS).map(|_| chance.below(nodes())).collect();

    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    let two_hops = "SELECT count(*) FROM (SELECT b.dst FROM edge a JOIN edge b ON b.src = a.dst WHERE a.src = ?1 UNION SELECT dst FROM edge WHERE src = ?1)";
    let recursive = "WITH RECURSIVE walk (id, depth) AS (VALUES (?1, 0) UNION SELECT dst, depth + 1 FROM walk JOIN edge ON src = id WHERE depth < 2) \
         SELECT count(DISTINCT id) FROM walk";
    let mut joined = Vec::new();
    for start in &starts {
        let around = Around { node: node(*start), depth: 2, types: Vec::new(), direction: Direction::Out, most: 1000 };
        let began = Instant::now();
        let found = graph.around(&view, around, LIMITS).await.unwrap();
        own.push(began.elapsed());
        let began = Instant::now();
        let mut statement = peer.prepare_cached(recursive).unwrap();
        let count: i64 = statement.query_row([node(*start).as_bytes()], |row| row.get(0)).unwrap();
        theirs.push(began.elapsed());
        let began = Instant::now();
        let mut statement = peer.prepare_cached(two_hops).unwrap();
        let _: i64 = statement.query_row([node(*start).as_bytes()], |row| row.get(0)).unwrap();
        joined.push(began.elapsed());
        assert_eq!(found.nodes.len() + 1, usize::try_from(count).unwrap());
    }
    let (half, most) = middle(own);
    let (peer_half, _) = middle(theirs);
    let (join_half, _) = middle(joined);
    table.row(
        "neighbours, two relations out",
        format!("{half:.2} ms, p99 {most:.2} ms"),
        format!("{peer_half:.2} ms (recursive query), {join_half:.2} ms (join); both without names, rights and time"),
        format!("{:.1}", half / peer_half),
        Target::of("p50 ≤ 1 ms", half <= 1.0),
    );

    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    let path = "WITH RECURSIVE walk (id, depth) AS (VALUES (?1, 0) UNION SELECT dst, depth + 1 FROM walk JOIN edge ON src = id WHERE depth < 6) \
         SELECT depth FROM walk WHERE id = ?2 LIMIT 1";
    for (at, pair) in starts.chunks(2).enumerate() {
        let [from, to] = pair else { continue };
        let between = Between {
            from: node(*from),
            to: node(*to),
            types: Vec::new(),
            direction: Direction::Out,
            depth: 8,
            which: Which::Shortest,
            most: 1,
        };
        let began = Instant::now();
        graph.between(&view, between, LIMITS).await.unwrap();
        own.push(began.elapsed());
        if at % 10 == 0 {
            let began = Instant::now();
            let mut statement = peer.prepare_cached(path).unwrap();
            let _ = statement.query_row((node(*from).as_bytes(), node(*to).as_bytes()), |row| row.get::<_, i64>(0));
            theirs.push(began.elapsed());
        }
    }
    let (half, most) = middle(own);
    let (peer_half, _) = middle(theirs);
    table.row(
        "the shortest path between any two",
        format!("{half:.2} ms, p99 {most:.2} ms"),
        format!("{peer_half:.1} ms (recursive query, its length alone)"),
        format!("{:.2}", half / peer_half),
        Target::of("p50 ≤ 5 ms", half <= 5.0),
    );
}

/// Calls of `graph_upsert` through the gate, of 500 nodes and 1,000 relations each.
async fn upserts(app: &App, table: &mut Table) {
    let key = app.first_key().unwrap().clone();
    let caller = app.gate().identify(&Credential::Bearer(key), None).await.unwrap();
    let calls = 20_u64;
    let began = Instant::now();
    for call in 0..calls {
        let key = |number: u64| format!("u{call}-{number}");
        let nodes: Vec<Value> = (0..500)
            .map(|number| json!({ "ref": key(number), "type": "Thing", "key": key(number), "name": format!("Thing {call} {number}") }))
            .collect();
        let relations: Vec<Value> = (0..1000)
            .map(|number| json!({ "from": key(number % 500), "type": format!("to{}", number / 500), "to": key((number * 7 + 1) % 500) }))
            .collect();
        let input = json!({ "nodes": nodes, "relations": relations });
        let origin = Origin { door: Door::Inside, address: None };
        let request = Request::new(CallId::new(SystemClock.now()), caller.clone(), origin, "graph_upsert", input);
        app.gate().call(request).await.result.unwrap();
    }
    #[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
    let rate = (calls * 1500) as f64 / began.elapsed().as_secs_f64();
    table.row(
        "upserts of new nodes and relations in calls of 1,500, durable and audited",
        format!("{rate:.0}/s"),
        String::new(),
        String::new(),
        Target::of("≥ 20,000/s", rate >= 20_000.0),
    );
}
