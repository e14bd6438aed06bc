//! The short way for the two requests that clients make all day: the list of tools, from its bytes, and calls that want nothing
//! but their answer. It takes only requests that leave no question open; everything else goes the library's way, which also
//! says what is wrong with a request.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use futures::future::BoxFuture;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rmcp::model::{CallToolResponse, ErrorData, ProtocolVersion};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::calling::{self, Asked, Side};
use super::door::idempotency_key;
use super::era::{CAPABILITIES, Declared, Era, era_of};
use super::http::{SESSION, VERSION, status_of};
use super::server::Server;
use super::view::Visit;
use crate::capability::client::{Abilities, Answers, Client, Level, Progress, Questions};
use crate::capability::outcome::Form;
use crate::capability::spec::Forward;
use crate::capability::tool::Tool;
use crate::kernel::fault::Fault;

static METHOD: HeaderName = HeaderName::from_static("mcp-method");
static NAME: HeaderName = HeaderName::from_static("mcp-name");
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const META_KEY: &str = "convoke/idempotencyKey";

/// A JSON-RPC message as far as it must be known to send it its way.
#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    params: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<Map<String, Value>>,
    #[serde(rename = "_meta", default)]
    meta: Map<String, Value>,
    #[serde(default)]
    cursor: Option<String>,
}

impl Message<'_> {
    pub(super) fn is(&self, method: &str) -> bool {
        self.method.as_deref() == Some(method)
    }

    /// Whether this is a request of the older revisions that names no session and needs none.
    pub(super) fn stands_alone(&self, headers: &HeaderMap) -> bool {
        let opens = self.method.as_deref().is_some_and(|method| matches!(method, "initialize" | "server/discover"));
        let version = one(headers, &VERSION);
        !opens
            && self.method.is_some()
            && !headers.contains_key(&SESSION)
            && version.is_some_and(|version| legacy(version).is_some())
            && !self.names_version()
    }

    /// Whether the request itself says which revision it is of. What its arguments hold says nothing.
    fn names_version(&self) -> bool {
        #[derive(Deserialize)]
        struct Meta<'a> {
            #[serde(rename = "_meta", borrow, default)]
            meta: HashMap<Cow<'a, str>, &'a RawValue>,
        }
        let meta = self.params.and_then(|params| serde_json::from_str::<Meta<'_>>(params.get()).ok());
        meta.is_some_and(|params| params.meta.contains_key(META_VERSION))
    }
}

impl Server {
    /// The answer, where the request goes the short way. A request within a session must be of one that its caller has.
    pub(super) async fn fast(
        self: &Arc<Self>,
        headers: &HeaderMap,
        message: &Message<'_>,
        visit: &Arc<Visit>,
        has_session: impl Fn(&str) -> bool,
    ) -> Option<Response> {
        let method = message.method.as_deref().filter(|method| matches!(*method, "tools/call" | "tools/list"))?;
        let id = message.id.filter(|id| is_request_id(id.get()))?;
        if message.jsonrpc != "2.0" || !accepts(headers) {
            return None;
        }
        let version = one(headers, &VERSION)?;
        let era = if version == ProtocolVersion::V_2026_07_28.as_str() { Era::Modern } else { legacy(version)? };
        if headers.contains_key(&SESSION) {
            // A call may have something to tell while it runs, and belongs to the session.
            let session = one(headers, &SESSION).filter(|_| era == Era::Legacy && method == "tools/list")?;
            has_session(session).then_some(())?;
        }
        let params = message.params.map_or(Ok(Params::default()), |params| serde_json::from_str(params.get())).ok()?;
        let declared = declared(&params.meta, version, era)?;
        if era == Era::Modern && one(headers, &METHOD)? != method {
            return None;
        }
        if method == "tools/list" {
            let is_bare = params.name.is_none() && params.arguments.is_none();
            return is_bare.then(|| self.listed(visit, id, era, params.cursor.as_deref()));
        }
        if params.cursor.is_some() {
            return None;
        }
        let name = params.name?;
        if era == Era::Modern && one(headers, &NAME)? != name {
            return None;
        }
        let reads = {
            let snapshot = self.platform().registry.present();
            let tool = snapshot.find(visit.caller.tenant, &name).filter(|tool| is_plain(tool))?;
            tool.effect.reads() && !tool.is_felt_outside() && tool.forwards != Some(Forward::Any)
        };
        let key = idempotency_key(params.meta.get(META_KEY)).ok()?;
        let trace = calling::trace(params.meta.get(calling::TRACEPARENT));
        let arguments = params.arguments.unwrap_or_default();
        let asked = Asked { name, arguments, responses: None, state: None, key, trace };
        let cancel = CancellationToken::new();
        let side = Side { era, declared, client: Arc::new(Deaf(declared.abilities)), cancel: cancel.clone() };
        let outcome = if reads {
            // A client that goes away drops the call: nothing is left half done.
            Box::pin(self.call(visit, asked, side)).await
        } else {
            self.call_to_its_end(visit, asked, side, cancel.drop_guard()).await
        };
        Some(match outcome {
            Ok(CallToolResponse::Complete(mut result)) => {
                if era == Era::Legacy {
                    result.result_type = None;
                }
                answer(id, StatusCode::OK, "result", &result)
            }
            Ok(CallToolResponse::InputRequired(result)) => answer(id, StatusCode::OK, "result", &result),
            Ok(CallToolResponse::Task(result)) => answer(id, StatusCode::OK, "result", &result),
            Ok(_) => return None,
            Err(error) => {
                let status = if era == Era::Modern { status_of(error.code) } else { StatusCode::OK };
                answer(id, status, "error", &error)
            }
        })
    }

