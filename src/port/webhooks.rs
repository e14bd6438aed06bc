//! Webhooks: one HTTP request to an address that somebody has given, which therefore is held to what may be called.

use std::time::Duration;

use async_trait::async_trait;

/// A request to be sent.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Where to.
    pub url: String,
    /// Headers beside the content's type and length.
    pub headers: Vec<(&'static str, String)>,
    /// The body: JSON.
    pub body: Vec<u8>,
    /// How long an answer may take, connecting included.
    pub within: Duration,
}

/// The answer of a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long it asks to wait, where it does.
    pub retry_after: Option<Duration>,
    /// The beginning of what it said.
    pub said: String,
}

/// Why a request got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// The address is not one that may be called; nothing was sent. Says why.
    Forbidden(String),
    /// The time was over.
    TimeOut,
    /// Anything else: the name is not known, the connection is refused or broke off.
    Failed(String),
}

/// Sends webhooks.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// Whether an address may be called, as far as can be told now. A name that cannot be looked up now may be one later.
    async fn check(&self, url: &str) -> Result<(), NoAnswer>;

    /// Sends a request to an address that is held to what may be called when the connection is made, and reads the answer
    /// within bounds. Redirects are not followed.
    async fn send(&self, delivery: Delivery) -> Result<Answer, NoAnswer>;
}
