//! A vendor of models on this machine: a real server of HTTP that speaks every dialect and does what a script says. Its forms are taken
//! from the types in the vendors' own clients for Python: openai 3.57 (`types/chat`, `types/create_embedding_response`), anthropic 2.14
//! (`types/message`, `types/raw_message_stream_event`, `types/shared/error_object`), cohere 7.3 (`v2`, `types/v2chat_stream_response`) and
//! google-genai 3.6 (`types.GenerateContentResponse`, `types.EmbedContentResponse`); forms of other servers that speak OpenAI's dialect
//! from their documentation. What a request must hold to stands in `rules`: who breaks a rule is refused as the vendor refuses.

mod anthropic;
mod cohere;
mod gemini;
mod openai;
pub(crate) mod rules;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use futures::Stream;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

/// The dialects, as the program calls them.
pub(crate) const DIALECTS: [&str; 5] = ["openai", "azure", "anthropic", "cohere", "gemini"];

/// The key that the vendor takes.
pub(crate) const KEY: &str = "key-of-tests-0123456789";

/// What a model says, whatever the dialect.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    /// Thoughts, and the vendor's signature under them.
    pub(crate) thoughts: Option<(String, String)>,
    /// Words; each piece comes by itself in a stream.
    pub(crate) texts: Vec<String>,
    /// Tool calls: id, name, pieces of the arguments' JSON.
    pub(crate) calls: Vec<(String, String, Vec<String>)>,
    /// Whether it came to the most tokens.
    pub(crate) cut: bool,
    /// What was used.
    pub(crate) used: Used,
}

/// What was used, each counted once: cached, written and thought are parts of the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) input: u64,
    pub(crate) cached: u64,
    pub(crate) written: u64,
    pub(crate) output: u64,
    pub(crate) thoughts: u64,
}

impl Default for Used {
    fn default() -> Self {
        Self { input: 11, cached: 0, written: 0, output: 7, thoughts: 0 }
    }
}

impl Said {
    /// One text.
    pub(crate) fn text(text: &str) -> Self {
        Self { texts: vec![text.to_owned()], ..Self::default() }
    }

    /// Thoughts, words in pieces, two calls at once whose arguments are split, and every kind of token.
    pub(crate) fn everything() -> Self {
        let pieces = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
        Self {
            thoughts: Some(("Two cities, two calls.".to_owned(), "c2lnbmVk".to_owned())),
            texts: pieces(&["I look ", "it up: ", "é✓"]),
            calls: vec![
                ("call_a".to_owned(), "weather".to_owned(), pieces(&["{\"city\": \"Zü", "rich\", ", "\"days\": 2}"])),
                ("call_b".to_owned(), "weather".to_owned(), pieces(&["{\"city\":", "\"Oslo\"}"])),
            ],
            cut: false,
            used: Used { input: 120, cached: 40, written: 8, output: 60, thoughts: 25 },
        }
    }
}

/// What the vendor does with one request.
pub(crate) enum Reply {
    /// The model says something, whole or as a stream, as it was asked.
    Said(Said),
    /// Vectors, by default of the texts' lengths.
    Vectors,
    /// A refusal or whatever else, as it is.
    Raw { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// A stream of the test's making.
    Stream(Vec<Step>),
    /// A stream of these bytes, sent one after the other.
    Bytes(Vec<Vec<u8>>),
    /// Nothing at all until the client goes.
    Silence,
}

impl Reply {
    /// A refusal with a body of JSON.
    pub(crate) fn refusal(status: u16, body: &Value) -> Self {
        Self::Raw { status, headers: vec![("content-type", "application/json".to_owned())], body: body.to_string() }
    }
}

/// A step of a stream.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// This text.
    Send(String),
    /// These bytes.
    Bytes(Vec<u8>),
    /// Nothing until the test says `go`.
    Wait,
    /// The connection is cut.
    Cut,
}

/// The events of something said, in a dialect.
pub(crate) fn events(dialect: &str, said: &Said) -> Vec<String> {
    match dialect {
        "openai" | "azure" => openai::events(said, true),
        "anthropic" => anthropic::events(said),
        "cohere" => cohere::events(said),
        _ => gemini::events(said),
    }
}

