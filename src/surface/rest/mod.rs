//! REST: every tool's routes under `/api/v1`, made from the registry; the OpenAPI document and its page; health and metrics.

pub(super) mod answer;
mod ask;
mod calls;
mod demands;
mod docs;
mod encoding;
mod health;
pub mod input;
pub mod metrics;
pub mod openapi;
pub mod routes;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, get};
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Version};
use serde_json::Value;
use tower::util::{MapRequestLayer, MapResponseLayer};
use tower_http::compression::CompressionLayer;

use crate::capability::caller::{Caller, Door, Origin};
use crate::capability::cx::store_fault;
use crate::capability::gate::limit::Left;
use crate::capability::gate::{Gate, Request as Call};
use crate::capability::permit::Permit;
use crate::capability::registry::may_call;
use crate::capability::spec::Verb;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, Id};
use crate::port::arriving::{Arrived, ArrivingFiles};
use crate::surface::http::credentials::credential;
use crate::surface::http::proxies::ClientAddress;
use crate::surface::http::{body, problem, tenant, trace};
use demands::Demands;
use routes::{Found, Routes, Target};

/// Where the tools' routes begin.
pub const PREFIX: &str = "/api/v1";
/// Shorter answers are not compressed.
const COMPRESS_FROM: u64 = 1024;

/// The door.
struct Rest {
    gate: Arc<Gate>,
    routes: Routes,
    openapi: openapi::Cached,
}

/// The routes of this door. It also answers every path that no door has with a problem.
pub fn router(gate: Arc<Gate>) -> Router {
    let snapshot = gate.platform().registry.present();
    let rest = Arc::new(Rest { routes: Routes::of(snapshot.built()), gate, openapi: openapi::Cached::default() });
    Router::new()
        .route("/api/v1/{*path}", any(api))
        .route("/openapi.json", get(openapi_json))
        .route("/health", get(health::health))
        .route("/metrics", get(metrics::metrics))
        .merge(docs::router())
        .method_not_allowed_fallback(not_allowed)
        .fallback(nowhere)
        .layer(CompressionLayer::new().compress_when(worth_compressing))
        .layer(MapRequestLayer::new(encoding::taking_something))
        .layer(MapResponseLayer::new(encoding::tagged))
        .with_state(rest)
}

fn worth_compressing(status: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media.split(';').next().unwrap_or_default();
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let textual = matches!(essence, "application/json" | "application/problem+json")
        || matches!(essence, "text/html" | "text/javascript" | "text/css" | "text/plain");
    let empty = matches!(status, StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT);
    textual && !empty && length.is_none_or(|length| length >= COMPRESS_FROM)
}

/// What is asked here: the id of the call, and what is left to the caller once it was counted. Every answer tells both.
struct Asked {
    id: CallId,
    left: Left,
}

impl Asked {
    fn call(&self, parts: &Parts, caller: Arc<Caller>, tool: &str, input: Value) -> Call {
        let mut call = Call::new(self.id, caller, origin(parts), tool, input);
        call.left = self.left.clone();
        call.trace = trace::of(&parts.headers);
        call
    }
}

async fn api(State(rest): State<Arc<Rest>>, request: Request) -> Response {
    let asked = rest.asked();
    let (parts, body) = request.into_parts();
    let response = rest.api(&asked, &parts, body).await;
    finish(&parts.method, &asked, response)
}

async fn openapi_json(State(rest): State<Arc<Rest>>, request: Request) -> Response {
    let snapshot = rest.gate.platform().registry.present();
    let response = rest.openapi.bytes(&snapshot).map(|(bytes, tag)| {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let known = demands::named_tag(request.headers(), &tag);
        if let Ok(value) = HeaderValue::from_str(known.as_ref().unwrap_or(&tag)) {
            headers.insert(http::header::ETAG, value);
        }
        if known.is_some() {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            *response.body_mut() = Body::from(bytes);
        }
        response
    });
    finish(request.method(), &rest.asked(), response)
}

async fn nowhere(State(rest): State<Arc<Rest>>, request: Request) -> Response {
    finish(request.method(), &rest.asked(), Err(nothing_here()))
}

fn nothing_here() -> Fault {
    Fault::new(&codes::NOT_FOUND, "there is nothing at this path; /openapi.json lists what there is")
}

async fn not_allowed(State(rest): State<Arc<Rest>>, request: Request) -> Response {
    let response = allowing(&[Verb::Get], request.method());
    finish(request.method(), &rest.asked(), response)
}

/// The answer to a method that a path does not have: what it has.
fn allowing(verbs: &[Verb], asked: &Method) -> Result<Response, Fault> {
    let mut allow: Vec<&str> = verbs.iter().map(|verb| verb.name()).collect();
    if verbs.contains(&Verb::Get) {
        allow.push("HEAD");
    }
    allow.push("OPTIONS");
    let allow = allow.join(", ");
    let mut response = if asked == Method::OPTIONS {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        return Err(Fault::new(&codes::METHOD_NOT_ALLOWED, format!("the path takes {allow}"))
            .with_detail(serde_json::json!({ "allow": allow })));
    };
    set_allow(&mut response, &allow);
    Ok(response)
}

fn set_allow(response: &mut Response, allow: &str) {
    if let Ok(value) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(ALLOW, value);
    }
}

