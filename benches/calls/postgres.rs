//! The store on PostgreSQL: a write capability with 64 callers against pgbench committing rows of the same size on the same
//! server, and reads by key against the bare driver. Left out where `POSTGRES_URL` and `POSTGRES_BIN` name no server:
//! `scripts/services run cargo bench --bench calls -- postgres`.

use std::fmt::Write as _;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use convoke::adapter::postgres::{Address, PostgresConfig, PostgresStore};
use convoke::adapter::sqlite::{SqliteConfig, SqliteCopies};
use convoke::kernel::clock::SystemClock;
use convoke::kernel::id::{Id, TenantId, new_uuid};
use convoke::kernel::secret::Secret;
use convoke::kernel::time::Timestamp;
use convoke::port::records::{Kind, Records as _, Scope, Visibility};
use convoke::port::store::{Batch, Expect, Put, Step, Store as _};
use serde_json::json;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::load::Load;
use super::process::Server;
use super::table::{Table, Target};

const CALLS: usize = 6_000;
const CALLERS: usize = 64;
const ROUNDS: usize = 3;
const READS: usize = 20_000;

/// The tables that every call writes one row of.
const TABLES: [&str; 5] = ["k_user", "k_role_assignment", "l_audit", "l_usage", "l_events"];

static NOTE: Kind = Kind::new("note");

/// Measures writes and reads.
pub(crate) async fn measure(table: &mut Table) {
    let (Ok(url), Ok(bin)) = (std::env::var("POSTGRES_URL"), std::env::var("POSTGRES_BIN")) else {
        eprintln!("left out, POSTGRES_URL and POSTGRES_BIN are not set: postgres");
        return;
    };
    writes(table, &url, &bin).await;
    reads(table, &url).await;
}

async fn writes(table: &mut Table, url: &str, bin: &str) {
    let (mut ours, mut plain) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        let database = fresh(url).await;
        let data = tempfile::tempdir().unwrap();
        let settings = [("CONVOKE_STORE__BACKEND", "postgres"), ("CONVOKE_STORE__URL", database.as_str())];
        let convoke = Server::convoke_with(data.path(), &settings);
        let load = Load {
            url: format!("{}/mcp", convoke.url),
            key: convoke.key.clone(),
            method: "tools/call",
            tool: "user_create",
            arguments: |number| json!({ "email": format!("person{number}@example.org"), "name": format!("Person {number}") }),
        };
        ours = ours.max(rate(CALLS, load.run(CALLS, CALLERS).await));
        drop(convoke);
        plain = plain.max(pgbench(&database, bin).await);
    }
    let share = 100.0 * ours / plain;
    table.row(
        "durable writes on PostgreSQL, 64 callers",
        format!("{ours:.0}/s"),
        format!("{plain:.0}/s (pgbench, the same rows)"),
        format!("{share:.0} %"),
        Target::of("≥ 50 %", share >= 50.0),
    );
}

/// Transactions a second of pgbench, each of which writes the rows that one call wrote, into tables of the same form.
async fn pgbench(database: &str, bin: &str) -> f64 {
    let client = connect(database).await;
    client
        .batch_execute(
            "CREATE SCHEMA plain; SET convoke.tenant = 'ffffffff-ffff-ffff-ffff-ffffffffffff'; \
             CREATE SEQUENCE plain.positions",
        )
        .await
        .unwrap();
    let mut script = "BEGIN;\n".to_owned();
    for name in TABLES {
        client.batch_execute(&format!("CREATE TABLE plain.{name} (LIKE convoke.{name} INCLUDING ALL)")).await.unwrap();
        let order = if name.starts_with("l_") { "position" } else { "created_at" };
        let row = format!("SELECT row_to_json(one)::text FROM convoke.{name} AS one ORDER BY {order} DESC LIMIT 1");
        let row: String = client.query_one(&row, &[]).await.unwrap().get(0);
        let row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&row).unwrap();
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (column, value) in row {
            names.push(format!("\"{column}\""));
            values.push(match (column.as_str(), value) {
                // What must be another in each row is made anew, as long as it was.
                ("id" | "f_user" | "f_requestId", _) => "gen_random_uuid()".to_owned(),
                ("position", _) => "nextval('plain.positions')".to_owned(),
                ("f_email" | "f_scope", serde_json::Value::String(text)) => {
                    format!("left(md5(random()::text) || md5(random()::text), {})", text.len())
                }
                (_, serde_json::Value::Null) => "NULL".to_owned(),
                (_, serde_json::Value::String(text)) => format!("'{}'", text.replace('\'', "''")),
                (_, other) => other.to_string(),
            });
        }
        // One statement is one line of a script; a colon would begin a variable.
        let values = values.join(", ").replace('\n', " ").replace(":\"", ": \"");
        writeln!(script, "INSERT INTO plain.{name} ({}) VALUES ({values});", names.join(", ")).unwrap();
    }
    script.push_str("COMMIT;\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.sql");
    std::fs::write(&file, script).unwrap();
    let ran = Command::new(format!("{bin}/pgbench"))
        .args(["-n", "-c", "64", "-j", "2", "-T", "5", "-M", "simple", "-f"])
        .arg(&file)
        .arg(database)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    let rate = told.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.unwrap_or_else(|| panic!("pgbench: {told}\n{}", String::from_utf8_lossy(&ran.stderr)))
}

