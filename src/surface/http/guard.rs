//! What stands before every door over HTTP: Host and Origin, the client's address, the body's size and time, the drain, and
//! a net for panics. A request that passes is whole: no door reads from a socket.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::FutureExt as _;
use http::Request;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use tower::ServiceExt as _;

use super::hosts::{Hosts, Stranger};
use super::problem;
use super::proxies::{ClientAddress, Proxies};
use super::server::Stopping;
use crate::kernel::clock::Clock;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, Id};

/// A body must have come in whole after so long.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Of a body that is too large so much more is read, so that the client gets to read why.
const LINGER_BYTES: usize = 32 << 20;
const LINGER_TIME: Duration = Duration::from_secs(5);

/// What every connection shares.
pub(super) struct Guard {
    pub(super) hosts: Hosts,
    pub(super) proxies: Proxies,
    pub(super) body_limit: usize,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stopping: Stopping,
    pub(super) router: Router,
}

impl Guard {
    /// Answers a request.
    pub(super) async fn answer(&self, peer: SocketAddr, request: Request<Incoming>) -> Response {
        match AssertUnwindSafe(self.pass(peer, request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(fault)) => problem::answer(&fault, self.new_id()),
            Err(_) => {
                let id = self.new_id();
                tracing::error!(request_id = %id, "a door panicked");
                problem::answer(&Fault::new(&codes::INTERNAL, "the server failed"), id)
            }
        }
    }

    async fn pass(&self, peer: SocketAddr, request: Request<Incoming>) -> Result<Response, Fault> {
        self.hosts.check(&request).map_err(|stranger| {
            let say = match stranger {
                Stranger::Host => "the Host header does not name this server",
                Stranger::Origin => "the Origin header names a site that may not call this server",
            };
            Fault::new(&codes::WRONG_ORIGIN, say)
        })?;
        if self.stopping.token.is_cancelled() {
            let fault = Fault::new(&codes::UNAVAILABLE, "the server is stopping");
            return Err(fault.with_retry_after(Duration::from_secs(1)));
        }
        let (mut parts, body) = request.into_parts();
        let body = if body.is_end_stream() { Body::empty() } else { Body::from(self.read(body).await?) };
        let client = self.proxies.client(peer.ip(), &parts.headers);
        parts.extensions.insert(ClientAddress(Some(client)));
        parts.extensions.insert(self.stopping.clone());
        match self.router.clone().oneshot(Request::from_parts(parts, body)).await {
            Ok(response) => Ok(response),
            Err(never) => match never {},
        }
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, Fault> {
        if body.size_hint().lower() > self.body_limit as u64 {
            linger(body).await;
            return Err(self.too_large());
        }
        let mut limited = Limited::new(body, self.body_limit);
        let whole = tokio::time::timeout(BODY_TIME, (&mut limited).collect()).await;
        match whole {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(self.too_large()),
            Ok(Err(error)) => Err(Fault::new(&codes::MALFORMED, "the body broke off").caused_by(error)),
            Err(_) => Err(Fault::new(&codes::SLOW_REQUEST, "the body did not come in within its time")),
        }
    }

    fn too_large(&self) -> Fault {
        Fault::new(&codes::TOO_LARGE, format!("the body is larger than {} bytes", self.body_limit))
            .with_detail(serde_json::json!({ "limitBytes": self.body_limit }))
    }

    fn new_id(&self) -> CallId {
        Id::new(self.clock.now())
    }
}

/// Reads on for a while without keeping anything: a connection that is closed over unread bytes loses the answer.
async fn linger(mut body: Incoming) {
    let reading = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > LINGER_BYTES {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(LINGER_TIME, reading).await;
}
