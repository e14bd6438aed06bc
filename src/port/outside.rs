//! The outside over HTTP: one request to an address that somebody else named. Whoever implements it sees to it that the request
//! leads only where the operator allows, whatever the name resolves to, and follows no redirects.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use http::{HeaderMap, Method, StatusCode};

/// A request.
#[derive(Debug, Clone)]
pub struct OutRequest {
    /// The method.
    pub method: Method,
    /// The whole URL, `http` or `https`.
    pub url: String,
    /// The headers, all that are sent but those of the connection.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// So long the head of the answer may take.
    pub patience: Duration,
}

/// An answer.
pub struct OutAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it comes.
    pub body: BoxStream<'static, Result<Bytes, OutFault>>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutFault {
    /// The operator does not allow this address. Nothing was sent.
    Forbidden(String),
    /// No connection. Nothing was sent.
    NotReached(String),
    /// No answer within the time. What was sent may have been done.
    TimedOut,
    /// The connection broke. What was sent may have been done.
    Broken(String),
}

impl OutFault {
    /// Whether the other side cannot have acted.
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        matches!(self, Self::Forbidden(_) | Self::NotReached(_))
    }
}

impl fmt::Display for OutFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden(why) => write!(formatter, "not allowed: {why}"),
            Self::NotReached(why) => write!(formatter, "not reached: {why}"),
            Self::TimedOut => formatter.write_str("no answer within its time"),
            Self::Broken(why) => write!(formatter, "broken off: {why}"),
        }
    }
}

impl std::error::Error for OutFault {}

/// Reaches outside.
#[async_trait]
pub trait Outside: Send + Sync {
    /// Sends a request and answers when the head of the answer is there.
    async fn send(&self, request: OutRequest) -> Result<OutAnswer, OutFault>;

    /// Whether a host, a name or an address, may be named at all: what is an address is judged at once, a name only when it
    /// is resolved.
    fn may_name(&self, host: &str) -> Result<(), OutFault>;
}

/// The way outside, as a service.
pub struct Outgoing(pub Arc<dyn Outside>);
