//! What a call costs, measured against peers in the same run: one table of ratios.
//!
//! `cargo bench --bench calls`                   everything; ends non-zero when a target is missed
//! `cargo bench --bench calls -- reads writes`   some of it: start, reads, writes, postgres, work, growth

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring program: what goes wrong ends it with its message"
)]

mod load;
mod postgres;
mod process;
mod reads;
mod start;
mod table;
mod work;
mod writes;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    // The HTTP client is built without a choice of cryptography; nothing here speaks TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |name: &str| only.iter().any(|one| one == name) || only.is_empty();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if runtime.block_on(work::works()) {
        return ExitCode::SUCCESS;
    }
    let mut table = table::Table::default();
    runtime.block_on(async {
        if wanted("start") {
            start::measure(&mut table);
        }
        if wanted("reads") {
            reads::measure(&mut table).await;
        }
        if wanted("writes") {
            writes::measure(&mut table).await;
        }
        if wanted("postgres") {
            postgres::measure(&mut table).await;
        }
        if wanted("work") {
            work::measure(&mut table).await;
        }
        if wanted("growth") {
            reads::growth(&mut table).await;
        }
    });
    if table.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The program as cargo built it for this benchmark.
fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_convoke"))
}
