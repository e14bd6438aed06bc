//! Ten steps, each on disk before the next, on both sides in turn; the quietest round of each counts.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::asked::{self, Connection};
use super::peers::{self, Peer};
use super::process::{Server, cpu_of};
use super::table::{Table, Target};

const STEPS: usize = 10;
const ROUNDS: usize = 3;
/// How many at once, and how many in all: enough for a second or two.
const SIZES: [(usize, usize); 3] = [(1, 40), (16, 320), (64, 960)];

/// What a side did at its best.
#[derive(Clone, Copy, Default)]
struct Best {
    /// Workflows a second.
    rate: f64,
    /// Milliseconds of CPU for a workflow.
    cpu: f64,
}

impl Best {
    fn take(&mut self, workflows: usize, (took, cpu): (Duration, Duration)) {
        let many = f64::from(u32::try_from(workflows).unwrap());
        self.rate = self.rate.max(many / took.as_secs_f64());
        let cpu = cpu.as_secs_f64() * 1e3 / many;
        self.cpu = if self.cpu == 0.0 { cpu } else { self.cpu.min(cpu) };
    }
}

/// The program with a process of ten steps.
pub(crate) struct Ours {
    pub(crate) server: Server,
    pub(crate) data: TempDir,
}

impl Ours {
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::convoke_with(data.path(), settings);
        let ours = Self { server, data };
        let step = |number: usize| {
            json!({
                "id": format!("step{number}"), "type": "tool", "config": { "tool": "user_me" },
                "output": { "number": "= number + 1" },
            })
        };
        let mut nodes = vec![json!({ "id": "begin", "type": "start" })];
        nodes.extend((0..STEPS).map(step));
        nodes.push(json!({ "id": "done", "type": "end", "config": { "result": { "number": "= number" } } }));
        ours.publish("Ten", &nodes, &json!({ "number": { "default": 0 } }));
        ours
    }

    /// Publishes nodes in a line.
    pub(crate) fn publish(&self, name: &str, nodes: &[Value], variables: &Value) {
        let edges: Vec<Value> =
            nodes.windows(2).map(|pair| json!({ "from": pair[0]["id"], "to": pair[1]["id"] })).collect();
        let process = json!({ "name": name, "nodes": nodes, "edges": edges, "variables": variables });
        let mut connection = self.open();
        connection.post("/api/v1/processes", &process);
        connection.post(&format!("/api/v1/processes/{}/publish", name.to_lowercase()), &json!({}));
    }

    pub(crate) fn open(&self) -> Connection {
        Connection::open(&self.server.url, self.server.key.as_deref())
    }

    pub(crate) fn run(&self, workflows: usize, at_once: usize) -> (Duration, Duration) {
        let before = self.server.cpu();
        let took = asked::run(
            workflows,
            at_once,
            || self.open(),
            |connection| {
                let started = connection.post("/api/v1/executions", &json!({ "processId": "ten" }));
                let path = format!("/api/v1/operations/{}/execute", started["executionId"].as_str().unwrap());
                let ended = connection.post(&path, &json!({ "waitSeconds": 60 }));
                assert_eq!(ended["result"]["number"], STEPS, "{ended}");
            },
        );
        (took, self.server.cpu().checked_sub(before).unwrap())
    }
}

/// Runs both sides in turn at each size.
fn measure(ours: &Ours, mut theirs: Option<impl FnMut(usize, usize) -> (Duration, Duration)>) -> [(Best, Best); 3] {
    ours.run(64, 16);
    if let Some(theirs) = &mut theirs {
        theirs(64, 16);
    }
    SIZES.map(|(at_once, workflows)| {
        let (mut mine, mut other) = (Best::default(), Best::default());
        for _ in 0..ROUNDS {
            mine.take(workflows, ours.run(workflows, at_once));
            eprintln!("  {at_once} at once: {:.0}/s", mine.rate);
            if let Some(theirs) = &mut theirs {
                // Slower ones do less of it.
                other.take(workflows / 4, theirs(workflows / 4, at_once));
                eprintln!("  {at_once} at once, the other: {:.0}/s", other.rate);
            }
        }
        (mine, other)
    })
}

