//! MCP over a pair of byte streams, one message a line: stdio, and the socket by which later processes reach the owner of the
//! data folder. What cannot be read is answered, too long a line is skipped without being kept, and a client that does not
//! read its answers is not read from.

use std::io;
use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, ErrorCode, ErrorData, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::service::{ServerInitializeError, serve_server_with_ct};
use rmcp::transport::Transport;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Options;
use super::door::{Door, Opener};
use super::fault;
use super::open::Open;
use super::server::Server;
use super::wire::{Closed, Wire};
use crate::capability::caller::{Credential, Origin};
use crate::capability::gate::Gate;
use crate::kernel::fault::Fault;

const OUTGOING: usize = 64;

/// Serves one connection until its input ends or `cancel` fires.
///
/// # Errors
/// `bad_input` when the toolsets name one that does not exist.
pub async fn serve<R, W>(
    gate: Arc<Gate>,
    credential: Credential,
    origin: Origin,
    reader: R,
    writer: W,
    options: Options,
    cancel: CancellationToken,
) -> Result<(), Fault>
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let longest = gate.platform().config.server.body_limit_bytes;
    let server = Server::new(gate, options)?;
    // The token given to rmcp is cancelled when the connection ends: never the one that was given to us.
    let connection = cancel.child_token();
    let closed = connection.child_token();
    let (lines, outgoing) = mpsc::channel(OUTGOING);
    let writing = tokio::spawn(write(writer, outgoing));
    let door = Arc::new(Door::new(server, Opener::Credential(credential, origin), closed.clone()));
    let transport = Lines::new(reader, lines, longest, closed, door.clone());
    match Box::pin(serve_server_with_ct(door, Wire::new(transport), connection)).await {
        Ok(running) => drop(running.waiting().await),
        Err(ServerInitializeError::ConnectionClosed(_) | ServerInitializeError::Cancelled) => {}
        Err(error) => tracing::warn!(%error, "a connection ended before it began"),
    }
    // What was answered last goes out before the connection ends.
    drop(writing.await);
    Ok(())
}

/// Writes lines as they come, many in one go where they wait.
async fn write(mut writer: impl AsyncWrite + Unpin, mut lines: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(mut line) = lines.recv().await {
        while let Ok(next) = lines.try_recv() {
            line.extend_from_slice(&next);
        }
        writer.write_all(&line).await?;
        writer.flush().await?;
    }
    writer.shutdown().await
}

/// A connection as rmcp reads and writes it.
struct Lines<R> {
    reader: BufReader<R>,
    line: Vec<u8>,
    skipping: bool,
    longest: usize,
    out: Option<mpsc::Sender<Vec<u8>>>,
    refusal: Option<Vec<u8>>,
    taken: Option<ClientJsonRpcMessage>,
    began: bool,
    open: Open,
    closed: CancellationToken,
    door: Arc<Door>,
}

enum Line {
    Whole,
    TooLong,
    End,
}

impl<R: AsyncRead + Send + Unpin> Lines<R> {
    fn new(reader: R, out: mpsc::Sender<Vec<u8>>, longest: usize, closed: CancellationToken, door: Arc<Door>) -> Self {
        Self {
            reader: BufReader::new(reader),
            line: Vec::new(),
            skipping: false,
            longest,
            out: Some(out),
            refusal: None,
            taken: None,
            began: false,
            open: Open::default(),
            closed,
            door,
        }
    }

    /// Reads on until a line is whole. What was read stays when the reading is broken off.
    async fn read_line(&mut self) -> io::Result<Line> {
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                // A last line without an end counts.
                return Ok(if self.line.is_empty() || self.skipping { Line::End } else { Line::Whole });
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            if !self.skipping && self.line.len() + part.len() > self.longest {
                self.skipping = true;
                self.line = Vec::new();
            }
            if !self.skipping {
                self.line.extend_from_slice(part);
            }
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                return Ok(if std::mem::take(&mut self.skipping) { Line::TooLong } else { Line::Whole });
            }
        }
    }

    /// The message of the line, if there is one.
    fn take_message(&mut self) -> Option<ClientJsonRpcMessage> {
        let line = std::mem::take(&mut self.line);
        if line.trim_ascii().is_empty() {
            return None;
        }
        if let Ok(message) = serde_json::from_slice::<ClientJsonRpcMessage>(&line) {
            return self.admit(message);
        }
        self.refusal = Some(refusal(&line));
        None
    }

    fn admit(&mut self, message: ClientJsonRpcMessage) -> Option<ClientJsonRpcMessage> {
        self.open.hear(&message);
        // The library gives a connection up that begins with anything but a request.
        self.began |= matches!(message, JsonRpcMessage::Request(_));
        self.began.then_some(message)
    }
}

/// The answer to a line that is no message.
fn refusal(line: &[u8]) -> Vec<u8> {
    let (error, id) = match serde_json::from_slice::<Value>(line) {
        Err(error) => (ErrorData::new(ErrorCode::PARSE_ERROR, format!("the line is not JSON: {error}"), None), None),
        Ok(message) => {
            let id = message.get("id").filter(|id| id.is_string() || id.is_i64()).cloned();
            (ErrorData::invalid_request("the line is not one JSON-RPC message of the protocol", None), id)
        }
    };
    told(&error, id.as_ref())
}

fn told(error: &ErrorData, id: Option<&Value>) -> Vec<u8> {
    let mut message = fault::message(error, id).to_string().into_bytes();
    message.push(b'\n');
    message
}

impl<R: AsyncRead + Send + Unpin + 'static> Transport<RoleServer> for Lines<R> {
    type Error = Closed;

    fn send(&mut self, message: ServerJsonRpcMessage) -> impl Future<Output = Result<(), Closed>> + Send + 'static {
        let (out, open) = (self.out.clone(), self.open.clone());
        async move {
            let answered = Open::answered(&message);
            let mut line = serde_json::to_vec(&message).map_err(|_| Closed)?;
            line.push(b'\n');
            let sent = match out {
                Some(out) => out.send(line).await.map_err(|_| Closed),
                None => Err(Closed),
            };
            if let Some(id) = answered {
                open.close(&id);
            }
            sent
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            if let Some(refusal) = &self.refusal {
                let sent = match &self.out {
                    Some(out) => out.send(refusal.clone()).await.is_ok(),
                    None => false,
                };
                if !sent {
                    break;
                }
                self.refusal = None;
            }
            // What was taken stays when this is broken off.
            if let Some(taken) = &mut self.taken {
                self.door.let_listen(taken).await;
                return self.taken.take();
            }
            self.open.room().await;
            match self.read_line().await {
                Ok(Line::Whole) => {
                    self.taken = self.take_message();
                }
                Ok(Line::TooLong) => {
                    let say = format!("the line is longer than {} bytes", self.longest);
                    self.refusal = Some(told(&ErrorData::invalid_request(say, None), None));
                }
                Ok(Line::End) | Err(_) => break,
            }
        }
        // Listeners would otherwise be waited for; whatever else is open is answered before the connection ends.
        self.closed.cancel();
        self.open.emptied().await;
        None
    }

    async fn close(&mut self) -> Result<(), Closed> {
        self.out = None;
        Ok(())
    }
}
