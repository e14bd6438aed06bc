//! What remembering costs: storing against one commit of the store, and searching among 100,000 memories, in the same run.
//!
//! `cargo bench --bench memory`                   everything; ends non-zero when a target is missed
//! `MEMORIES=10000 cargo bench --bench memory`    fewer memories

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::panic,
    reason = "a measuring program: what goes wrong ends it with its message"
)]

#[path = "../calls/table.rs"]
mod table;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use convoke::app::{App, Settings};
use convoke::capability::caller::{Caller, Credential, Door, Origin};
use convoke::capability::gate::Request;
use convoke::capability::outcome::Outcome;
use convoke::domain::memory::MODULE;
use convoke::kernel::clock::{Clock as _, SystemClock};
use convoke::kernel::id::{CallId, new_uuid};
use convoke::port::records::{Filter, Kind, Query, Record, Scope};
use convoke::port::store::{Batch, Expect, Put, Step};
use serde_json::{Value, json};
use table::{Table, Target};

/// Calls that are measured.
const CALLS: usize = 400;
/// Different words that memories are made of; a word is the rarer the further it lies.
const WORDS: u64 = 20_000;

/// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut table = Table::default();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut config = convoke::config::load::defaults().unwrap();
        config.limits.writes_per_minute = 1_000_000;
        config.limits.reads_per_minute = 1_000_000;
        let app = App::open(Settings::new(config, folder.path().to_owned(), Arc::new(SystemClock))).await.unwrap();
        let key = app.first_key().unwrap().clone();
        let caller = app.gate().identify(&Credential::Bearer(key), None).await.unwrap();
        Box::pin(measure(&app, &caller, &mut table)).await;
    });
    if table.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A repeatable source of chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    /// A word, as often as words are: the product of two numbers is small more often than large.
    fn word(&mut self) -> String {
        let place = self.below(WORDS) * self.below(WORDS) / WORDS;
        let mut letters = place * 7919 + 31;
        let mut word = String::new();
        while letters > 0 || word.len() < 4 {
            word.push(char::from(b"aeioubcdfghklmnprstvz"[usize::try_from(letters % 21).unwrap()]));
            letters /= 21;
        }
        word
    }

    fn words(&mut self, many: usize) -> String {
        (0..many).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }
}

async fn call(app: &App, caller: &Arc<Caller>, tool: &str, input: Value) -> Value {
    let origin = Origin { door: Door::Inside, address: None };
    let request = Request::new(CallId::new(SystemClock.now()), caller.clone(), origin, tool, input);
    let Outcome::Value(value) = app.gate().call(request).await.result.unwrap() else {
        panic!("{tool} answers a value")
    };
    value
}

fn middle(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    (at(50), at(99))
}

fn put(kind: &'static Kind, like: &Record, body: Value) -> Step {
    Step::Put(Put {
        kind,
        id: new_uuid(SystemClock.now()),
        expect: Expect::Absent,
        owner: like.owner,
        workspace: like.workspace,
        visibility: like.visibility,
        body,
    })
}

async fn measure(app: &App, caller: &Arc<Caller>, table: &mut Table) {
    let memories: usize = std::env::var("MEMORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    if memories < 1000 {
        let none = String::new;
        return table.row("memories", none(), none(), none(), Target::unmeasured("1,000 at least"));
    }
    let store = app.platform().store.clone();
    let kind = *MODULE.kinds.iter().find(|kind| kind.name == "memory").unwrap();
    let mut chance = Chance(3);
    call(app, caller, "memory_store", json!({ "text": "The first one is like all others" })).await;
    let first = store.find(Scope::Platform, kind, Query::newest(Filter::All, 1)).await.unwrap().remove(0);
    let body = |text: String| {
        let mut body = first.body.clone();
        body["text"] = text.into();
        body
    };

    let began = Instant::now();
    let mut left = memories;
    while left > 0 {
        let some = left.min(1000);
        let steps = (0..some).map(|_| put(kind, &first, body(chance.words(12)))).collect();
        store.commit(vec![Batch { tenant: first.tenant, at: SystemClock.now(), steps }]).await.unwrap();
        left -= some;
    }
    let filled = format!("{:.1} s", began.elapsed().as_secs_f64());
    table.row(&format!("writing {memories} memories"), filled, String::new(), String::new(), Target::none());

    // By turns, so that both have the same machine.
    let (mut commits, mut stores) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        let steps = vec![put(kind, &first, body(chance.words(12)))];
        let began = Instant::now();
        store.commit(vec![Batch { tenant: first.tenant, at: SystemClock.now(), steps }]).await.unwrap();
        commits.push(began.elapsed());
        let input = json!({ "text": chance.words(12) });
        let began = Instant::now();
        call(app, caller, "memory_store", input).await;
        stores.push(began.elapsed());
    }
    let ((commit, _), (half, most)) = (middle(commits), middle(stores));
    table.row(
        "memory_store of a new memory, with every step of the gate",
        format!("{half:.2} ms, p99 {most:.2} ms"),
        format!("{commit:.2} ms (one commit of one memory)"),
        format!("{:.2}", half / commit),
        Target::of("p50 ≤ 1.5 commits", half <= 1.5 * commit),
    );

    for (what, many) in [("two words", 2), ("a question of six words", 6)] {
        let mut searches = Vec::new();
        let mut found = 0;
        for _ in 0..CALLS {
            let input = json!({ "query": chance.words(many) });
            let began = Instant::now();
            let answer = call(app, caller, "memory_search", input).await;
            searches.push(began.elapsed());
            found += answer["items"].as_array().unwrap().len();
        }
        let (half, most) = middle(searches);
        table.row(
            &format!("memory_search for {what}, {} found each", found / CALLS),
            format!("{half:.2} ms, p99 {most:.2} ms"),
            String::new(),
            String::new(),
            Target::of("p50 ≤ 8 ms", half <= 8.0),
        );
    }
}