/// A refusal in a dialect's own form.
pub(crate) fn refusal(dialect: &str, status: u16, kind: &str, say: &str) -> Value {
    match dialect {
        "openai" | "azure" => json!({"error": {"message": say, "type": kind, "param": null, "code": kind}}),
        "anthropic" => json!({"type": "error", "error": {"type": kind, "message": say}, "request_id": "req_1"}),
        "cohere" => json!({"id": "0f1", "message": say}),
        _ => json!({"error": {"code": status, "message": say, "status": kind}}),
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) dialect: &'static str,
    pub(crate) path: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Value,
}

struct Inner {
    replies: Mutex<VecDeque<Reply>>,
    came: Mutex<Vec<Came>>,
    connections: watch::Sender<(usize, usize)>,
    /// How many answers were given up by their clients.
    gone: watch::Sender<usize>,
    going: watch::Sender<usize>,
}

/// The vendor.
pub(crate) struct Vendor {
    address: String,
    inner: Arc<Inner>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Vendor {
    /// Opens for business.
    pub(crate) async fn open() -> Self {
        let inner = Arc::new(Inner {
            replies: Mutex::default(),
            came: Mutex::default(),
            connections: watch::Sender::new((0, 0)),
            gone: watch::Sender::new(0),
            going: watch::Sender::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(inner.clone());
        let counted = inner.clone();
        let server = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                socket.set_nodelay(true).unwrap();
                let (router, counted) = (router.clone(), counted.clone());
                tokio::spawn(async move {
                    counted.connections.send_modify(|(opened, _)| *opened += 1);
                    let service = hyper_util::service::TowerToHyperService::new(router);
                    let socket = hyper_util::rt::TokioIo::new(socket);
                    let _ = hyper::server::conn::http1::Builder::new().serve_connection(socket, service).await;
                    counted.connections.send_modify(|(_, closed)| *closed += 1);
                });
            }
        });
        Self { address, inner, server }
    }

    /// The address of a dialect, as a provider's file has it.
    pub(crate) fn base_url(&self, dialect: &str) -> String {
        let within = match dialect {
            "openai" => "/openai/v1",
            "azure" => "/azure",
            "anthropic" => "/anthropic/v1",
            "cohere" => "/cohere",
            "gemini" => "/gemini/v1beta",
            other => panic!("no dialect: {other}"),
        };
        format!("{}{within}", self.address)
    }

    /// What to do with the next request for which nothing is said yet.
    pub(crate) fn then(&self, reply: Reply) {
        self.inner.replies.lock().unwrap().push_back(reply);
    }

    /// Forgets what was said of requests to come.
    pub(crate) fn forget(&self) {
        self.inner.replies.lock().unwrap().clear();
    }

    /// All requests so far.
    pub(crate) fn came(&self) -> Vec<Came> {
        self.inner.came.lock().unwrap().clone()
    }

    /// The last request.
    pub(crate) fn last(&self) -> Came {
        self.inner.came.lock().unwrap().last().cloned().expect("a request came")
    }

    /// Lets streams that wait go on, once.
    pub(crate) fn go(&self) {
        self.inner.going.send_modify(|count| *count += 1);
    }

    /// Connections that were opened.
    pub(crate) fn opened(&self) -> usize {
        self.inner.connections.borrow().0
    }

    /// Waits until so many connections are closed.
    pub(crate) async fn closed(&self, count: usize) {
        until(&self.inner.connections, |(_, closed)| *closed >= count).await;
    }

    /// Waits until so many answers were given up by their clients before they were told.
    pub(crate) async fn given_up(&self, count: usize) {
        until(&self.inner.gone, |gone| *gone >= count).await;
    }

    /// Waits until so many requests have come.
    pub(crate) async fn asked(&self, count: usize) {
        until(&self.inner.connections, |_| self.inner.came.lock().unwrap().len() >= count).await;
    }
}

async fn until<T>(of: &watch::Sender<T>, fits: impl FnMut(&T) -> bool) {
    let mut heard = of.subscribe();
    let waiting = heard.wait_for(fits);
    tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it happens in time").unwrap();
}

