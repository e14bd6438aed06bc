//! MCP over HTTP: `/mcp` with the toolsets in force, `/mcp/all`, `/mcp/x/{toolsets}`. Each request is identified by itself;
//! what the protocol's library answers in plain text, or with a 5xx where the caller is at fault, becomes a coded fault here.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt as _, Full};
use rmcp::model::ErrorCode;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde::Deserialize as _;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Options;
use super::door::{Door, Opener};
use super::fast::Message;
use super::fault;
use super::kept::kept;
use super::places::Owner;
use super::server::Server;
use super::sessions::{PRESENT, Present, Sessions, Trouble};
use super::sse::{self, OldSessions};
use super::standing::Standing;
use super::view::{Shown, View, Visit};
use crate::capability::caller::{Door as Entrance, Origin};
use crate::capability::gate::Gate;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;
use crate::surface::http::credentials::credential;
use crate::surface::http::proxies::ClientAddress;
use crate::surface::http::{body, tenant};

static TOOLSETS: HeaderName = HeaderName::from_static("convoke-toolsets");
static READ_ONLY: HeaderName = HeaderName::from_static("convoke-read-only");
pub(super) static SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
pub(super) static VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

const FULL_WAIT: Duration = Duration::from_secs(5);

/// The door over HTTP.
pub(super) struct Entry {
    pub(super) server: Arc<Server>,
    sessions: StreamableHttpService<Arc<Door>, Sessions>,
    known: Arc<Sessions>,
    stateless: StreamableHttpService<Arc<Door>, Sessions>,
    pub(super) old: OldSessions,
    body_limit: usize,
}

/// What is known of a request that goes the library's way.
struct Way {
    visit: Arc<Visit>,
    id: CallId,
    /// The id that the message gives itself.
    named: Option<Value>,
    /// Whether it names no session and needs none.
    stateless: bool,
    /// Whether it asks for a stream of notices, which takes a place.
    listens: bool,
}

/// The routes.
///
/// # Errors
/// `bad_input` when the configured toolsets name one that does not exist.
pub fn router(gate: Arc<Gate>, options: Options) -> Result<Router, Fault> {
    let config = gate.platform().config.clone();
    let server = Server::new(gate, options)?;
    // Host and Origin are checked before every door over HTTP, and the body is limited there.
    let rules = || {
        StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .with_json_response(true)
            .with_max_request_body_bytes(config.server.body_limit_bytes)
            .with_cancellation_token(server.cut.clone())
    };
    let door = |server: &Arc<Server>| {
        let server = server.clone();
        move || {
            let visit = PRESENT.try_with(|present| present.visit.clone()).ok();
            Ok(Arc::new(Door::new(server.clone(), Opener::Visit(visit), CancellationToken::new())))
        }
    };
    let idle = Duration::from_secs(config.mcp.session_idle_seconds.max(1));
    let known = Arc::new(Sessions::new(config.mcp.session_cap, idle, server.stop.clone()));
    let entry = Arc::new(Entry {
        sessions: StreamableHttpService::new(door(&server), known.clone(), rules()),
        stateless: StreamableHttpService::new(door(&server), known.clone(), rules().with_legacy_session_mode(false)),
        known,
        old: OldSessions::default(),
        body_limit: config.server.body_limit_bytes,
        server,
    });
    Ok(Router::new()
        .route("/mcp", any(usual))
        .route("/mcp/all", any(all))
        .route("/mcp/x/{sets}", any(some))
        .route("/sse", any(sse::open))
        .route("/messages", any(sse::message))
        .with_state(entry))
}

async fn usual(State(entry): State<Arc<Entry>>, request: Request) -> Response {
    entry.answer(request, Ok(None)).await
}

async fn all(State(entry): State<Arc<Entry>>, request: Request) -> Response {
    entry.answer(request, Ok(Some(Shown::All))).await
}

async fn some(State(entry): State<Arc<Entry>>, Path(sets): Path<String>, request: Request) -> Response {
    entry.answer(request, Shown::parse(sets.split(',')).map(Some)).await
}

