//! A write that commits durably, 64 callers, against plain rusqlite committing the very same rows 64 calls at a time.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use serde_json::json;

use super::load::Load;
use super::process::Server;
use super::table::Table;

const CALLS: usize = 6_000;
const CALLERS: usize = 64;

/// Measures writes.
pub(crate) async fn measure(table: &mut Table) {
    let data = tempfile::tempdir().unwrap();
    let convoke = Server::convoke(data.path());
    let load = Load {
        url: format!("{}/mcp", convoke.url),
        key: convoke.key.clone(),
        method: "tools/call",
        tool: "user_create",
        arguments: |number| json!({ "email": format!("person{number}@example.org"), "name": format!("Person {number}") }),
    };
    let took = load.run(CALLS, CALLERS).await;
    let cpu = convoke.cpu();
    drop(convoke);
    let ours = rate(CALLS, took);
    let plain = rate(CALLS, replay(&data.path().join("convoke.db"), &data.path().join("plain.db")));
    table.row(
        "durable writes, 64 callers",
        format!("{ours:.0}/s, {:.0} µs of CPU", cpu.as_secs_f64() * 1e6 / f64::from(u32::try_from(CALLS).unwrap())),
        format!("{plain:.0}/s (plain rusqlite, 64 a commit)"),
        format!("{:.0} %", 100.0 * ours / plain),
        "≥ 40 %",
    );
}

/// Commits the rows that the program wrote, statement by statement, into a fresh file of the same schema.
fn replay(from: &Path, to: &Path) -> Duration {
    let source = Connection::open(from).unwrap();
    let tables: Vec<(String, Vec<Vec<Sql>>)> = ["k_user", "l_audit", "l_usage", "l_events"]
        .iter()
        .map(|table| ((*table).to_owned(), rows(&source, table)))
        .collect();
    let target = Connection::open(to).unwrap();
    target.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;").unwrap();
    let mut schema = source
        .prepare("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND (tbl_name IN ('k_user','l_audit','l_usage','l_events') OR name = 'k_user_text') ORDER BY type DESC")
        .unwrap();
    let statements: Vec<String> = schema.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for statement in &statements {
        target.execute_batch(statement).unwrap_or_else(|error| panic!("{error}: {statement}"));
    }
    // Every call wrote one user; the bootstrap's and the flushes' rows come on top and are left out.
    let inserts: Vec<String> = tables.iter().map(|(table, rows)| insert(&source, table, rows[0].len())).collect();
    let began = Instant::now();
    for chunk in 0..CALLS.div_ceil(CALLERS) {
        target.execute_batch("BEGIN IMMEDIATE").unwrap();
        for number in chunk * CALLERS..((chunk + 1) * CALLERS).min(CALLS) {
            for ((_, rows), insert) in tables.iter().zip(&inserts) {
                if let Some(row) = rows.get(number) {
                    target.prepare_cached(insert).unwrap().execute(params_from_iter(row)).unwrap();
                }
            }
        }
        target.execute_batch("COMMIT").unwrap();
    }
    began.elapsed()
}

fn columns(connection: &Connection, table: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("SELECT name FROM pragma_table_info('{table}')")).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

fn rows(connection: &Connection, table: &str) -> Vec<Vec<Sql>> {
    let count = columns(connection, table).len();
    let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let all = statement.query_map([], |row| (0..count).map(|column| row.get(column)).collect()).unwrap();
    all.map(Result::unwrap).collect()
}

fn insert(connection: &Connection, table: &str, count: usize) -> String {
    let names = columns(connection, table).join(", ");
    format!("INSERT INTO {table} ({names}) VALUES ({})", vec!["?"; count].join(", "))
}

fn rate(calls: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(calls).unwrap()) / took.as_secs_f64()
}
