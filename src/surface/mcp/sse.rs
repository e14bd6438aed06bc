//! The older HTTP+SSE transport (revision 2024-11-05): `GET /sse` opens the stream and names where to post, `POST /messages`
//! takes messages. Clients that know nothing newer still speak it.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
use super::view::Visit;
use crate::capability::caller::Principal;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, new_uuid};

const WAITING: usize = 16;
const HANDSHAKE_TIME: Duration = Duration::from_mins(1);
/// A client that does not read is given up after so long.
const SLOW: Duration = Duration::from_secs(30);
const PING_EVERY: Duration = Duration::from_secs(15);

/// The open streams.
pub(super) struct OldSessions {
    open: Arc<DashMap<String, OldSession>>,
    held: Arc<AtomicUsize>,
    most: usize,
}

struct OldSession {
    owner: (TenantId, Principal),
    messages: mpsc::Sender<ClientJsonRpcMessage>,
}

/// Gives a place back.
struct Place {
    id: String,
    open: Arc<DashMap<String, OldSession>>,
    held: Arc<AtomicUsize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.remove(&self.id);
        self.held.fetch_sub(1, Ordering::AcqRel);
    }
}

impl OldSessions {
    pub(super) fn new(most: usize) -> Self {
        Self { open: Arc::default(), held: Arc::default(), most }
    }

    fn enter(&self, id: String, session: OldSession) -> Result<Place, Fault> {
        let taken =
            self.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, |held| (held < self.most).then_some(held + 1));
        if taken.is_err() {
            let fault = Fault::new(&codes::UNAVAILABLE, "the server keeps as many sessions as it may");
            return Err(fault.with_retry_after(Duration::from_secs(5)));
        }
        self.open.insert(id.clone(), session);
        Ok(Place { id, open: self.open.clone(), held: self.held.clone() })
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
    let owner = (visit.caller.tenant, visit.caller.principal);
    let place = entry.old.enter(name.clone(), OldSession { owner, messages })?;
    let connection = entry.server.stop.child_token();
    let closed = connection.child_token();
    let first = format!("event: endpoint\ndata: /messages?sessionId={name}\n\n");
    // The channel is new and has room.
    let _ = outgoing.try_send(first.into());
    let transport = Events { incoming, outgoing: Some(outgoing), closed: closed.clone() };
    let door = Door::of_legacy(entry.server.clone(), Opener::Visit(Some(visit)), closed);
    let serving = connection.clone();
    drop(tokio::spawn(async move {
        let _place = place;
        let begun = Box::pin(serve_server_with_ct(door, transport, serving));
        if let Ok(Ok(running)) = tokio::time::timeout(HANDSHAKE_TIME, begun).await {
            drop(running.waiting().await);
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
        let owner = (visit.caller.tenant, visit.caller.principal);
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
}

#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the stream is closed")
    }
}

impl std::error::Error for Closed {}

impl Transport<RoleServer> for Events {
    type Error = Closed;

    fn send(&mut self, message: ServerJsonRpcMessage) -> impl Future<Output = Result<(), Closed>> + Send + 'static {
        let outgoing = self.outgoing.clone();
        async move {
            let mut event = b"event: message\ndata: ".to_vec();
            serde_json::to_writer(&mut event, &message).map_err(|_| Closed)?;
            event.extend_from_slice(b"\n\n");
            let Some(outgoing) = outgoing else { return Err(Closed) };
            match tokio::time::timeout(SLOW, outgoing.send(event.into())).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) | Err(_) => Err(Closed),
            }
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let message = self.incoming.recv().await;
        if message.is_none() {
            self.closed.cancel();
        }
        message
    }

    async fn close(&mut self) -> Result<(), Closed> {
        self.outgoing = None;
        self.incoming.close();
        Ok(())
    }
}