impl Entry {
    async fn answer(&self, request: Request, asked: Result<Option<Shown>, Fault>) -> Response {
        let id = self.server.new_id();
        let outcome = async {
            let visit = self.visit(request.headers(), address(&request), asked).await?;
            self.serve(request, visit, id).await
        };
        outcome.await.unwrap_or_else(|fault: Fault| fault::answer(&fault, id, None))
    }

    /// Who asks, and what they are shown.
    pub(super) async fn visit(
        &self,
        headers: &HeaderMap,
        address: Option<std::net::IpAddr>,
        asked: Result<Option<Shown>, Fault>,
    ) -> Result<Arc<Visit>, Fault> {
        let caller = self.server.gate.identify(&credential(headers), address).await?;
        if !caller.is_known() {
            return Err(Fault::new(&codes::UNAUTHENTICATED, "this needs a credential"));
        }
        let asked = match asked? {
            None => match headers.get(&TOOLSETS) {
                Some(names) => Some(Shown::parse(text(names)?.split(','))?),
                None => None,
            },
            asked => asked,
        };
        let read_only = self.server.read_only || headers.get(&READ_ONLY).is_some_and(is_yes);
        tenant::check(headers, &caller)?;
        let tenant = Some(caller.tenant);
        let view = View::of(asked, &caller, &self.server.usual, read_only);
        Ok(Arc::new(Visit { caller, view, origin: Origin { door: Entrance::Mcp, address }, tenant }))
    }

    async fn serve(&self, request: Request, visit: Arc<Visit>, id: CallId) -> Result<Response, Fault> {
        let (parts, body) = request.into_parts();
        let mut named = None;
        let mut stateless = false;
        let mut bytes = Bytes::new();
        // A stream of notices takes a place.
        let mut listens = parts.method == Method::GET;
        if parts.method == Method::POST {
            if !is_json(&parts.headers) {
                return Err(Fault::new(&codes::UNSUPPORTED_MEDIA, "the body must be application/json"));
            }
            bytes = self.read(body).await?;
            let message = match serde_json::from_slice::<Message<'_>>(&bytes) {
                Ok(message) => message,
                Err(error) if error.is_data() => {
                    return Err(Fault::new(&codes::MALFORMED, "the body is not one JSON-RPC message"));
                }
                Err(error) => return Ok(fault::unreadable(id, &error.to_string())),
            };
            let has_session = |session: &str| self.known.has(session, &visit.caller);
            if let Some(response) = self.server.fast(&parts.headers, &message, &visit, has_session).await {
                return Ok(response);
            }
            named = message.id.and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
            stateless = message.stands_alone(&parts.headers);
            listens = message.is("subscriptions/listen");
        }
        // The library's way takes much room, which every call would carry with it.
        Box::pin(self.by_library(parts, bytes, Way { visit, id, named, stateless, listens })).await
    }

    /// The library's way.
    async fn by_library(&self, mut parts: Parts, mut bytes: Bytes, way: Way) -> Result<Response, Fault> {
        let Way { visit, id, named, stateless, listens } = way;
        let method = parts.method.clone();
        if listens && method == Method::POST {
            bytes = self.let_listen(&visit, bytes).await?;
        }
        let place = if listens { Some(self.server.streams.take(Owner::of(&visit.caller))?) } else { None };
        let standing = (method == Method::GET).then(|| Standing::new(self.server.gate.clone(), visit.caller.clone()));
        parts.extensions.insert(visit.clone());
        let request = http::Request::from_parts(parts, Full::new(bytes));
        let present = Present::new(visit);
        let response = if stateless {
            PRESENT.scope(present.clone(), self.stateless.handle(request)).await
        } else {
            PRESENT.scope(present.clone(), self.sessions.handle(request)).await
        };
        let response = mend(response.map(Body::new), &method, present.trouble(), id, named.as_ref()).await?;
        if !is_stream(&response) {
            return Ok(response);
        }
        // Who listens in the newer era is told of the end; this stream is the only word that the older ones get.
        let end = async move {
            match standing {
                Some(standing) => standing.gone().await,
                None => std::future::pending().await,
            }
        };
        Ok(response.map(|body| kept(body, place, end)))
    }

    /// The request of a listener with only those resources that its caller may read.
    async fn let_listen(&self, visit: &Visit, bytes: Bytes) -> Result<Bytes, Fault> {
        let mut message: Value = serde_json::from_slice(&bytes).map_err(Fault::internal)?;
        let uris = message.pointer_mut("/params/notifications/resourceSubscriptions");
        let named = uris.as_ref().and_then(|uris| Vec::<String>::deserialize(&**uris).ok());
        let readable = self.server.may_follow(visit, named.unwrap_or_default()).await?;
        // What is no list of names is for the library to refuse.
        if let Some(uris) = uris.filter(|uris| uris.as_array().is_some_and(|uris| uris.iter().all(Value::is_string))) {
            *uris = readable.into();
            return Ok(message.to_string().into());
        }
        Ok(bytes)
    }

    /// The whole body.
    pub(super) async fn read(&self, body: Body) -> Result<Bytes, Fault> {
        body::read(body, self.body_limit).await
    }
}

