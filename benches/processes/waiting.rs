//! A million executions that wait, each for a timer of its own: how long the program takes to start on them, what it needs of memory, and
//! whether those that become due meanwhile fire on time.

use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use serde_json::json;

use super::process::Server;
use super::sides::Ours;
use super::table::{Table, Target};

const WAITING: i64 = 1_000_000;
/// So many of them become due while it runs, one every so many milliseconds.
const DUE: i64 = 500;
const APART: i64 = 20;
/// When the first of them is due.
const AFTER: i64 = 10_000;

/// Measures.
pub(crate) fn measure(table: &mut Table) {
    let ours = Ours::start(&[]);
    let pause = json!({ "id": "pause", "type": "timer", "config": { "after": "P30D" } });
    let nodes = [json!({ "id": "begin", "type": "start" }), pause, json!({ "id": "done", "type": "end" })];
    ours.publish("Waiting", &nodes, &json!({}));
    ours.open().post("/api/v1/executions", &json!({ "processId": "waiting" }));
    let Ours { server, data } = ours;
    drop(server);
    let file = data.path().join("convoke.db");
    let began = Instant::now();
    fill(&Connection::open(&file).unwrap());
    eprintln!("  {WAITING} executions were written in {:.0} s", began.elapsed().as_secs_f64());

    let began = Instant::now();
    let server = Server::start(&mut Server::command(data.path(), &[]), /*with_key*/ false);
    let start = began.elapsed().as_secs_f64();
    let connection = Connection::open(&file).unwrap();
    let now = "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)";
    let first = connection.query_row(now, [], |row| row.get::<_, i64>(0)).unwrap() + AFTER;
    // Before the program comes to look at them: what is due is due by this clock.
    connection.busy_timeout(Duration::from_secs(30)).unwrap();
    connection
        .execute("UPDATE jobs SET due = ?1 + (chosen.rank * ?2) FROM (SELECT tenant, id, row_number() OVER (ORDER BY id) AS rank \
                  FROM jobs WHERE queue = 'executions' ORDER BY id LIMIT ?3) AS chosen \
                  WHERE jobs.tenant = chosen.tenant AND jobs.id = chosen.id", params![first, APART, DUE])
        .unwrap();
    std::thread::sleep(Duration::from_millis(u64::try_from(AFTER / 2).unwrap()));
    let (idle, before) = (server.resident_kib() / 1024, server.cpu());
    std::thread::sleep(Duration::from_secs(2));
    let quiet = server.cpu().checked_sub(before).unwrap();
    let late = lateness(&connection, first);
    let fired = server.resident_kib() / 1024;
    table.row(
        "1,000,000 waiting executions and timers: start",
        format!("{start:.2} s"),
        String::new(),
        String::new(),
        Target::of("< 5 s", start < 5.0),
    );
    table.row(
        "memory, waiting and after timers fired",
        format!("{idle} MiB, {fired} MiB; {} ms of CPU a second while nothing is due", quiet.as_millis() / 2),
        String::new(),
        String::new(),
        Target::of("< 200 MB", idle.max(fired) * 1024 * 1024 < 200_000_000),
    );
    let (Some(median), Some(worst)) = (late.get(late.len() / 2), late.last()) else {
        return table.row("timers fired", "none".to_owned(), String::new(), String::new(), Target::of("all", false));
    };
    let all = late.len() == usize::try_from(DUE).unwrap();
    table.row(
        "timers fired, from due to the execution's end on disk",
        format!("{} of {DUE}, median {median} ms, worst {worst} ms late", late.len()),
        String::new(),
        String::new(),
        Target::of("all, < 1 s late", all && *worst < 1_000),
    );
}

/// Makes a million of the one that waits.
fn fill(connection: &Connection) {
    connection
        .execute_batch("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; BEGIN IMMEDIATE;")
        .unwrap();
    let columns = |table: &str, but: &str| {
        let mut names = connection
            .prepare(&format!("SELECT name FROM pragma_table_info('{table}') WHERE name NOT IN ({but})"))
            .unwrap();
        let names = names.query_map([], |row| row.get::<_, String>(0)).unwrap();
        names.map(|name| format!("\"{}\"", name.unwrap())).collect::<Vec<_>>().join(", ")
    };
    let executions = columns("k_execution", "'number', 'id'");
    // Ids of their own: the time of the first, and a number.
    let numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)";
    connection
        .execute(
            &format!(
                "{numbers} INSERT INTO k_execution (id, {executions}) SELECT CAST(substr(id, 1, 8) || unhex(printf('%016x', n)) AS BLOB), {executions} \
                 FROM numbers, (SELECT * FROM k_execution WHERE f_processId = 'waiting' LIMIT 1)"
            ),
            [WAITING - 1],
        )
        .unwrap();
    connection
        .execute(
            "INSERT INTO k_execution__text (rowid, tenant, f_marks) SELECT number, hex(tenant), '' FROM k_execution \
             WHERE f_processId = 'waiting' AND number > (SELECT min(number) FROM k_execution WHERE f_processId = 'waiting')",
            [],
        )
        .unwrap();
    connection
        .execute(
            "INSERT INTO jobs (tenant, id, queue, priority, due, body) SELECT one.tenant, one.id, job.queue, job.priority, \
             job.due + one.number, replace(job.body, json_extract(job.body, '$.execution'), \
             lower(printf('%s-%s-%s-%s-%s', substr(hex(one.id), 1, 8), substr(hex(one.id), 9, 4), substr(hex(one.id), 13, 4), \
             substr(hex(one.id), 17, 4), substr(hex(one.id), 21)))) \
             FROM k_execution AS one, (SELECT * FROM jobs WHERE queue = 'executions' LIMIT 1) AS job \
             WHERE one.f_processId = 'waiting' AND one.id <> unhex(replace(json_extract(job.body, '$.execution'), '-', ''))",
            [],
        )
        .unwrap();
    let jobs: i64 = connection.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0)).unwrap();
    assert_eq!(jobs, WAITING);
    connection.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
}

/// How late each of those that were due ended, in milliseconds and in order.
fn lateness(connection: &Connection, first: i64) -> Vec<i64> {
    let until =
        Instant::now() + Duration::from_millis(u64::try_from(AFTER + DUE * APART).unwrap()) + Duration::from_secs(20);
    loop {
        // In the order of their due times: one every so many milliseconds.
        let mut ended = connection
            .prepare("SELECT f_endedAt FROM k_execution WHERE f_processId = 'waiting' AND f_status = 'completed' ORDER BY f_endedAt")
            .unwrap();
        let ended: Vec<i64> = ended.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        if ended.len() == usize::try_from(DUE).unwrap() || Instant::now() > until {
            let mut late: Vec<i64> =
                ended.iter().zip(1..).map(|(at, rank): (&i64, i64)| (at - (first + rank * APART)).max(0)).collect();
            late.sort_unstable();
            return late;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
