//! What stands before every door over HTTP: Host and Origin, the size of the head, the client's address, the bounds of the
//! body, the drain, and a net for panics. Every answer has an id, and pages of configured origins may read it, also a fault.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use futures::FutureExt as _;
use http::{HeaderValue, Request};
use hyper::body::Incoming;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::cors::CorsLayer;

use super::body::Bodies;
use super::hosts::{Hosts, Stranger};
use super::problem::{self, REQUEST_ID};
use super::proxies::{ClientAddress, Proxies};
use super::server::Stopping;
use crate::kernel::clock::Clock;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, Id};

/// No request may have more header fields, nor more bytes of them, nor a longer target.
pub(super) const MOST_FIELDS: usize = 100;
const MOST_FIELD_BYTES: usize = 48 << 10;
const LONGEST_TARGET: usize = 16 << 10;

/// What every connection shares.
pub(super) struct Guard {
    pub(super) hosts: Hosts,
    pub(super) proxies: Proxies,
    pub(super) bodies: Bodies,
    pub(super) cors: Option<CorsLayer>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stopping: Stopping,
    pub(super) router: Router,
}

impl Guard {
    /// Answers a request.
    pub(super) async fn answer(&self, peer: SocketAddr, request: Request<Incoming>) -> Response {
        let mut response = match self.hosts.check(&request) {
            Ok(()) => self.let_in(peer, request).await,
            Err(Stranger::Host) => self.refuse(&stranger("the Host header does not name this server")),
            Err(Stranger::Origin) => {
                self.refuse(&stranger("the Origin header names a site that may not call this server"))
            }
        };
        if !response.headers().contains_key(&REQUEST_ID)
            && let Ok(id) = HeaderValue::from_str(&self.new_id().to_string())
        {
            response.headers_mut().insert(REQUEST_ID.clone(), id);
        }
        response
    }

    async fn let_in(&self, peer: SocketAddr, request: Request<Incoming>) -> Response {
        let inner = service_fn(|request| self.caught(peer, request));
        let answered = match &self.cors {
            Some(cors) => cors.layer(inner).oneshot(request).await,
            None => inner.oneshot(request).await,
        };
        match answered {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    async fn caught(&self, peer: SocketAddr, request: Request<Incoming>) -> Result<Response, Infallible> {
        Ok(match AssertUnwindSafe(self.pass(peer, request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(fault)) => self.refuse(&fault),
            Err(_) => {
                let id = self.new_id();
                tracing::error!(request_id = %id, "a door panicked");
                problem::answer(&Fault::new(&codes::INTERNAL, "the server failed"), id)
            }
        })
    }

    async fn pass(&self, peer: SocketAddr, request: Request<Incoming>) -> Result<Response, Fault> {
        if self.stopping.token.is_cancelled() {
            let fault = Fault::new(&codes::UNAVAILABLE, "the server is stopping");
            return Err(fault.with_retry_after(Duration::from_secs(1)));
        }
        head_fits(&request)?;
        let (mut parts, body) = request.into_parts();
        let (body, unread, bounds) = self.bodies.guard(&parts.headers, body);
        parts.extensions.insert(bounds);
        let client = self.proxies.client(peer.ip(), &parts.headers);
        parts.extensions.insert(ClientAddress(Some(client)));
        parts.extensions.insert(self.stopping.clone());
        let answered = self.router.clone().oneshot(Request::from_parts(parts, body)).await;
        if let Some(unread) = unread {
            unread.linger();
        }
        match answered {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }

    fn refuse(&self, fault: &Fault) -> Response {
        problem::answer(fault, self.new_id())
    }

    fn new_id(&self) -> CallId {
        Id::new(self.clock.now())
    }
}

fn stranger(say: &str) -> Fault {
    Fault::new(&codes::WRONG_ORIGIN, say)
}

fn head_fits<B>(request: &Request<B>) -> Result<(), Fault> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_TARGET {
        let say = format!("the path and query are longer than {LONGEST_TARGET} bytes");
        return Err(Fault::new(&codes::TARGET_TOO_LONG, say));
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MOST_FIELDS || bytes > MOST_FIELD_BYTES {
        let say = format!("the headers are more than {MOST_FIELDS} or longer than {MOST_FIELD_BYTES} bytes together");
        return Err(Fault::new(&codes::HEAD_TOO_LARGE, say));
    }
    Ok(())
}
