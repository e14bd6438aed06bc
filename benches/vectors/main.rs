//! What the embedded index of vectors costs: putting in, searching, opening again, memory; how much of what is nearest it finds.
//!
//! `cargo bench --bench vectors`                      everything; ends non-zero when a target is missed
//! `cargo bench --bench vectors -- hundred`           some of it: hundred, uniform, million
//!
//! The vectors are made, since no collection of real ones comes with a package. `like texts`: 2,000 crowds in 48 directions of falling
//! weight, with noise in all directions and a common part, as sentence embedders give them (any two have a cosine of about 0.2, the tenth
//! nearest one of about 0.8). `uniform`: no structure at all, the worst there is, and nothing that an embedder would give.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measuring program: what goes wrong ends it with its message"
)]

mod made;
mod peer;
#[path = "../calls/table.rs"]
mod table;

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use convoke::adapter::vectors::EmbeddedVectors;
use convoke::kernel::id::{Id, TenantId};
use convoke::port::vectors::{Change, Corner, Search, Space, Vectors};
use made::{Kind, Made, SIZE, truth};
use table::{Table, Target};
use uuid::Uuid;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const QUESTIONS: usize = 200;
const BATCH: usize = 500;
const SCOPE: usize = 1_000;

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |name: &str| only.iter().any(|one| one == name) || only.is_empty();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut table = Table::default();
    runtime.block_on(async {
        if wanted("hundred") {
            hundred(&mut table).await;
        }
        if wanted("uniform") {
            uniform(&mut table).await;
        }
        if wanted("million") {
            million(&mut table).await;
        }
    });
    if table.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn space() -> Space {
    Space { embedder: "made/1".into(), size: SIZE }
}

fn tenant() -> TenantId {
    Id::from_uuid(Uuid::from_u128(7))
}

fn corner(part: &str) -> Corner {
    Corner { tenant: tenant(), of: "memory".into(), part: part.into() }
}

fn search(part: &str, vector: &[f32], among: Option<Arc<HashSet<Uuid>>>) -> Search {
    Search { space: space(), corners: vec![corner(part)], vector: vector.to_vec(), limit: 10, among }
}

/// Puts vectors in, batch by batch, each durable before the next. Answers how long that took, without the making of the vectors.
async fn fill(vectors: &EmbeddedVectors, part: &str, made: &Made, from: usize, count: usize) -> Duration {
    let mut took = Duration::ZERO;
    for batch in (from..from + count).step_by(BATCH) {
        let changes = (batch..(batch + BATCH).min(from + count)).map(|at| Change::Put {
            space: space(),
            corner: corner(part),
            id: Uuid::from_u128(at as u128),
            vector: made.vector(at),
        });
        let changes: Vec<Change> = changes.collect();
        let began = Instant::now();
        vectors.take(changes, i64::try_from(batch).ok()).await.unwrap();
        took += began.elapsed();
    }
    took
}

/// How a row of searches went.
struct Went {
    recall: f64,
    /// Milliseconds of CPU a search, which others on the machine do not change much.
    cpu: f64,
    p50: f64,
    p99: f64,
}

async fn ask(
    vectors: &EmbeddedVectors,
    part: &str,
    questions: &[Vec<f32>],
    right: &[Vec<usize>],
    among: Option<&Arc<HashSet<Uuid>>>,
) -> Went {
    let (mut times, mut found, mut of) = (Vec::new(), 0, 0);
    // The first ones wake what sleeps.
    for question in questions.iter().take(20) {
        vectors.search(search(part, question, among.cloned())).await.unwrap();
    }
    let cpu = cpu_seconds();
    for (question, right) in questions.iter().zip(right) {
        let search = search(part, question, among.cloned());
        let began = Instant::now();
        let near = vectors.search(search).await.unwrap();
        times.push(began.elapsed().as_secs_f64() * 1e3);
        of += right.len();
        found += near.iter().filter(|near| right.iter().any(|at| Uuid::from_u128(*at as u128) == near.id)).count();
    }
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let cpu = (cpu_seconds() - cpu) * 1e3 / times.len() as f64;
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let recall = found as f64 / of as f64;
    Went { recall, cpu, p50: at(50), p99: at(99) }
}

