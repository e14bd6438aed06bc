//! The program under test behind its listener, and clients of it.

use std::net::SocketAddr;
use std::sync::{Arc, Once};
use std::time::Duration;

use axum::Router;
use convoke::app::Settings;
use convoke::surface::http::server::{Drained, Listening};
use convoke::surface::{anthropic, gateway, mcp, openai, pages, rest, ws};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::probes::{self, Waiting};
use crate::support::app::{Person, TestApp};

/// The program, listening.
pub(crate) struct Served {
    pub(crate) app: TestApp,
    pub(crate) address: SocketAddr,
    pub(crate) url: String,
    pub(crate) client: Client,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<Drained>,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(alter: impl FnOnce(&mut Settings)) -> Self {
        let waiting = probes::waiting();
        let service = waiting.clone();
        let app = TestApp::start_with(|settings| {
            settings.rows = probes::rows();
            settings.services = std::mem::take(&mut settings.services).with(service);
            "127.0.0.1:0".clone_into(&mut settings.config.server.listen);
            alter(settings);
        })
        .await;
        let gate = app.app.gate().clone();
        let shutdown = CancellationToken::new();
        let options = mcp::Options { stop: shutdown.clone(), ..mcp::Options::default() };
        let router = Router::new()
            .merge(pages::router(gate.clone()))
            .merge(rest::router(gate.clone()))
            .merge(mcp::http::router(gate.clone(), options).unwrap())
            .merge(ws::router(gate.clone()))
            .merge(gateway::router(gate.clone()))
            .merge(openai::router(gate.clone()))
            .merge(anthropic::router(gate.clone()));
        let server = Listening::bind(&gate.platform().config.server).await.unwrap();
        let (address, url) = (server.address(), server.url());
        let task = tokio::spawn(server.serve(router, app.clock.clone(), shutdown.clone()));
        Self { app, address, url, client: client(), waiting, shutdown, task }
    }

    /// A request without a credential.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// A request of somebody to a path below `/api/v1`.
    pub(crate) fn request(&self, person: &Person, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, &format!("/api/v1{path}")).bearer_auth(person.key.reveal())
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(&self.app.admin, Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(&self.app.admin, Method::POST, path).json(body)
    }
}

/// A raw connection on which bytes were sent.
pub(crate) async fn sent(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    socket
}

/// What comes until the other side ends the connection; fails where it does not.
pub(crate) async fn until_closed(mut socket: impl AsyncRead + Unpin) -> String {
    let mut answer = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), socket.read_to_end(&mut answer)).await;
    assert!(ended.is_ok(), "the connection is kept; it said {:?}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// The head of the next answer.
pub(crate) async fn head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A client that follows no redirects.
pub(crate) fn client() -> Client {
    crypto();
    Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

pub(crate) fn crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// The status and the JSON of an answer.
pub(crate) async fn told(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), json(response).await)
}

/// The status and code of a problem, whose form is checked.
pub(crate) async fn problem(request: RequestBuilder) -> (u16, String) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(header(&response, "content-type"), "application/problem+json", "{response:?}");
    let id = header(&response, "x-request-id").to_owned();
    let problem = json(response).await;
    assert_eq!((&problem["status"], &problem["requestId"]), (&status.into(), &id.into()), "{problem}");
    for name in ["type", "title", "detail", "mend", "code"] {
        assert!(problem[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {problem}");
    }
    (status, problem["code"].as_str().unwrap().to_owned())
}

pub(crate) async fn json(response: Response) -> Value {
    let text = response.text().await.unwrap();
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")) }
}

pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}