    /// Makes a call that a client which goes away calls off and does not drop: what it has begun is still recorded.
    async fn call_to_its_end(
        self: &Arc<Self>,
        visit: &Arc<Visit>,
        asked: Asked,
        side: Side,
        calling: DropGuard,
    ) -> Result<CallToolResponse, ErrorData> {
        let (server, visit) = (Arc::clone(self), Arc::clone(visit));
        // A large future: in a box it is not moved about.
        let call: BoxFuture<'static, _> = Box::pin(async move { server.call(&visit, asked, side).await });
        let ended = tokio::spawn(call).await;
        let _ = calling.disarm();
        ended.unwrap_or_else(|error| Err(self.refuse(&Fault::internal(error))))
    }

    fn listed(&self, visit: &Visit, id: &RawValue, era: Era, cursor: Option<&str>) -> Response {
        let counted = self.gate.count_look(&visit.caller, visit.origin.address).map_err(|fault| self.refuse(&fault));
        let page = match counted.and_then(|()| self.page_bytes(visit, cursor)) {
            Ok(page) => page,
            Err(error) => return answer(id, StatusCode::OK, "error", &error),
        };
        let mut body = Vec::with_capacity(page.len() + 192);
        body.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
        body.extend_from_slice(id.get().as_bytes());
        body.extend_from_slice(b",\"result\":{");
        if era == Era::Modern {
            body.extend_from_slice(b"\"resultType\":\"complete\",");
        }
        body.extend_from_slice(&page);
        if era == Era::Modern {
            body.extend_from_slice(format!(",\"ttlMs\":{},\"cacheScope\":\"private\"", self.ttl()).as_bytes());
        }
        body.extend_from_slice(b"}}");
        json(StatusCode::OK, body)
    }
}

/// A client that is not told anything while its call runs: it asked for nothing.
struct Deaf(Abilities);

#[async_trait::async_trait]
impl Client for Deaf {
    fn progress(&self, _: Progress) {}

    fn say(&self, _: Level, _: &str, _: Value) {}

    async fn ask(&self, _: &Questions) -> Option<Result<Answers, Fault>> {
        None
    }

    fn abilities(&self) -> Abilities {
        self.0
    }
}

/// Whether a call of the tool ends in one message and needs no check of its headers.
fn is_plain(tool: &Tool) -> bool {
    matches!(tool.form, Form::Value | Form::Content) && !repeats_in_headers(tool)
}

fn repeats_in_headers(tool: &Tool) -> bool {
    let properties = tool.input().get("properties").and_then(Value::as_object);
    properties.is_some_and(|all| all.values().any(|property| property.get("x-mcp-header").is_some()))
}

/// What the client declared, where the metadata is complete and asks for nothing while the call runs.
fn declared(meta: &Map<String, Value>, version: &str, era: Era) -> Option<Declared> {
    if meta.contains_key("progressToken") || meta.contains_key(META_LEVEL) {
        return None;
    }
    match era {
        Era::Legacy => (!meta.contains_key(META_VERSION)).then(Declared::default),
        Era::Modern => {
            let named = meta.get(META_VERSION).and_then(Value::as_str)? == version;
            let capabilities = meta.get(CAPABILITIES).filter(|capabilities| capabilities.is_object())?;
            named.then(|| Declared::of_json(capabilities))
        }
    }
}

fn legacy(version: &str) -> Option<Era> {
    let known = ProtocolVersion::KNOWN_VERSIONS.iter().find(|known| known.as_str() == version)?;
    Some(era_of(Some(known))).filter(|era| *era == Era::Legacy)
}

fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    if all.next().is_some() {
        return None;
    }
    first.to_str().ok()
}

fn accepts(headers: &HeaderMap) -> bool {
    one(headers, &ACCEPT)
        .is_some_and(|accept| accept.contains("application/json") && accept.contains("text/event-stream"))
}

fn is_request_id(raw: &str) -> bool {
    raw.starts_with('"') || raw.parse::<i64>().is_ok()
}

fn answer(id: &RawValue, status: StatusCode, member: &str, content: &impl Serialize) -> Response {
    let mut body = Vec::with_capacity(512);
    body.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    body.extend_from_slice(id.get().as_bytes());
    body.extend_from_slice(b",\"");
    body.extend_from_slice(member.as_bytes());
    body.extend_from_slice(b"\":");
    // Values of this program always have a JSON form; an empty body would be told from an answer.
    if serde_json::to_writer(&mut body, content).is_err() {
        return json(StatusCode::INTERNAL_SERVER_ERROR, Vec::new());
    }
    body.push(b'}');
    json(status, body)
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
