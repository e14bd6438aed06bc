//! The gateway's door: everything below `/gateway` is handed on to what the routes lead to. Who asks is identified and counted
//! here as at every other door; whether they may, and what becomes of the request, is judged behind it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::header::{ALLOW, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, Method};

use crate::capability::caller::{Door, Origin};
use crate::capability::forwarding::{Forwarded, Forwarding};
use crate::capability::gate::Gate;
use crate::capability::gate::limit::Left;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, Id};
use crate::surface::http::credentials::credential;
use crate::surface::http::proxies::ClientAddress;
use crate::surface::http::{body, problem, tenant};

/// Where the gateway begins.
pub const PREFIX: &str = "/gateway";

/// The routes of this door.
pub fn router(gate: Arc<Gate>) -> Router {
    Router::new().route("/gateway", any(hand_on)).route("/gateway/{*path}", any(hand_on)).with_state(gate)
}

async fn hand_on(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let id: CallId = Id::new(gate.platform().clock.now());
    let (parts, body) = request.into_parts();
    let head = parts.method == Method::HEAD;
    // The program does not end while a request runs.
    let _running = gate.platform().running().token();
    let mut response = answer(&gate, id, parts, body).await.unwrap_or_else(|fault| refused(&fault, id));
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(problem::REQUEST_ID.clone(), id);
    }
    if head {
        *response.body_mut() = Body::empty();
    }
    response
}

async fn answer(gate: &Arc<Gate>, id: CallId, parts: Parts, body: Body) -> Result<Response, Fault> {
    if gate.is_closing() {
        return Err(Fault::new(&codes::UNAVAILABLE, "the server is stopping"));
    }
    let address = parts.extensions.get::<ClientAddress>().and_then(|client| client.0);
    let caller = gate.identify(&credential(&parts.headers), address).await?;
    gate.count(&caller, address, &Left::default())?;
    tenant::check(&parts.headers, &caller)?;
    let limit = gate.platform().config.server.body_limit_bytes;
    let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let request = Forwarded {
        id,
        caller,
        origin: Origin { door: Door::Rest, address },
        path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
        query: parts.uri.query().map(str::to_owned),
        method: parts.method,
        headers: parts.headers,
    };
    let body = Box::pin(body::read(body, limit));
    let answered = gate.platform().service::<Forwarding>()?.0.forward(gate.platform(), request, body).await?;
    let mut response = Response::new(Body::from_stream(answered.body));
    *response.status_mut() = answered.status;
    *response.headers_mut() = answered.headers;
    Ok(response)
}

fn refused(fault: &Fault, id: CallId) -> Response {
    if fault.code().status >= 500 {
        tracing::warn!(request_id = %id, fault = ?fault, "a request through the gateway failed");
    }
    let mut response = problem::answer(fault, id);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let allow = fault.detail().and_then(|detail| detail["allow"].as_str());
    if let Some(allow) =
        allow.filter(|_| fault.is(&codes::METHOD_NOT_ALLOWED)).and_then(|allow| HeaderValue::from_str(allow).ok())
    {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}
