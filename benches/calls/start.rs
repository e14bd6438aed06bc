//! From exec to the first answer of `convoke stdio`, on an installation that exists.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::table::{Table, Target};

/// Measures starts.
pub(crate) fn measure(table: &mut Table) {
    let data = tempfile::tempdir().unwrap();
    once(data.path());
    let mut times: Vec<Duration> = (0..15).map(|_| once(data.path())).collect();
    times.sort();
    table.row(
        "stdio, exec to first answer",
        format!("median {:.1} ms, best {:.1} ms", millis(times[times.len() / 2]), millis(times[0])),
        String::new(),
        String::new(),
        Target::of("≤ 60 ms", millis(times[times.len() / 2]) <= 60.0),
    );
}

fn once(data: &Path) -> Duration {
    let began = Instant::now();
    let mut child = Command::new(super::program())
        .args(["stdio", "--data"])
        .arg(data)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin
        .write_all(
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\",\
              \"capabilities\":{},\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}\n",
        )
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let took = began.elapsed();
    assert!(line.contains("serverInfo"), "{line}");
    drop(stdin);
    child.wait().unwrap();
    took
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}
