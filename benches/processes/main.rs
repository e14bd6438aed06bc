//! What processes cost: ten durable steps beside other engines in the same run, a step beside commits of plain rusqlite, and a million
//! executions that wait.
//!
//! `cargo bench --bench processes`                       everything; ends non-zero when a target is missed
//! `cargo bench --bench processes -- restate raw`        some of it: restate, langgraph, dbos, raw, waiting
//!
//! DBOS needs a PostgreSQL: `scripts/services run cargo bench --bench processes`. `CONVOKE_BINARY` names another build to measure.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring program: what goes wrong ends it with its message"
)]

mod asked;
mod peers;
#[path = "../calls/process.rs"]
#[expect(dead_code, reason = "another benchmark starts the program without settings")]
mod process;
mod raw;
mod sides;
#[path = "../calls/table.rs"]
mod table;
mod waiting;

use std::path::PathBuf;
use std::process::ExitCode;

/// The program as cargo built it for this benchmark, or the one that is named.
fn program() -> PathBuf {
    std::env::var_os("CONVOKE_BINARY").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_convoke")), PathBuf::from)
}

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |name: &str| only.iter().any(|one| one == name) || only.is_empty();
    let mut table = table::Table::default();
    if wanted("restate") {
        sides::against_restate(&mut table);
    }
    if wanted("langgraph") {
        sides::against_langgraph(&mut table);
    }
    if wanted("dbos") {
        sides::against_dbos(&mut table);
    }
    if wanted("raw") {
        raw::measure(&mut table);
    }
    if wanted("waiting") {
        waiting::measure(&mut table);
    }
    if table.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