fn milliseconds(time: f64) -> String {
    if time < 1.0 { format!("{time:.3} ms") } else { format!("{time:.2} ms") }
}

fn tell(table: &mut Table, what: &str, went: &Went, least: f64, p50: f64, p99: Option<f64>) {
    let recall = Target::of(&format!("≥ {least}"), went.recall >= least);
    table.row(&format!("{what}: recall@10"), format!("{:.4}", went.recall), String::new(), String::new(), recall);
    let fast = Target::of(&format!("p50 ≤ {p50} ms"), went.p50 <= p50);
    table.row(&format!("{what}: p50"), milliseconds(went.p50), String::new(), String::new(), fast);
    let fast = p99.map_or_else(Target::none, |p99| Target::of(&format!("p99 ≤ {p99} ms"), went.p99 <= p99));
    table.row(&format!("{what}: p99"), milliseconds(went.p99), String::new(), String::new(), fast);
    table.row(&format!("{what}: CPU"), milliseconds(went.cpu), String::new(), String::new(), Target::none());
}

#[expect(clippy::cast_precision_loss, reason = "counts for people")]
fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

async fn hundred(table: &mut Table) {
    const POINTS: usize = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let made = Made::new(Kind::LikeTexts, POINTS + SCOPE, QUESTIONS);
    let vectors = EmbeddedVectors::open(&folder.path().join("vectors")).unwrap();
    let took = fill(&vectors, "tenant", &made, 0, POINTS).await;
    let per_second = rate(POINTS, took);
    let target = Target::of("≥ 3000/s", per_second >= 3_000.0);
    table.row("put in, 500 at a time, durable", format!("{per_second:.0}/s"), String::new(), String::new(), target);
    fill(&vectors, "user:1", &made, POINTS, SCOPE).await;
    let questions = made.questions();
    let right = truth(&made, 0..POINTS, &questions, |_| true);
    let went = ask(&vectors, "tenant", &questions, &right, None).await;
    tell(table, "100,000 × 384 like texts", &went, 0.98, 4.0, Some(10.0));
    let of_scope = truth(&made, POINTS..POINTS + SCOPE, &questions, |_| true);
    let small = ask(&vectors, "user:1", &questions, &of_scope, None).await;
    let share = small.p50 / went.p50;
    let target = Target::of("≤ 20 %", share <= 0.2);
    table.row(
        "a corner of 1,000 beside the 100,000: p50",
        milliseconds(small.p50),
        format!("{} (the 100,000)", milliseconds(went.p50)),
        format!("{:.0} %", 100.0 * share),
        target,
    );
    for (one_in, what) in [(2, "1 in 2"), (20, "1 in 20")] {
        let named: HashSet<Uuid> =
            (0..POINTS).filter(|at| at % one_in == 0).map(|at| Uuid::from_u128(at as u128)).collect();
        let right = truth(&made, 0..POINTS, &questions[..50], |at| at % one_in == 0);
        let among = ask(&vectors, "tenant", &questions[..50], &right, Some(&Arc::new(named))).await;
        table.row(
            &format!("100,000, only {what} of them: p50"),
            milliseconds(among.p50),
            String::new(),
            format!("recall {:.4}", among.recall),
            Target::none(),
        );
    }
    if let Some(theirs) = peer::sqlite_vec(folder.path(), &made, POINTS, SCOPE, &questions) {
        let row = |table: &mut Table, what: &str, ours: f64, theirs: f64, most: f64| {
            let ratio = ours / theirs;
            let target = Target::of(&format!("≤ {most}"), ratio <= most);
            table.row(
                what,
                milliseconds(ours),
                format!("{} (sqlite-vec)", milliseconds(theirs)),
                format!("{ratio:.2}"),
                target,
            );
        };
        row(table, "100,000 × 384 like texts: p50", went.p50, theirs.all, 1.0);
        row(table, "a corner of 1,000: p50", small.p50, theirs.scope, 1.0);
        let ratio = per_second / theirs.per_second;
        let (ours, theirs) = (format!("{per_second:.0}/s"), format!("{:.0}/s (sqlite-vec)", theirs.per_second));
        table.row("put in, 500 at a time, durable", ours, theirs, format!("{ratio:.2}"), Target::none());
    } else {
        table.row("against sqlite-vec", String::new(), String::new(), String::new(), Target::unmeasured("≤ 1"));
    }
}

