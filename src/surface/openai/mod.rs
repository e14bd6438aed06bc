//! The API that clients of OpenAI speak: chat completions, responses, embeddings, models, streams of server-sent events. Keys, limits, budgets and
//! the audit log are those of every other door.

mod chat;
mod embeddings;
mod fault;
mod models;
mod parts;
mod responses;
mod stream;
mod tools;
mod whole;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, get, post};
use http::header::ALLOW;
use http::{HeaderValue, Method};

use crate::capability::caller::Door;
use crate::capability::gate::Gate;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::surface::talking::visit::Visit;

/// The routes of this door. Those of `/v1/messages` are the other's.
pub fn router(gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat_completions))
        .route("/v1/responses", post(respond))
        .route("/v1/embeddings", post(embed))
        .route("/v1/models", get(list_models))
        .route("/v1/models/{*name}", get(one_model))
        .route("/v1/{*path}", any(nowhere))
        .method_not_allowed_fallback(not_allowed)
        .with_state(gate)
}

fn told(visit: &Visit, answer: Result<Response, Fault>) -> Response {
    visit.close(answer.unwrap_or_else(|fault| fault::answer(&fault, visit.id)))
}

async fn chat_completions(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let (visit, body) = Visit::open(gate, Door::Openai, request);
    let answer = chat::answer(&visit, body).await;
    told(&visit, answer)
}

async fn respond(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let (visit, body) = Visit::open(gate, Door::Openai, request);
    let answer = responses::answer(&visit, body).await;
    told(&visit, answer)
}

async fn embed(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let (visit, body) = Visit::open(gate, Door::Openai, request);
    let answer = embeddings::answer(&visit, body).await;
    told(&visit, answer)
}

async fn list_models(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    models::list(gate, request).await
}

async fn one_model(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    models::one(gate, request).await
}

async fn nowhere(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let (visit, _) = Visit::open(gate, Door::Openai, request);
    let say =
        format!("there is nothing at {} {}: docs/models.md lists what is", visit.parts.method, visit.parts.uri.path());
    told(&visit, Err(Fault::new(&codes::NOT_FOUND, say)))
}

async fn not_allowed(State(gate): State<Arc<Gate>>, request: Request) -> Response {
    let (visit, _) = Visit::open(gate, Door::Openai, request);
    let allow = if visit.parts.method == Method::POST || visit.parts.uri.path().starts_with("/v1/models") {
        "GET, HEAD"
    } else {
        "POST"
    };
    let mut response = told(&visit, Err(Fault::new(&codes::METHOD_NOT_ALLOWED, format!("the path takes {allow}"))));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}