async fn reads(table: &mut Table, url: &str) {
    let database = fresh(url).await;
    let clock = Arc::new(SystemClock);
    let copies = SqliteConfig::new("nothing.db".into(), vec![&NOTE], Vec::new(), clock.clone());
    let config = PostgresConfig {
        address: Address { url: Secret::new(database.clone()), password: None, authority: None },
        kinds: vec![&NOTE],
        logs: Vec::new(),
        unowned: Vec::new(),
        unowned_logs: Vec::new(),
        clock,
        readers: 8,
        writers: 2,
        copies: Arc::new(SqliteCopies::new(&copies).unwrap()),
        before: None,
    };
    let store = PostgresStore::open(config).await.unwrap();
    let now = Timestamp::from_millis(1_763_640_000_000);
    let tenant: TenantId = Id::new(now);
    let ids: Arc<Vec<Uuid>> = Arc::new((0..1000).map(|_| new_uuid(now)).collect());
    let steps = ids.iter().map(|id| {
        Step::Put(Put {
            kind: &NOTE,
            id: *id,
            expect: Expect::Absent,
            owner: None,
            workspace: None,
            visibility: Visibility::Tenant,
            body: json!({ "text": "x".repeat(300) }),
        })
    });
    store.commit(vec![Batch { tenant, at: now, steps: steps.collect() }]).await.unwrap();
    let (mut ours, mut bare) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let readers = (0..8).map(|reader| {
            let (store, ids) = (store.clone(), ids.clone());
            tokio::spawn(async move {
                for number in 0..READS / 8 {
                    let id = ids[(number * 8 + reader) % ids.len()];
                    assert!(store.get(Scope::Tenant(tenant), &NOTE, id).await.unwrap().is_some());
                }
            })
        });
        for reader in readers.collect::<Vec<_>>() {
            reader.await.unwrap();
        }
        ours = ours.max(rate(READS, began.elapsed()));
        let mut connections = Vec::new();
        for _ in 0..8 {
            let client = connect(&database).await;
            client.batch_execute(&format!("SET convoke.tenant = '{}'", tenant.uuid())).await.unwrap();
            let text = "SELECT * FROM convoke.k_note WHERE tenant = $1 AND id = $2";
            connections.push((client.prepare(text).await.unwrap(), client));
        }
        let began = Instant::now();
        let readers = connections.into_iter().enumerate().map(|(reader, (statement, client))| {
            let ids = ids.clone();
            tokio::spawn(async move {
                for number in 0..READS / 8 {
                    let id = ids[(number * 8 + reader) % ids.len()];
                    let row = client.query_one(&statement, &[&tenant.uuid(), &id]).await.unwrap();
                    assert!(!row.get::<_, String>("document").is_empty());
                }
            })
        });
        for reader in readers.collect::<Vec<_>>() {
            reader.await.unwrap();
        }
        bare = bare.max(rate(READS, began.elapsed()));
    }
    let share = 100.0 * ours / bare;
    table.row(
        "reads by key on PostgreSQL, 8 readers",
        format!("{ours:.0}/s"),
        format!("{bare:.0}/s (tokio-postgres alone)"),
        format!("{share:.0} %"),
        Target::of("≥ 50 %", share >= 50.0),
    );
}

/// A new database beside the one that the URL names.
pub(crate) async fn fresh(url: &str) -> String {
    let name = format!("convoke_bench_{}", new_uuid(Timestamp::from_millis(0)).simple());
    let admin = connect(url).await;
    admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")).await.unwrap();
    let (place, _) = url.rsplit_once('/').unwrap();
    format!("{place}/{name}")
}

pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

fn rate(calls: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(calls).unwrap()) / took.as_secs_f64()
}