async fn uniform(table: &mut Table) {
    const POINTS: usize = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let made = Made::new(Kind::Uniform, POINTS, QUESTIONS);
    let vectors = EmbeddedVectors::open(folder.path()).unwrap();
    fill(&vectors, "tenant", &made, 0, POINTS).await;
    let questions = made.questions();
    let right = truth(&made, 0..POINTS, &questions, |_| true);
    let went = ask(&vectors, "tenant", &questions, &right, None).await;
    for (what, value) in [("recall@10", format!("{:.4}", went.recall)), ("p50", milliseconds(went.p50))] {
        table.row(&format!("100,000 × 384 uniform: {what}"), value, String::new(), String::new(), Target::none());
    }
}

async fn million(table: &mut Table) {
    const POINTS: usize = 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let made = Made::new(Kind::LikeTexts, POINTS, QUESTIONS);
    let vectors = EmbeddedVectors::open(folder.path()).unwrap();
    let before = resident();
    let took = fill(&vectors, "tenant", &made, 0, POINTS).await;
    let per_second = rate(POINTS, took);
    let target = Target::of("≥ 3000/s", per_second >= 3_000.0);
    table.row("put in up to a million, durable", format!("{per_second:.0}/s"), String::new(), String::new(), target);
    let questions = made.questions();
    let right = truth(&made, 0..POINTS, &questions, |_| true);
    let went = ask(&vectors, "tenant", &questions, &right, None).await;
    tell(table, "1,000,000 × 384 like texts", &went, 0.95, 15.0, None);
    memory(table, &vectors, before).await;
    drop(vectors);
    reopen(table, folder.path(), POINTS).await;
}

async fn memory(table: &mut Table, vectors: &EmbeddedVectors, before: f64) {
    let full = vectors.fullness().await.unwrap();
    #[expect(clippy::cast_precision_loss, reason = "counts for people")]
    let (bytes, codes, disk) = (full.memory_bytes as f64, (full.points * SIZE as u64) as f64, full.disk_bytes as f64);
    let resident = resident() - before;
    let ratio = bytes.max(resident) / codes;
    table.row(
        "memory at a million",
        format!("{:.0} MB ({resident:.0} MB more resident)", bytes / 1e6, resident = resident / 1e6),
        format!("{:.0} MB (int8 alone)", codes / 1e6),
        format!("{ratio:.2}"),
        Target::of("≤ 2.2", ratio <= 2.2),
    );
    table.row("on the disk", format!("{:.0} MB", disk / 1e6), String::new(), String::new(), Target::none());
}

async fn reopen(table: &mut Table, folder: &Path, points: usize) {
    let began = Instant::now();
    let vectors = EmbeddedVectors::open(folder).unwrap();
    let took = began.elapsed().as_secs_f64();
    assert_eq!(vectors.fullness().await.unwrap().points, points as u64);
    let target = Target::of("≤ 2 s", took <= 2.0);
    table.row("opened again, a million", format!("{took:.2} s"), String::new(), String::new(), target);
}

/// Seconds of CPU that this process has used, all of its threads.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    [11, 12].iter().filter_map(|at| fields.get(*at)?.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Bytes of this process in memory.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4096.0
}