/// Gives the library's plain-text refusals the form that every fault has here.
async fn mend(
    response: Response,
    method: &Method,
    trouble: Trouble,
    id: CallId,
    named: Option<&Value>,
) -> Result<Response, Fault> {
    let status = response.status();
    if status == StatusCode::ACCEPTED && method == Method::DELETE && trouble == Trouble::None {
        // Some clients take "accepted" for a session that has not ended.
        let mut ended = Response::new(Body::empty());
        *ended.status_mut() = StatusCode::NO_CONTENT;
        return Ok(ended);
    }
    if trouble == Trouble::Lost {
        let say = "Last-Event-ID names no event of this session that is still kept: open the stream without it";
        return Err(Fault::new(&codes::MALFORMED, say));
    }
    if trouble == Trouble::Gone && (status.is_server_error() || status == StatusCode::ACCEPTED) {
        return Err(no_session());
    }
    let told =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !(status.is_client_error() || status.is_server_error()) || told {
        return Ok(response);
    }
    let allow = response.headers().get(ALLOW).cloned();
    let body = response.into_body().collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let say = String::from_utf8_lossy(&body).into_owned();
    let fault = match status {
        _ if trouble == Trouble::Full => {
            let say = "the server keeps as many sessions as it may";
            Fault::new(&codes::UNAVAILABLE, say).with_retry_after(FULL_WAIT)
        }
        StatusCode::FORBIDDEN => Fault::new(&codes::WRONG_ORIGIN, say),
        StatusCode::NOT_FOUND => no_session(),
        StatusCode::METHOD_NOT_ALLOWED => Fault::new(&codes::METHOD_NOT_ALLOWED, "the path does not take this method"),
        StatusCode::NOT_ACCEPTABLE => Fault::new(&codes::NOT_ACCEPTABLE, say),
        StatusCode::PAYLOAD_TOO_LARGE => Fault::new(&codes::TOO_LARGE, "the body is larger than the server takes"),
        // The body is JSON: that was seen before. What is left is a message of another shape.
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Fault::new(&codes::MALFORMED, "the body is not a message of the protocol")
        }
        status if status.is_client_error() => Fault::new(&codes::MALFORMED, say),
        _ => {
            tracing::error!(request_id = %id, answer = say, "the protocol's library failed");
            Fault::internal(say)
        }
    };
    let mut answer = fault::answer(&fault, id, named);
    if let Some(allow) = allow {
        answer.headers_mut().insert(ALLOW, allow);
    }
    Ok(answer)
}

fn is_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

fn no_session() -> Fault {
    Fault::not_found("session", "of that id")
}

/// The address of the client, where the listener told it.
pub(super) fn address<B>(request: &http::Request<B>) -> Option<std::net::IpAddr> {
    request.extensions().get::<ClientAddress>().and_then(|address| address.0)
}

fn text(value: &HeaderValue) -> Result<&str, Fault> {
    value.to_str().map_err(|_| Fault::new(&codes::MALFORMED, "a header is not text"))
}

fn is_yes(value: &HeaderValue) -> bool {
    let value = value.as_bytes().trim_ascii();
    value.eq_ignore_ascii_case(b"true") || value == b"1"
}

pub(super) fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    })
}

/// The status with which the newer era answers a protocol error.
pub(super) fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        ErrorCode::HEADER_MISMATCH
        | ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY
        | ErrorCode::UNSUPPORTED_PROTOCOL_VERSION => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}