/// One row for each size; the targets are how many times as fast ours is to be.
fn rows(table: &mut Table, name: &str, measured: [(Best, Best); 3], there: bool, wanted: [Option<f64>; 3]) {
    for (((at_once, _), (mine, other)), wanted) in SIZES.into_iter().zip(measured).zip(wanted) {
        let say = wanted.map(|least| format!("≥ {least} times"));
        let ratio = mine.rate / other.rate;
        let target = match (say, wanted) {
            (Some(say), Some(least)) if there => Target::of(&say, ratio >= least),
            (Some(say), _) => Target::unmeasured(&say),
            _ => Target::none(),
        };
        let told = |best: Best| format!("{:.0}/s, {:.1} ms of CPU", best.rate, best.cpu);
        let (theirs, ratio) = if there {
            (format!("{} ({name})", told(other)), format!("{ratio:.2} times"))
        } else {
            (name.to_owned(), String::new())
        };
        table.row(&format!("ten durable steps, {at_once} at once"), told(mine), theirs, ratio, target);
    }
}

/// Restate's server, which keeps what its service in Node did.
pub(crate) fn against_restate(table: &mut Table) {
    let (ours, data) = (Ours::start(&[]), tempfile::tempdir().unwrap());
    let peer = peers::restate(data.path());
    let theirs = peer.as_ref().map(|peer| {
        let mut words = peer.said.split_whitespace().map(str::to_owned);
        let (url, pids) = (words.next().unwrap(), words.map(|pid| pid.parse().unwrap()).collect::<Vec<u32>>());
        move |workflows: usize, at_once: usize| {
            let cpu = || pids.iter().map(|pid| cpu_of(*pid)).sum::<Duration>();
            let before = cpu();
            let took = asked::run(
                workflows,
                at_once,
                || Connection::open(&url, None),
                |connection| {
                    assert_eq!(connection.post("/ten/run", &json!(0)), STEPS);
                },
            );
            (took, cpu().checked_sub(before).unwrap())
        }
    });
    let there = theirs.is_some();
    let measured = measure(&ours, theirs);
    rows(table, "Restate", measured, there, [Some(1.0), None, Some(3.0)]);
    let (mine, other) = measured[2];
    let ratio = mine.cpu / other.cpu;
    let target = if there { Target::of("≤ 0.5", ratio <= 0.5) } else { Target::unmeasured("≤ 0.5") };
    let told = |best: Best| format!("{:.2} ms", best.cpu);
    table.row(
        "CPU of a workflow, 64 at once",
        told(mine),
        format!("{} (Restate and its service)", told(other)),
        format!("{ratio:.2}"),
        target,
    );
}

/// `LangGraph`, whose checkpoints lie in SQLite.
pub(crate) fn against_langgraph(table: &mut Table) {
    let (ours, data) = (Ours::start(&[]), tempfile::tempdir().unwrap());
    let peer = peers::python("langgraph", &data.path().display().to_string());
    told_by_itself(table, "LangGraph, SqliteSaver", &ours, peer, [Some(1.0), None, Some(10.0)]);
}

/// DBOS, both on the same PostgreSQL.
pub(crate) fn against_dbos(table: &mut Table) {
    let (Ok(url), Ok(bin)) = (std::env::var("POSTGRES_URL"), std::env::var("POSTGRES_BIN")) else {
        let what = "DBOS: POSTGRES_URL and POSTGRES_BIN name no server";
        return rows(table, what, [(Best::default(), Best::default()); 3], false, [Some(1.0), None, Some(2.0)]);
    };
    let (mine, theirs) = (fresh(&url, &bin, "convoke"), fresh(&url, &bin, "dbos"));
    let ours = Ours::start(&[("CONVOKE_STORE__BACKEND", "postgres"), ("CONVOKE_STORE__URL", mine.as_str())]);
    let peer = peers::python("dbos", &theirs);
    told_by_itself(table, "DBOS, both on PostgreSQL", &ours, peer, [Some(1.0), None, Some(2.0)]);
}

fn told_by_itself(table: &mut Table, name: &str, ours: &Ours, peer: Option<Peer>, wanted: [Option<f64>; 3]) {
    let theirs = peer.map(|mut peer| move |workflows: usize, at_once: usize| peer.run(workflows, at_once));
    let there = theirs.is_some();
    rows(table, name, measure(ours, theirs), there, wanted);
}

/// A new database beside the one that the address names.
fn fresh(url: &str, bin: &str, name: &str) -> String {
    let (place, _) = url.rsplit_once('/').unwrap();
    let name = format!("bench_{name}_{}", std::process::id());
    let psql = Path::new(bin).join("psql");
    let made = Command::new(psql)
        .args([url, "-q", "-c", &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")])
        .status()
        .unwrap();
    assert!(made.success(), "{name} is made");
    format!("{place}/{name}")
}
