//! A client on the other end of a pair of byte streams.

use std::sync::Arc;

use convoke::capability::caller::{Credential, Door, Origin};
use convoke::kernel::fault::Fault;
use convoke::surface::mcp::{Options, stream};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::wire::{LEGACY, MODERN};
use crate::support::app::TestApp;

pub(crate) struct Pipe {
    reader: BufReader<ReadHalf<DuplexStream>>,
    writer: WriteHalf<DuplexStream>,
    serving: JoinHandle<Result<(), Fault>>,
    next: i64,
}

impl Pipe {
    /// The local owner's connection.
    pub(crate) fn open(app: &TestApp) -> Self {
        Self::open_with(app, Options::default())
    }

    pub(crate) fn open_with(app: &TestApp, options: Options) -> Self {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (reader, writer) = tokio::io::split(theirs);
        let gate = Arc::clone(app.app.gate());
        let origin = Origin { door: Door::Stdio, address: None };
        let serving = tokio::spawn(stream::serve(
            gate,
            Credential::LocalOwner,
            origin,
            reader,
            writer,
            options,
            CancellationToken::new(),
        ));
        let (reader, writer) = tokio::io::split(ours);
        Self { reader: BufReader::new(reader), writer, serving, next: 1 }
    }

    pub(crate) async fn write(&mut self, line: &[u8]) {
        self.writer.write_all(line).await.unwrap();
        self.writer.write_all(b"\n").await.unwrap();
    }

    pub(crate) async fn read(&mut self) -> Value {
        let mut line = String::new();
        self.reader.read_line(&mut line).await.unwrap();
        assert!(!line.is_empty(), "the connection ended");
        serde_json::from_str(&line).unwrap()
    }

    pub(crate) async fn send(&mut self, method: &str, params: Value) -> i64 {
        let id = self.next;
        self.next += 1;
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.write(message.to_string().as_bytes()).await;
        id
    }

    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        self.write(message.to_string().as_bytes()).await;
    }

    /// The answer to a request; what comes before it is let go.
    pub(crate) async fn answer_to(&mut self, id: i64) -> Value {
        loop {
            let message = self.read().await;
            if message["id"] == json!(id) && message.get("method").is_none() {
                return message;
            }
        }
    }

    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        self.answer_to(id).await
    }

    /// A request of the newer era.
    pub(crate) async fn modern(&mut self, method: &str, mut params: Value) -> Value {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        self.ask(method, params).await
    }

    /// The handshake of the older revisions.
    pub(crate) async fn initialize(&mut self, capabilities: Value) -> Value {
        let params = json!({
            "protocolVersion": LEGACY,
            "capabilities": capabilities,
            "clientInfo": { "name": "test", "version": "1" },
        });
        let answer = self.ask("initialize", params).await;
        self.notify("notifications/initialized", json!({})).await;
        answer
    }

    /// Ends the input and waits for the server to end.
    pub(crate) async fn close(mut self) {
        self.writer.shutdown().await.unwrap();
        drop(self.reader);
        self.serving.await.unwrap().unwrap();
    }
}