/// What every answer of this door has.
fn finish(method: &Method, asked: &Asked, response: Result<Response, Fault>) -> Response {
    let mut response = response.unwrap_or_else(|fault| {
        let mut response = problem::answer(&fault, asked.id);
        if fault.is(&codes::METHOD_NOT_ALLOWED)
            && let Some(allow) = fault.detail().and_then(|detail| detail["allow"].as_str())
        {
            set_allow(&mut response, allow);
        }
        response
    });
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&asked.id.to_string()) {
        headers.entry(problem::REQUEST_ID.clone()).or_insert(id);
    }
    if let Some(allowance) = asked.left.get() {
        answer::tell_allowance(headers, allowance);
    }
    if method == Method::HEAD {
        *response.body_mut() = Body::empty();
    }
    response
}

impl Rest {
    fn asked(&self) -> Asked {
        Asked { id: Id::new(self.gate.platform().clock.now()), left: Left::default() }
    }

    async fn api(&self, asked: &Asked, parts: &Parts, body: Body) -> Result<Response, Fault> {
        let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        if let Some(rest) = path.strip_prefix("/calls/") {
            return self.of_calls(asked, parts, rest, body).await;
        }
        let (target, params) = match self.routes.find(&parts.method, path)? {
            Found::Target(target, params) => (target, params),
            Found::Others(verbs) => return allowing(&verbs, &parts.method),
            Found::Nothing => return Err(nothing_here()),
        };
        let caller = self.caller(asked, parts).await?;
        let mut call = asked.call(parts, caller, &target.tool.name, Value::Null);
        if target.tool.permit != Permit::Public && !call.caller.is_known() {
            // Who may not call learns nothing else about the request; the gate says so, and counts the call.
            return self.make(parts, target, call, false).await;
        }
        match self.fill(parts, target, params, body, &mut call).await {
            Ok(later) => self.make(parts, target, call, later).await,
            Err(fault) => Err(self.gate.refuse(&call, fault)),
        }
    }

    /// Reads what the request demands and gives; whether the answer may come later.
    async fn fill(
        &self,
        parts: &Parts,
        target: &Target,
        params: Vec<(String, String)>,
        body: Body,
        call: &mut Call,
    ) -> Result<bool, Fault> {
        let demands = Demands::read(&parts.headers)?;
        let later = demands.respond_async && target.is_value();
        if !later {
            answer::acceptable(&parts.headers, target.tool.form)?;
        }
        let file_in = target.tool.takes_file.filter(|_| input::is_file(&parts.headers));
        let body = match file_in {
            // Who may not call is told so by the gate, and nothing of the file is read.
            Some(_) if !may_call(&call.caller, &target.tool) => None,
            Some(member) => {
                let file = self.arrive(parts, body).await?;
                let told = serde_json::json!({ member: format!("sha256:{}", file.digest()) });
                call.file = Some(file);
                Some(told)
            }
            None => self.read(parts, body).await?,
        };
        call.input = input::of(target.tool.input(), params, parts.uri.query(), body)?;
        demands.apply(call);
        // A call that goes on after its request has no file.
        Ok(later && file_in.is_none())
    }

    /// Takes the body in as a file.
    async fn arrive(&self, parts: &Parts, body: Body) -> Result<Arc<dyn Arrived>, Fault> {
        let platform = self.gate.platform();
        let limit = platform.config.server.file_limit_bytes;
        if let Some(bounds) = parts.extensions.get::<body::Bounds>() {
            bounds.pass(limit);
        }
        let files = platform.service::<ArrivingFiles>()?;
        let arrival = files.0.begin(input::media_type(&parts.headers)).await.map_err(store_fault)?;
        body::write_to(arrival, body, limit).await
    }

    /// Makes a call and answers it.
    async fn make(&self, parts: &Parts, target: &Target, call: Call, later: bool) -> Result<Response, Fault> {
        if later {
            return self.start(call).await;
        }
        let asked = call.clone();
        let (reply, calling) = self.call(&target.tool, call).await?;
        match reply.result {
            Err(fault) if fault.is(&codes::INPUT_REQUIRED) => Err(self.ask(&asked, fault)),
            Err(fault) if fault.is(&codes::TASK_REQUIRED) => self.start(asked).await,
            _ => answer::of(parts, target, reply, calling),
        }
    }

    /// Who asks. The tenant that they name must be theirs, whatever they ask for.
    async fn caller(&self, asked: &Asked, parts: &Parts) -> Result<Arc<Caller>, Fault> {
        let caller = self.gate.identify(&credential(&parts.headers), address(parts)).await?;
        if let Err(fault) = tenant::check(&parts.headers, &caller) {
            self.gate.count(&caller, address(parts), &asked.left)?;
            return Err(fault);
        }
        Ok(caller)
    }

    async fn read(&self, parts: &Parts, body: Body) -> Result<Option<Value>, Fault> {
        let bytes = body::read(body, self.gate.platform().config.server.body_limit_bytes).await?;
        input::body(&parts.headers, &bytes)
    }
}

fn address(parts: &Parts) -> Option<std::net::IpAddr> {
    parts.extensions.get::<ClientAddress>().and_then(|client| client.0)
}

fn origin(parts: &Parts) -> Origin {
    Origin { door: Door::Rest, address: address(parts) }
}
