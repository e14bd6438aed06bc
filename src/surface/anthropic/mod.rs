//! The API that clients of Anthropic speak: messages, whole and as streams of events. Keys, limits, budgets and the audit log are
//! those of every other door; the list of models is at the path that OpenAI's clients use, too.

mod blocks;
mod fault;
mod messages;
mod stream;
mod whole;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use http::HeaderValue;
use http::header::ALLOW;

use crate::capability::caller::Door;
use crate::capability::gate::Gate;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::surface::talking::visit::Visit;

/// The routes of this door.
pub fn router(gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/v1/messages", post(create))
        .route("/v1/messages/count_tokens", post(count))
        .method_not_allowed_fallback(not_allowed)
        .with_state(gate)
}

/// The answer in the vendor's form.
pub(super) fn told(visit: &Visit, answer: Result<Response, Fault>) -> Response {
    visit.close(answer.unwrap_or_else(|fault| fault::answer(&fault, visit.id)))
}

async fn create(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let (visit, body) = Visit::open(gate, Door::Anthropic, request);
    let answer = messages::answer(&visit, body).await;
    told(&visit, answer)
}

async fn count(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let (visit, body) = Visit::open(gate, Door::Anthropic, request);
    let answer = messages::count(&visit, body).await;
    told(&visit, answer)
}

async fn not_allowed(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let (visit, _) = Visit::open(gate, Door::Anthropic, request);
    let mut response = told(&visit, Err(Fault::new(&codes::METHOD_NOT_ALLOWED, "the path takes POST")));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    response
}
