//! Forwarding: a request over HTTP that a door hands on to something outside. The door knows how to read and answer requests,
//! whoever forwards knows where to and on what terms.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http::{HeaderMap, Method, StatusCode};

use super::caller::{Caller, Origin};
use super::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;

/// A request to be forwarded, but for its body.
#[derive(Debug)]
pub struct Forwarded {
    /// The request's id.
    pub id: CallId,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// Where from.
    pub origin: Origin,
    /// The method.
    pub method: Method,
    /// The path below the gateway, with its escapes, beginning with a slash.
    pub path: String,
    /// The query.
    pub query: Option<String>,
    /// All headers, those included that are not passed on.
    pub headers: HeaderMap,
}

/// Reads the body of a request; asked only once it is known that the request is taken.
pub type ReadBody = BoxFuture<'static, Result<Bytes, Fault>>;

/// The answer.
pub struct Answered {
    /// The status.
    pub status: StatusCode,
    /// The headers that may be passed on.
    pub headers: HeaderMap,
    /// The body as it comes.
    pub body: BoxStream<'static, Result<Bytes, Fault>>,
}

/// Forwards requests.
#[async_trait]
pub trait Forwarder: Send + Sync {
    /// Forwards a request.
    ///
    /// # Errors
    /// When nothing takes it, the caller may not, or what it leads to fails.
    async fn forward(&self, platform: &Arc<Platform>, request: Forwarded, body: ReadBody) -> Result<Answered, Fault>;
}

/// The forwarder, as a service.
pub struct Forwarding(pub Arc<dyn Forwarder>);
