//! What the way to a model costs: the router against a bare pass-through and other gateways before the same vendor, in one run, and
//! one table.
//!
//! `cargo bench --bench router`                   everything; ends non-zero when a target is missed
//! `cargo bench --bench router -- cpu streams`    some of it: cpu, latency, cache, streams

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring program: what goes wrong ends it with its message"
)]

mod asked;
mod cache;
mod cpu;
mod latency;
#[path = "../calls/process.rs"]
#[expect(dead_code, reason = "another benchmark starts the program without settings")]
mod process;
mod scene;
mod streams;
#[path = "../calls/table.rs"]
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use scene::Scene;
use table::Table;

/// Callers at the same time, unless said otherwise.
const CALLERS: usize = 32;
/// Rounds; the quietest of each side counts.
const ROUNDS: usize = 5;

/// The program as cargo built it for this benchmark.
fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_convoke"))
}

fn main() -> ExitCode {
    // The HTTP client is built without a choice of cryptography; nothing here speaks TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |name: &str| only.iter().any(|one| one == name) || only.is_empty();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut table = Table::default();
    runtime.block_on(async {
        let scene = Scene::new().await;
        if wanted("cpu") {
            cpu::measure(&scene, &mut table).await;
        }
        if wanted("latency") {
            latency::measure(&scene, &mut table).await;
        }
        if wanted("cache") {
            cache::measure(&scene, &mut table).await;
        }
        if wanted("streams") {
            streams::measure(&scene, &mut table).await;
        }
    });
    if table.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
