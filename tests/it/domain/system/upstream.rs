//! A service behind the gateway: a real server on a port of its own that tells what it was asked.

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;

/// What it was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Asked {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The service.
pub(super) struct Upstream {
    pub(super) port: u16,
    pub(super) asked: Mutex<Vec<Asked>>,
    /// The status of its answers.
    pub(super) status: AtomicU16,
    /// Requests that came in.
    pub(super) count: AtomicUsize,
    /// Whether it answers only when it is let.
    pub(super) held: Option<Semaphore>,
}

impl Upstream {
    pub(super) async fn start() -> Arc<Self> {
        Self::start_with(None).await
    }

    /// One that takes requests and answers none before it is let.
    pub(super) async fn hanging() -> Arc<Self> {
        Self::start_with(Some(Semaphore::new(0))).await
    }

    async fn start_with(held: Option<Semaphore>) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let this = Arc::new(Self {
            port: listener.local_addr().unwrap().port(),
            asked: Mutex::default(),
            status: AtomicU16::new(200),
            count: AtomicUsize::new(0),
            held,
        });
        let router = Router::new().fallback(answer).with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        this
    }

    pub(super) fn answers(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub(super) fn times(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    pub(super) fn last(&self) -> Asked {
        self.asked.lock().unwrap().last().unwrap().clone()
    }
}

async fn answer(State(this): State<Arc<Upstream>>, request: Request) -> Response {
    this.count.fetch_add(1, Ordering::SeqCst);
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.uri.path_and_query().unwrap().to_string();
    let told = format!("{} {target} at {}", parts.method, this.port);
    this.asked.lock().unwrap().push(Asked { method: parts.method.to_string(), target, headers: parts.headers, body });
    if let Some(held) = &this.held {
        held.acquire().await.unwrap().forget();
    }
    let mut response = Response::new(Body::from(told));
    *response.status_mut() = StatusCode::from_u16(this.status.load(Ordering::SeqCst)).unwrap();
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", "text/plain"),
        ("x-from", "upstream"),
        ("set-cookie", "a=b"),
        ("access-control-allow-origin", "*"),
        ("x-hop", "1"),
        ("connection", "x-hop"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    response
}
