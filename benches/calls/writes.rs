//! A write that commits durably, 64 callers, against plain rusqlite committing the very same rows 64 calls at a time.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};
use serde_json::json;

use super::load::Load;
use super::process::Server;
use super::table::{Table, Target};

const CALLS: usize = 6_000;
const CALLERS: usize = 64;
const ROUNDS: usize = 3;

/// The tables that every call writes one row of. The program reads more than these: it answers each of them over HTTP too.
const TABLES: [&str; 6] = ["k_user", "k_role_assignment", "k_audit_key", "l_audit", "l_usage", "l_events"];
const WORDS: &str = "INSERT INTO k_user__text (rowid, tenant, f_name, f_email) \
    SELECT number, hex(tenant), f_name, f_email FROM k_user WHERE number = ?";
const COUNT: &str = "INSERT INTO counters (tenant, name, key, value) VALUES (?, 'role_holders', 'member', 1) \
    ON CONFLICT (tenant, name, key) DO UPDATE SET value = value + excluded.value";

/// Measures writes.
pub(crate) async fn measure(table: &mut Table) {
    let (mut ours, mut plain, mut cpu) = (0.0_f64, 0.0_f64, f64::MAX);
    // The two take turns, so that whatever else the machine and its disk do falls on both; the quietest round of each counts.
    for _ in 0..ROUNDS {
        let data = tempfile::tempdir().unwrap();
        let convoke = Server::convoke(data.path());
        let load = Load {
            url: format!("{}/mcp", convoke.url),
            key: convoke.key.clone(),
            method: "tools/call",
            tool: "user_create",
            arguments: |number| json!({ "email": format!("person{number}@example.org"), "name": format!("Person {number}") }),
        };
        let before = convoke.cpu();
        ours = ours.max(rate(CALLS, load.run(CALLS, CALLERS).await));
        cpu = cpu.min(
            convoke.cpu().checked_sub(before).unwrap().as_secs_f64() * 1e6 / f64::from(u32::try_from(CALLS).unwrap()),
        );
        drop(convoke);
        plain = plain.max(rate(CALLS, replay(&data.path().join("convoke.db"), &data.path().join("plain.db"))));
    }
    let share = 100.0 * ours / plain;
    table.row(
        "durable writes, 64 callers",
        format!("{ours:.0}/s, {cpu:.0} µs of CPU"),
        format!("{plain:.0}/s (plain rusqlite, 64 a commit)"),
        format!("{share:.0} %"),
        Target::of("≥ 40 %", share >= 40.0),
    );
}

/// Commits the rows that the program wrote, statement by statement, into a fresh file of the same schema.
fn replay(from: &Path, to: &Path) -> Duration {
    let source = Connection::open(from).unwrap();
    let tables: Vec<(&str, Vec<Vec<Sql>>)> = TABLES.iter().map(|table| (*table, rows(&source, table))).collect();
    let target = Connection::open(to).unwrap();
    target.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;").unwrap();
    let names = TABLES.map(|table| format!("'{table}'")).join(",");
    let mut schema = source
        .prepare(&format!(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND type <> 'trigger' AND (tbl_name IN ({names}, 'counters') \
             OR name = 'k_user__text') ORDER BY type DESC"
        ))
        .unwrap();
    let statements: Vec<String> = schema.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for statement in &statements {
        target.execute_batch(statement).unwrap_or_else(|error| panic!("{error}: {statement}"));
    }
    // Every call wrote one row of each; what the first start wrote comes first and is left out.
    let inserts: Vec<String> = tables.iter().map(|(table, rows)| insert(&source, table, rows[0].len())).collect();
    let began = Instant::now();
    for chunk in 0..CALLS.div_ceil(CALLERS) {
        target.execute_batch("BEGIN IMMEDIATE").unwrap();
        for number in chunk * CALLERS..((chunk + 1) * CALLERS).min(CALLS) {
            for ((_, rows), insert) in tables.iter().zip(&inserts) {
                let row = &rows[rows.len() - CALLS + number];
                target.prepare_cached(insert).unwrap().execute(params_from_iter(row)).unwrap();
            }
            let user = &tables[0].1[tables[0].1.len() - CALLS + number];
            target.prepare_cached(WORDS).unwrap().execute([&user[0]]).unwrap();
            target.prepare_cached(COUNT).unwrap().execute([&user[1]]).unwrap();
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
