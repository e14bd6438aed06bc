//! What runs when the program is told to stop is still answered, in both eras and over each transport; what only listens ends.

use std::fmt::Write as _;
use std::sync::Arc;

use convoke::kernel::clock::Clock;
use convoke::surface::http::server::{Drained, Listening};
use convoke::surface::mcp::{self, Options};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::wire::{BOTH, LEGACY, MODERN};
use crate::gate::fixture::{Probe, with};
use crate::support::app::TestApp;

/// A server on a port of its own.
struct Server {
    app: TestApp,
    probe: Arc<Probe>,
    address: std::net::SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<Drained>,
}

impl Server {
    async fn start() -> Self {
        let probe = Probe::new();
        let fixtures = with(&probe);
        let app = TestApp::start_with(|settings| {
            fixtures(settings);
            "127.0.0.1:0".clone_into(&mut settings.config.server.listen);
        })
        .await;
        let stop = CancellationToken::new();
        let options = Options { stop: stop.clone(), ..Options::default() };
        let router = mcp::http::router(app.app.gate().clone(), options).unwrap();
        let server = Listening::bind(&app.app.platform().config.server).await.unwrap();
        let address = server.address();
        let clock: Arc<dyn Clock> = app.clock.clone();
        let serving = tokio::spawn(server.serve(router, clock, stop.clone()));
        Self { app, probe, address, stop, serving }
    }

    /// Sends a request on a connection of its own.
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> BufReader<TcpStream> {
        let mut connection = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nAccept: {BOTH}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n",
            self.address,
            self.app.admin.key.reveal(),
            body.len()
        );
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        connection.write_all(format!("{request}\r\n{body}").as_bytes()).await.unwrap();
        BufReader::new(connection)
    }

    /// Tells the server to stop, and returns when it takes no more connections.
    async fn tell_to_stop(&self) {
        self.stop.cancel();
        while TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}

fn message(id: u64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

fn slow_call() -> Value {
    json!({ "name": "fixture_look", "arguments": { "text": "slow", "wait": true }, "_meta": { "progressToken": "p" } })
}

fn hello(version: &str) -> Value {
    json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } })
}

/// Reads until a line holds this, and answers the line.
async fn line_with(connection: &mut BufReader<TcpStream>, what: &str) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(connection.read_line(&mut line).await.unwrap(), 0, "the connection ended before '{what}'");
        if line.contains(what) {
            return line.trim().to_owned();
        }
    }
}

async fn rest(mut connection: BufReader<TcpStream>) -> String {
    let mut rest = String::new();
    connection.read_to_string(&mut rest).await.unwrap();
    rest
}

#[tokio::test]
async fn a_call_of_the_newer_era_is_answered() {
    let server = Server::start().await;
    let mut call = slow_call();
    call["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!(MODERN);
    call["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    let headers = [("MCP-Protocol-Version", MODERN), ("Mcp-Method", "tools/call"), ("Mcp-Name", "fixture_look")];
    let answer = server.send("POST", "/mcp", &headers, &message(1, "tools/call", &call)).await;
    server.probe.entered().await;
    server.tell_to_stop().await;
    server.probe.let_go();
    let answer = rest(answer).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"isError\":false"), "{answer}");
    assert_eq!(server.serving.await.unwrap(), Drained::Whole);
}

#[tokio::test]
async fn a_call_within_a_session_is_answered_and_its_listener_ends() {
    let server = Server::start().await;
    let mut opened = server.send("POST", "/mcp", &[], &message(0, "initialize", &hello(LEGACY))).await;
    let session = line_with(&mut opened, "mcp-session-id").await.split_once(": ").unwrap().1.to_owned();
    line_with(&mut opened, "serverInfo").await;
    let headers = [("Mcp-Session-Id", session.as_str()), ("MCP-Protocol-Version", LEGACY)];
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
    line_with(&mut server.send("POST", "/mcp", &headers, &initialized).await, "202").await;
    let mut notices = server.send("GET", "/mcp", &headers, "").await;
    line_with(&mut notices, "200 OK").await;
    let answer = server.send("POST", "/mcp", &headers, &message(1, "tools/call", &slow_call())).await;
    server.probe.entered().await;
    server.tell_to_stop().await;
    // The listener ends while the call runs.
    rest(notices).await;
    server.probe.let_go();
    let answer = rest(answer).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"isError\":false"), "{answer}");
    assert_eq!(server.serving.await.unwrap(), Drained::Whole);
}

#[tokio::test]
async fn a_call_over_the_oldest_transport_is_answered_before_its_stream_ends() {
    let server = Server::start().await;
    let mut events = server.send("GET", "/sse", &[], "").await;
    let endpoint = line_with(&mut events, "/messages?").await.trim_start_matches("data:").trim().to_owned();
    let quiet = server.send("GET", "/sse", &[], "").await;
    let post = async |body: String| line_with(&mut server.send("POST", &endpoint, &[], &body).await, "202").await;
    post(message(0, "initialize", &hello("2024-11-05"))).await;
    line_with(&mut events, "serverInfo").await;
    post(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string()).await;
    post(message(1, "tools/call", &slow_call())).await;
    server.probe.entered().await;
    server.tell_to_stop().await;
    rest(quiet).await;
    server.probe.let_go();
    let answer = rest(events).await;
    assert!(answer.contains("\"isError\":false"), "{answer}");
    assert_eq!(server.serving.await.unwrap(), Drained::Whole);
}
