//! The older HTTP+SSE transport (revision 2024-11-05): `GET /sse` opens the stream and names where to post, `POST /messages`
//! takes messages. Clients that know nothing newer still speak it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::response::Response;
use bytes::Bytes;
use dashmap::DashMap;
use futures::Stream;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::service::serve_server_with_ct;
use rmcp::transport::Transport;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::Interval;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::door::{Door, Opener};
use super::fault;
use super::http::{Entry, address, is_json};
use super::kept::SLOW;
use super::open::Open;
use super::places::{Owner, Place};
use super::standing::Standing;
use super::view::Visit;
use super::wire::{Closed, Wire};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::new_uuid;
use crate::kernel::tasks;

const WAITING: usize = 16;
const HANDSHAKE_TIME: Duration = Duration::from_mins(1);
const PING_EVERY: Duration = Duration::from_secs(15);

/// The open streams.
#[derive(Default)]
pub(super) struct OldSessions {
    open: Arc<DashMap<String, OldSession>>,
}

struct OldSession {
    owner: Owner,
    messages: mpsc::Sender<ClientJsonRpcMessage>,
}

/// A stream in the list of those that are open, and the place that it takes.
struct Entered {
    id: String,
    open: Arc<DashMap<String, OldSession>>,
    _place: Place,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.open.remove(&self.id);
    }
}

impl OldSessions {
    fn enter(&self, id: String, session: OldSession, place: Place) -> Entered {
        self.open.insert(id.clone(), session);
        Entered { id, open: self.open.clone(), _place: place }
    }
}

/// `GET /sse`.
pub(super) async fn open(State(entry): State<Arc<Entry>>, request: Request) -> Response {
    let id = entry.server.new_id();
    let opened = async move {
        let visit = entry.visit(request.headers(), address(&request), Ok(None)).await?;
        only(request.method(), &Method::GET)?;
        let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
        if !accept.contains("text/event-stream") && !accept.contains("*/*") {
            return Err(Fault::new(&codes::NOT_ACCEPTABLE, "the client must accept text/event-stream"));
        }
        stream(&entry, visit)
    };
    opened.await.unwrap_or_else(|fault| refused(&fault, id, "GET"))
}

fn stream(entry: &Entry, visit: Arc<Visit>) -> Result<Response, Fault> {
    // Only a name: every message is identified by itself and must be of the same principal.
    let name = new_uuid(entry.server.platform().clock.now()).to_string();
    let (messages, incoming) = mpsc::channel(WAITING);
    let (outgoing, events) = mpsc::channel::<Bytes>(WAITING);
    let owner = Owner::of(&visit.caller);
    let place = entry.server.streams.take(owner)?;
    let entered = entry.old.enter(name.clone(), OldSession { owner, messages }, place);
    let connection = entry.server.cut.child_token();
    let closed = connection.child_token();
    let first = format!("event: endpoint\ndata: /messages?sessionId={name}\n\n");
    // The channel is new and has room.
    let _ = outgoing.try_send(first.into());
    let unanswered = Open::default();
    let transport = Events {
        incoming,
        outgoing: Some(outgoing),
        closed: closed.clone(),
        open: unanswered.clone(),
        connection: connection.clone(),
        patience: SLOW,
    };
    let standing = Standing::new(entry.server.gate.clone(), visit.caller.clone());
    let stop = entry.server.stop.clone();
    let door = Arc::new(Door::of_legacy(entry.server.clone(), Opener::Visit(Some(visit)), closed));
    let serving = connection.clone();
    drop(tasks::spawn(async move {
        let _entered = entered;
        let begun = Box::pin(serve_server_with_ct(door, Wire::new(transport), serving.clone()));
        let served = async {
            if let Ok(Ok(running)) = tokio::time::timeout(HANDSHAKE_TIME, begun).await {
                drop(running.waiting().await);
            }
        };
        // Told to stop, what was asked is still answered.
        let drained = async {
            stop.cancelled().await;
            unanswered.emptied().await;
        };
        let ended = async {
            tokio::select! {
                () = standing.gone() => {}
                () = drained => {}
            }
            serving.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = served => {}
            () = ended => {}
        }
    }));
    let mut pings = tokio::time::interval(PING_EVERY);
    pings.reset();
    let body = Body::from_stream(Guarded { events, pings, _guard: connection.drop_guard() });
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Where a message belongs.
#[derive(Deserialize)]
pub(super) struct To {
    #[serde(rename = "sessionId", default)]
    session: String,
}

/// `POST /messages`.
pub(super) async fn message(State(entry): State<Arc<Entry>>, Query(to): Query<To>, request: Request) -> Response {
    let id = entry.server.new_id();
    let taken = async {
        let visit = entry.visit(request.headers(), address(&request), Ok(None)).await?;
        only(request.method(), &Method::POST)?;
        if !is_json(request.headers()) {
            return Err(Fault::new(&codes::UNSUPPORTED_MEDIA, "the body must be application/json"));
        }
        let owner = Owner::of(&visit.caller);
        let bytes = entry.read(request.into_body()).await?;
        let mut message = match serde_json::from_slice::<ClientJsonRpcMessage>(&bytes) {
            Ok(message) => message,
            Err(error) if error.is_data() => {
                return Err(Fault::new(&codes::MALFORMED, "the body is not a message of the protocol"));
            }
            Err(error) => return Ok(fault::unreadable(id, &error.to_string())),
        };
        let found = entry.old.open.get(&to.session).filter(|session| session.owner == owner);
        let messages = found.map(|session| session.messages.clone()).ok_or_else(no_session)?;
        if matches!(message, JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_)) {
            message.insert_extension(visit);
        }
        match messages.try_send(message) {
            Ok(()) => {
                let mut accepted = Response::new(Body::from("Accepted"));
                *accepted.status_mut() = StatusCode::ACCEPTED;
                Ok(accepted)
            }
            Err(mpsc::error::TrySendError::Full(_)) => {
                let fault = Fault::new(&codes::UNAVAILABLE, "the session has not taken its last messages yet");
                Err(fault.with_retry_after(Duration::from_secs(1)))
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(no_session()),
        }
    };
    taken.await.unwrap_or_else(|fault| refused(&fault, id, "POST"))
}

fn only(method: &Method, allowed: &Method) -> Result<(), Fault> {
    if method == allowed {
        return Ok(());
    }
    Err(Fault::new(&codes::METHOD_NOT_ALLOWED, format!("the path takes only {allowed}")))
}

fn refused(fault: &Fault, id: crate::kernel::id::CallId, allowed: &'static str) -> Response {
    let mut response = fault::answer(fault, id, None);
    if fault.is(&codes::METHOD_NOT_ALLOWED) {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    }
    response
}

fn no_session() -> Fault {
    Fault::not_found("session", "of that id")
}

/// The events of a stream; when the client goes, so does the connection.
struct Guarded {
    events: mpsc::Receiver<Bytes>,
    pings: Interval,
    _guard: DropGuard,
}

impl Stream for Guarded {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(event) = self.events.poll_recv(context) {
            return Poll::Ready(event.map(Ok));
        }
        self.pings.poll_tick(context).map(|_| Some(Ok(Bytes::from_static(b": ping\n\n"))))
    }
}