async fn answer(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 64 * 1024 * 1024).await.unwrap();
    let path = head.uri.to_string();
    let Some(dialect) = DIALECTS.into_iter().find(|name| path.starts_with(&format!("/{name}/"))) else {
        return raw(404, &[("content-type", "text/html".to_owned())], "<html>nothing here</html>".to_owned());
    };
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let came = Came { dialect, path, headers: head.headers, body };
    let broken = rules::broken(&came);
    inner.came.lock().unwrap().push(came.clone());
    inner.connections.send_modify(|_| {});
    let reply = inner.replies.lock().unwrap().pop_front();
    if let Some((status, kind, say)) = broken {
        let refused = refusal(dialect, status, kind, &say);
        return raw(status, &[("content-type", "application/json".to_owned())], refused.to_string());
    }
    let embeds = ["/embeddings", "/v2/embed", ":batchEmbedContents"].iter().any(|end| came.path.contains(end));
    if came.path.ends_with("/v2/rerank") && reply.is_none() {
        return json_of(&cohere::order(&came.body));
    }
    let reply = reply.unwrap_or_else(|| if embeds { Reply::Vectors } else { Reply::Said(Said::text("Good day.")) });
    match reply {
        Reply::Said(said) if rules::streams(&came) => {
            let usage = came.body.pointer("/stream_options/include_usage") == Some(&json!(true));
            let events = if matches!(dialect, "openai" | "azure") {
                openai::events(&said, usage)
            } else {
                events(dialect, &said)
            };
            streaming(&inner, events.into_iter().map(Step::Send).collect())
        }
        Reply::Said(said) => json_of(&match dialect {
            "openai" | "azure" => openai::whole(&said),
            "anthropic" => anthropic::whole(&said),
            "cohere" => cohere::whole(&said),
            _ => gemini::whole(&said),
        }),
        Reply::Vectors => json_of(&match dialect {
            "openai" | "azure" => openai::vectors(&came.body),
            "cohere" => cohere::vectors(&came.body),
            _ => gemini::vectors(&came.body),
        }),
        Reply::Raw { status, headers, body } => raw(status, &headers, body),
        Reply::Stream(steps) => streaming(&inner, steps),
        Reply::Bytes(bytes) => streaming(&inner, bytes.into_iter().map(Step::Bytes).collect()),
        Reply::Silence => {
            let _given_up = GivenUp(Some(inner));
            std::future::pending().await
        }
    }
}

fn json_of(body: &Value) -> Response {
    raw(200, &[("content-type", "application/json".to_owned())], body.to_string())
}

fn raw(status: u16, headers: &[(&'static str, String)], body: String) -> Response {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response.body(Body::from(body)).unwrap()
}

/// Tells when a client gave an answer up.
struct GivenUp(Option<Arc<Inner>>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        if let Some(inner) = self.0.take() {
            inner.gone.send_modify(|count| *count += 1);
        }
    }
}

/// A body that counts as given up when it goes before its end.
struct Telling {
    steps: mpsc::Receiver<Result<Bytes, Infallible>>,
    given_up: GivenUp,
    cut: Arc<Mutex<bool>>,
}

impl Stream for Telling {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.steps.poll_recv(context) {
            Poll::Ready(Some(Ok(bytes))) => Poll::Ready(Some(Ok(bytes))),
            Poll::Ready(None) => {
                self.given_up.0 = None;
                let cut = *self.cut.lock().unwrap();
                Poll::Ready(cut.then(|| Err(std::io::Error::other("cut"))))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

fn bytes_of(step: Step) -> Vec<u8> {
    match step {
        Step::Send(text) => text.into_bytes(),
        Step::Bytes(bytes) => bytes,
        Step::Wait | Step::Cut => Vec::new(),
    }
}

fn streaming(inner: &Arc<Inner>, steps: Vec<Step>) -> Response {
    let (told, heard) = mpsc::channel(1);
    let cut = Arc::new(Mutex::new(false));
    let body = Telling { steps: heard, given_up: GivenUp(Some(inner.clone())), cut: cut.clone() };
    let mut going = inner.going.subscribe();
    let mut gone = *going.borrow_and_update();
    tokio::spawn(async move {
        for step in steps {
            match step {
                Step::Send(_) | Step::Bytes(_) => {
                    if told.send(Ok(Bytes::from(bytes_of(step)))).await.is_err() {
                        return;
                    }
                }
                Step::Wait => {
                    gone += 1;
                    tokio::select! {
                        () = told.closed() => return,
                        waited = going.wait_for(|count| *count >= gone) => drop(waited),
                    }
                }
                Step::Cut => {
                    *cut.lock().unwrap() = true;
                    return;
                }
            }
        }
    });
    Response::builder()
        .header("content-type", "text/event-stream; charset=utf-8")
        .body(Body::from_stream(body))
        .unwrap()
}
