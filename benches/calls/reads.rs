//! A read through `/mcp` with a key and every step of the gate on, against bare servers over the same transport.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::load::Load;
use super::process::Server;
use super::table::{Table, Target};

const ROUNDS: usize = 7;
const CALLS: usize = 8_000;
const CALLERS: usize = 8;

/// Measures reads.
pub(crate) async fn measure(table: &mut Table) {
    let data = tempfile::tempdir().unwrap();
    let convoke = Server::convoke(data.path());
    let idle = convoke.resident_kib();
    let ours = Load {
        url: format!("{}/mcp", convoke.url),
        key: convoke.key.clone(),
        method: "tools/call",
        tool: "user_me",
        arguments: |_| json!({}),
    };
    let echo = Server::start(&mut Command::new(example("rmcp-echo")), /*with_key*/ false);
    let theirs = Load { url: format!("{}/mcp", echo.url), key: None, tool: "echo", arguments: text, ..ours.clone() };
    // The two take turns, so that whatever else the machine does falls on both; the quietest round of each counts.
    let (mut best_ours, mut best_theirs, mut ratios) = (f64::MAX, f64::MAX, Vec::new());
    for load in [&ours, &theirs] {
        load.run(2_000, CALLERS).await;
    }
    for _ in 0..ROUNDS {
        let mine = cpu_per_call(&convoke, &ours, CALLS).await;
        let peer = cpu_per_call(&echo, &theirs, CALLS).await;
        best_ours = best_ours.min(mine);
        best_theirs = best_theirs.min(peer);
        ratios.push(mine / peer);
    }
    ratios.sort_by(f64::total_cmp);
    let ratio = best_ours / best_theirs;
    table.row(
        "read through /mcp, CPU per call",
        format!("{best_ours:.1} µs"),
        format!("{best_theirs:.1} µs (bare rmcp echo)"),
        format!("{ratio:.2} (median of rounds {:.2})", ratios[ROUNDS / 2]),
        Target::of("≤ 1.43", ratio <= 1.43),
    );
    let judged = Load { tool: "user_get", arguments: |_| json!({ "id": "admin@localhost" }), ..ours.clone() };
    let judged = cpu_per_call(&convoke, &judged, CALLS).await;
    table.row(
        "a read that finds, judges and joins (user_get by email)",
        format!("{judged:.1} µs"),
        String::new(),
        format!("{:.2}", judged / best_theirs),
        Target::none(),
    );
    // What the SDK installs by itself is its server; the faster parts that one can add are shown beside it.
    for (peer, arguments, wanted) in [
        ("the Python SDK's server", &["--as-installed"][..], Some("≥ 10 times")),
        ("the same on uvloop and httptools", &[][..], None),
    ] {
        against_python(table, peer, arguments, wanted, &theirs, best_ours).await;
    }
    let list = Load { url: format!("{}/mcp/all", convoke.url), method: "tools/list", ..ours };
    let client = reqwest::Client::new();
    let bytes = list.send(&client, 0).await.len();
    let listing = cpu_per_call(&convoke, &list, 2_000).await;
    let mut times = Vec::with_capacity(200);
    for number in 0..200 {
        let began = Instant::now();
        list.send(&client, number).await;
        times.push(began.elapsed());
    }
    times.sort();
    let median = times[times.len() / 2];
    table.row(
        "full tools/list from its cache",
        format!("{listing:.0} µs of CPU, answered in {:.0} µs", median.as_secs_f64() * 1e6),
        String::new(),
        format!("{} KiB", bytes / 1024),
        Target::of("< 1 ms", median < Duration::from_millis(1)),
    );
    table.row(
        "idle memory",
        format!("{:.1} MiB", mib(idle)),
        String::new(),
        String::new(),
        Target::of("≤ 60 MiB", mib(idle) <= 60.0),
    );
}

/// CPU of our call beside that of the Python SDK's server.
async fn against_python(
    table: &mut Table,
    peer: &str,
    arguments: &[&str],
    wanted: Option<&'static str>,
    theirs: &Load,
    ours: f64,
) {
    let what = format!("the same, against {peer}");
    let Some(python) = python(arguments) else {
        return table.row(&what, String::new(), String::new(), String::new(), Target::unmeasured("≥ 10 times"));
    };
    let load = Load { url: format!("{}/mcp", python.url), ..theirs.clone() };
    load.run(500, CALLERS).await;
    let mut least = f64::MAX;
    for _ in 0..ROUNDS {
        least = least.min(cpu_per_call(&python, &load, 1_000).await);
    }
    let target = wanted.map_or_else(Target::none, |wanted| Target::of(wanted, least / ours >= 10.0));
    table.row(
        &what,
        format!("{ours:.1} µs"),
        format!("{least:.0} µs"),
        format!("{:.1} times fewer", least / ours),
        target,
    );
}

/// A million calls: does memory grow?
pub(crate) async fn growth(table: &mut Table) {
    let data = tempfile::tempdir().unwrap();
    let convoke = Server::convoke(data.path());
    let load = Load {
        url: format!("{}/mcp", convoke.url),
        key: convoke.key.clone(),
        method: "tools/call",
        tool: "user_me",
        arguments: |_| json!({}),
    };
    load.run(100_000, 16).await;
    let before = convoke.resident_kib();
    let took = load.run(1_000_000, 16).await;
    let after = convoke.resident_kib();
    table.row(
        "memory over 1,000,000 calls",
        format!("{:.1} MiB after 100,000, {:.1} MiB after 1,100,000", mib(before), mib(after)),
        String::new(),
        format!("{:.0} calls/s", 1e6 / took.as_secs_f64()),
        // What an allocator holds moves by some pages; a byte kept for each call would be a megabyte.
        Target::of("no growth", mib(after) - mib(before) < 1.0),
    );
}

async fn cpu_per_call(server: &Server, load: &Load, calls: usize) -> f64 {
    let before = server.cpu();
    load.run(calls, CALLERS).await;
    let spent: Duration = server.cpu().checked_sub(before).unwrap();
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let calls = calls as f64;
    spent.as_secs_f64() * 1e6 / calls
}

fn text(number: usize) -> Value {
    json!({ "text": format!("some text that is about as long as an answer {number}") })
}

#[expect(clippy::cast_precision_loss, reason = "small figures")]
fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

/// An example of this package, built as this benchmark was.
fn example(name: &str) -> std::path::PathBuf {
    let built =
        Command::new(env!("CARGO")).args(["build", "--release", "--quiet", "--example", name]).status().unwrap();
    assert!(built.success(), "{name} builds");
    super::program().with_file_name("examples").join(name)
}

fn python(arguments: &[&str]) -> Option<Server> {
    let setup = Command::new("benches/peers/python/setup").stderr(Stdio::inherit()).output().ok()?;
    if !setup.status.success() {
        eprintln!("the Python peer could not be installed: skipped");
        return None;
    }
    let interpreter = String::from_utf8(setup.stdout).ok()?;
    Some(Server::start(
        Command::new(interpreter.trim()).arg("benches/peers/python/echo.py").args(arguments),
        /*with_key*/ false,
    ))
}