/// A connection as rmcp reads and writes it.
struct Events {
    incoming: mpsc::Receiver<ClientJsonRpcMessage>,
    outgoing: Option<mpsc::Sender<Bytes>>,
    closed: CancellationToken,
    open: Open,
    /// Cut when the client does not read: a message that is lost must not look like one that was never sent.
    connection: CancellationToken,
    patience: Duration,
}

impl Transport<RoleServer> for Events {
    type Error = Closed;

    fn send(&mut self, message: ServerJsonRpcMessage) -> impl Future<Output = Result<(), Closed>> + Send + 'static {
        let (outgoing, open, connection) = (self.outgoing.clone(), self.open.clone(), self.connection.clone());
        let patience = self.patience;
        async move {
            let answered = Open::answered(&message);
            let mut event = b"event: message\ndata: ".to_vec();
            serde_json::to_writer(&mut event, &message).map_err(|_| Closed)?;
            event.extend_from_slice(b"\n\n");
            let Some(outgoing) = outgoing else { return Err(Closed) };
            let sent = tokio::select! {
                sent = tokio::time::timeout(patience, outgoing.send(event.into())) => matches!(sent, Ok(Ok(()))),
                // What waits is let go with the connection.
                () = connection.cancelled() => false,
            };
            if let Some(id) = answered {
                open.close(&id);
            }
            if !sent {
                connection.cancel();
                return Err(Closed);
            }
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        // As many as are open at once wait in the channel, and who posts more is told to wait.
        self.open.room().await;
        let message = self.incoming.recv().await;
        match &message {
            Some(message) => self.open.hear(message),
            None => self.closed.cancel(),
        }
        message
    }

    async fn close(&mut self) -> Result<(), Closed> {
        self.outgoing = None;
        self.incoming.close();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_does_not_read_is_cut() {
        let (outgoing, _unread) = mpsc::channel(1);
        let (_messages, incoming) = mpsc::channel(1);
        let connection = CancellationToken::new();
        let mut events = Events {
            incoming,
            outgoing: Some(outgoing),
            closed: connection.child_token(),
            open: Open::default(),
            connection: connection.clone(),
            patience: Duration::from_millis(10),
        };
        let message = || {
            let ping = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
            serde_json::from_value::<ServerJsonRpcMessage>(ping).unwrap()
        };
        events.send(message()).await.unwrap();
        let waiting = [events.send(message()), events.send(message())];
        assert!(!connection.is_cancelled());
        assert!(futures::future::join_all(waiting).await.iter().all(Result::is_err));
        assert!(connection.is_cancelled());
    }
}
