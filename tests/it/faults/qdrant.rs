//! Qdrant that is not there, is lost in work, or hangs: nobody is refused but a start, and nothing that was written is lost.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use convoke::app::{App, Settings};
use convoke::domain::memory::retrieval::working::Worker;
use convoke::kernel::clock::{Clock as _, SystemClock};
use convoke::kernel::id::new_uuid;
use convoke::port::vectors::Index;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::app::{TestApp, config};
use crate::support::program::Place;
use crate::support::servers::{QDRANT, named};

const ALIKE: &str = "Anna is fond of green tea leaves";
const KEY: &str = "key-Ty55-stands-nowhere-by-chance";
const QUESTION: &str = "Which beverages does he consume?";

/// A program that ends with its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How a line behaves.
const OPEN: u8 = 0;
const CUT: u8 = 1;
const SILENT: u8 = 2;

/// A line to the server that can be cut, or go silent.
struct Line {
    url: String,
    state: Arc<AtomicU8>,
}

impl Line {
    async fn to(server: &str) -> Self {
        let server = server.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(AtomicU8::new(OPEN));
        let of_line = state.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if of_line.load(Ordering::SeqCst) == CUT {
                    continue;
                }
                let far = TcpStream::connect(&server).await.unwrap();
                let (mut from_near, mut to_near) = near.into_split();
                let (mut from_far, mut to_far) = far.into_split();
                let (there, back) = (of_line.clone(), of_line.clone());
                tokio::spawn(async move { carry(&mut from_near, &mut to_far, &there).await });
                tokio::spawn(async move { carry(&mut from_far, &mut to_near, &back).await });
            }
        });
        Self { url, state }
    }

    fn becomes(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
    }
}

async fn carry(
    from: &mut tokio::net::tcp::OwnedReadHalf,
    to: &mut tokio::net::tcp::OwnedWriteHalf,
    state: &Arc<AtomicU8>,
) {
    let mut bytes = vec![0; 65_536];
    loop {
        let read = tokio::select! {
            read = from.read(&mut bytes) => read.unwrap_or(0),
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                if state.load(Ordering::SeqCst) == CUT {
                    return;
                }
                continue;
            }
        };
        while state.load(Ordering::SeqCst) == SILENT {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if read == 0 || state.load(Ordering::SeqCst) == CUT || to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

async fn found(app: &TestApp) -> Value {
    let input = json!({ "query": QUESTION, "scope": "user" });
    app.call(&app.member, "memory_search", input).await.unwrap()
}

async fn remember(app: &TestApp, text: &str) {
    app.call(&app.member, "memory_store", json!({ "text": text })).await.unwrap();
}

#[tokio::test]
async fn a_start_without_the_server_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(config(), place.path().to_owned(), Arc::new(SystemClock));
    "qdrant".clone_into(&mut settings.config.vectors.backend);
    // Nobody listens there: the port is taken and given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    settings.config.vectors.url = format!("http://127.0.0.1:{port}");
    let fault = App::open(settings).await.err().unwrap();
    assert_eq!(fault.code().name, "bad_configuration");
    assert!(fault.to_string().contains("vectors.backend = 'qdrant'"), "{fault}");
    let mut settings = Settings::new(config(), place.path().to_owned(), Arc::new(SystemClock));
    "qdrant".clone_into(&mut settings.config.vectors.backend);
    settings.config.vectors.url = format!("http://127.0.0.1:{port}");
    "env:NO_SUCH_VARIABLE_HERE".clone_into(&mut settings.config.vectors.api_key_from);
    let fault = App::open(settings).await.err().unwrap();
    assert!(fault.to_string().contains("NO_SUCH_VARIABLE_HERE is not set"), "{fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_while_it_is_lost_is_found_when_it_is_back() {
    let Some(server) = named(QDRANT, "qdrant") else { return };
    let line = Line::to(&server).await;
    let prefix = format!("faults_{}", new_uuid(SystemClock.now()).simple());
    let app = TestApp::start_with(|settings| {
        "test/vectors".clone_into(&mut settings.config.embeddings.model);
        let vectors = &mut settings.config.vectors;
        "qdrant".clone_into(&mut vectors.backend);
        (vectors.url, vectors.prefix) = (line.url.clone(), prefix.clone());
        (vectors.search_seconds, vectors.write_seconds) = (1, 2);
    })
    .await;
    let worker = Worker::new(app.app.platform().clone());
    remember(&app, "Bo rides").await;
    worker.round().await.unwrap();
    assert_eq!(found(&app).await["items"].as_array().unwrap().len(), 1);
    for state in [CUT, SILENT] {
        line.becomes(state);
        tokio::time::sleep(Duration::from_millis(100)).await;
        remember(&app, &format!("{ALIKE}{}", ".".repeat(usize::from(state) - 1))).await;
        let began = Instant::now();
        let lexical = found(&app).await;
        assert_eq!(lexical["method"], "lexical");
        assert!(lexical["partial"].as_str().unwrap().contains("unavailable"), "{lexical}");
        // One waits as long as is set, tries once more, and others not at all.
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
        let began = Instant::now();
        found(&app).await;
        assert!(began.elapsed() < Duration::from_millis(700), "{:?}", began.elapsed());
        assert!(worker.round().await.is_err());
        line.becomes(OPEN);
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        app.clock.advance(Duration::from_mins(10));
        worker.round().await.unwrap();
        let back = found(&app).await;
        assert_eq!((&back["method"], back.get("partial")), (&json!("hybrid"), None), "{back}");
        assert!(back["items"][0]["text"].as_str().unwrap().starts_with(ALIKE), "{back}");
    }
    // Another instance finds what this one embedded, and both fill it anew.
    let index = app.app.platform().service::<Index>().unwrap().0.clone();
    let points = index.fullness().await.unwrap().points;
    let done = app.call(&app.admin, "system_reindex", json!({})).await.unwrap();
    assert_eq!(done, json!({ "state": "complete", "read": points, "of": points, "takenUp": false }));
    assert_eq!(index.fullness().await.unwrap().points, points);
    index.clear().await.unwrap();
}

#[test]
fn the_key_comes_from_the_vault() {
    let Some(run) = named("QDRANT_RUN", "qdrant") else { return };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new(run);
    server.arg(port.to_string()).args(["--api-key", KEY]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = Ended(server.spawn().unwrap());
    let mut said = String::new();
    BufReader::new(server.0.stderr.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("listens on"), "{said}");
    let place = Place::new();
    let url = format!("vectors.url=http://127.0.0.1:{port}");
    let settings = ["--set", "vectors.backend=qdrant", "--set", &url, "--set", "vectors.api_key_from=vault:qdrant"];
    let serve = [&["serve", "--listen", "127.0.0.1:0"][..], &settings].concat();
    let put = |key: &str| place.call("secret_put", &json!({ "name": "qdrant", "value": key }));
    let said = place.run(&serve).errors();
    assert!(
        said.contains("vectors.api_key_from cannot be used: credential_missing: there is no credential 'qdrant'"),
        "{said}"
    );
    put("another");
    let said = place.run(&serve).errors();
    assert!(said.contains("vectors.backend = 'qdrant' cannot be used"), "{said}");
    put(KEY);
    let served = place.serve_with(&settings);
    assert_eq!(served.stop(), 0);
    let told = place.call("audit_query", &json!({ "action": "secret_use" })).to_string();
    assert!(told.contains("vectors.api_key_from") && !told.contains(KEY), "{told}");
}
