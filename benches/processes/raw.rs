//! A step beside what plain rusqlite takes to commit the rows of a step, 64 steps a commit, into a copy of the very file.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::sides::Ours;
use super::table::{Table, Target};

const AT_ONCE: usize = 64;
const WORKFLOWS: usize = 960;
const STEPS: usize = 10;
const ROUNDS: usize = 3;

/// The logs of which a step writes entries, with the columns that are written and how many entries.
const LOGS: [(&str, usize); 2] = [("l_execution_journal", 3), ("l_events", 1)];

/// Measures.
pub(crate) fn measure(table: &mut Table) {
    let (mut ours, mut plain, mut row) = (0.0_f64, 0.0_f64, 0.0_f64);
    // The two take turns, so that whatever else the machine and its disk do falls on both.
    for _ in 0..ROUNDS {
        let started = Ours::start(&[]);
        started.run(64, 16);
        let (took, _) = started.run(WORKFLOWS, AT_ONCE);
        ours = ours.max(rate(WORKFLOWS * STEPS, took));
        let Ours { server, data } = started;
        drop(server);
        let copy = Connection::open(data.path().join("convoke.db")).unwrap();
        copy.execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;").unwrap();
        plain = plain.max(rate(WORKFLOWS * STEPS, steps(&copy)));
        row = row.max(rate(WORKFLOWS * STEPS, rows(&copy)));
    }
    let worth = plain / ours;
    table.row(
        "durable steps, 64 workflows at once",
        format!("{ours:.0}/s"),
        format!("{plain:.0}/s (plain rusqlite, the rows of a step, 64 steps a commit)"),
        format!("{worth:.2} commits' worth"),
        Target::of("≤ 1.5", worth <= 1.5),
    );
    table.row(
        "the same beside the smallest commit",
        format!("{ours:.0}/s"),
        format!("{row:.0}/s (plain rusqlite, one row, 64 a commit)"),
        format!("{:.1}", row / ours),
        Target::none(),
    );
}

/// Commits, for every step, the execution anew, its job ended and the next put in its place, and the lines and the event that tell of it.
fn steps(connection: &Connection) -> Duration {
    let executions: Vec<(Vec<u8>, Vec<u8>)> = {
        let mut all = connection.prepare("SELECT tenant, id FROM k_execution LIMIT 64").unwrap();
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    };
    assert_eq!(executions.len(), AT_ONCE);
    let logs = LOGS.map(|(log, many)| (again(connection, log), last(connection, log), many));
    let job = r#"{"execution":"01a21bc1-f37e-7248-a138-4b7ba392f4e5","todo":{"wish":{"is":"work","token":1,"attempt":1,"node":"step1","config":{"tool":"user_me"},"input":{},"key":"01a21bc1-f37e-7248-a138-4b7ba392f4e5 step1 1"}}}"#;
    let began = Instant::now();
    for _ in 0..WORKFLOWS * STEPS / AT_ONCE {
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        for (tenant, id) in &executions {
            let run = |text: &str| {
                connection.prepare_cached(text).unwrap().execute(params![tenant, id]).unwrap();
            };
            run(
                "UPDATE k_execution SET revision = revision + 1, updated_at = updated_at + 1, document = document || ' ' \
                 WHERE tenant = ?1 AND id = ?2",
            );
            run("DELETE FROM jobs WHERE tenant = ?1 AND id = ?2");
            connection
                .prepare_cached(
                    "INSERT INTO jobs (tenant, id, queue, priority, due, token, held_until, body) \
                     VALUES (?1, ?2, 'plain', 0, 1, 1, 2, ?3)",
                )
                .unwrap()
                .execute(params![tenant, id, job])
                .unwrap();
            for (insert, last, many) in &logs {
                for _ in 0..*many {
                    connection.prepare_cached(insert).unwrap().execute([last]).unwrap();
                }
            }
        }
        connection.execute_batch("COMMIT").unwrap();
    }
    began.elapsed()
}

/// Commits one row for every step, into a table that has nothing else.
fn rows(connection: &Connection) -> Duration {
    connection.execute_batch("CREATE TABLE plain (number INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT").unwrap();
    let body = "x".repeat(200);
    let began = Instant::now();
    for _ in 0..WORKFLOWS * STEPS / AT_ONCE {
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        for _ in 0..AT_ONCE {
            connection.prepare_cached("INSERT INTO plain (body) VALUES (?1)").unwrap().execute([&body]).unwrap();
        }
        connection.execute_batch("COMMIT").unwrap();
    }
    began.elapsed()
}

/// The statement that appends an entry of a log once more.
fn again(connection: &Connection, log: &str) -> String {
    let mut names =
        connection.prepare(&format!("SELECT name FROM pragma_table_info('{log}') WHERE name <> 'position'")).unwrap();
    let names: Vec<String> = names
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap()
        .map(|name| format!("\"{}\"", name.unwrap()))
        .collect();
    let names = names.join(", ");
    format!("INSERT INTO {log} ({names}) SELECT {names} FROM {log} WHERE position = ?1")
}

fn last(connection: &Connection, log: &str) -> i64 {
    connection.query_row(&format!("SELECT max(position) FROM {log}"), [], |row| row.get(0)).unwrap()
}

fn rate(many: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(many).unwrap()) / took.as_secs_f64()
}
