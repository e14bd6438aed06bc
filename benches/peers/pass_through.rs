//! A peer for the benchmark: hands each request on to the vendor with axum and reqwest, and its answer back as it comes. No key, no
//! budget, no look at what passes.

#![expect(clippy::print_stdout, reason = "it tells where it listens")]

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::serve::ListenerExt as _;

#[derive(Clone)]
struct Vendor {
    client: reqwest::Client,
    url: String,
}

async fn pass(State(vendor): State<Vendor>, body: Bytes) -> Response {
    let request = vendor.client.post(&vendor.url).header(header::CONTENT_TYPE, "application/json").body(body);
    let Ok(answer) = request.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
    let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let vendor = std::env::args().nth(1).ok_or_else(|| std::io::Error::other("the vendor's address is missing"))?;
    // Nothing here speaks TLS, and the client is built without a choice of cryptography.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().map_err(std::io::Error::other)?;
    let router = Router::new()
        .route("/v1/chat/completions", post(pass))
        .with_state(Vendor { client, url: format!("{vendor}/v1/chat/completions") });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).await
}
