//! `/health`: for load balancers and people. 200 while the program can take calls, 503 otherwise.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{Asked, Rest, finish};
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// The tool that tells more.
const TOOL: &str = "system_health";

pub(super) async fn health(State(rest): State<Arc<Rest>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let asked = rest.asked();
    let response = answer(&rest, &asked, &parts).await;
    finish(&parts.method, &asked, response)
}

/// Load balancers ask every few seconds without a credential: they learn whether it is up, from the backends themselves. With
/// a credential it is the tool's answer.
async fn answer(rest: &Rest, asked: &Asked, parts: &Parts) -> Result<Response, Fault> {
    if rest.gate.is_closing() {
        let fault = Fault::new(&codes::UNAVAILABLE, "the server is stopping");
        return Err(fault.with_retry_after(Duration::from_secs(1)));
    }
    let caller = rest.caller(asked, parts).await?;
    if caller.is_known() {
        let call = asked.call(parts, caller, TOOL, Value::Null);
        let value = rest.gate.call(call).await.result?.value()?;
        return Ok(tell(value["ready"] == true, &value));
    }
    let platform = rest.gate.platform();
    let fault = match platform.store.health().await {
        Ok(health) => health.failed.or(platform.blobs.check().await.err()),
        Err(fault) => Some(fault),
    };
    if let Some(fault) = &fault {
        tracing::error!(%fault, "a backend does not work");
    }
    let up = fault.is_none();
    let status = if up { "ok" } else { "down" };
    Ok(tell(up, &json!({ "status": status, "live": true, "ready": up })))
}

fn tell(up: bool, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = if up { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
