//! `/health`: for load balancers and people. 200 while the program can take calls, 503 otherwise.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{Rest, finish};
use crate::kernel::codes;
use crate::kernel::fault::Fault;

pub(super) async fn health(State(rest): State<Arc<Rest>>, request: Request) -> Response {
    let response = answer(&rest).await;
    finish(request.method(), rest.new_id(), response)
}

/// Asked every few seconds by many: it tells no more than up or not; `system_health` tells the rest.
async fn answer(rest: &Rest) -> Result<Response, Fault> {
    if rest.gate.is_closing() {
        let fault = Fault::new(&codes::UNAVAILABLE, "the server is stopping");
        return Err(fault.with_retry_after(Duration::from_secs(1)));
    }
    let store = rest.gate.platform().store.health().await;
    let (status, text) = match store {
        Ok(_) => (StatusCode::OK, "ok"),
        Err(fault) => {
            tracing::error!(%fault, "the store is not healthy");
            (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
        }
    };
    let body: Value = json!({ "status": text, "version": env!("CARGO_PKG_VERSION") });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
