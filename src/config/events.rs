//! How events are delivered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How events are delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// What carries them to those who deliver: `outbox`, the store's own log, or `nats`, servers of NATS with JetStream.
    pub bus: String,
    /// The longest chain of subscriptions that set each other off.
    pub most_hops: u32,
    /// Deliveries under way at once, over all subscriptions.
    pub deliveries: usize,
    /// Subscriptions that a tenant may have.
    pub subscriptions: u64,
    /// Topics that a tenant may publish to.
    pub topics: u64,
    /// How long dead letters are kept, in days.
    pub dead_letter_days: u64,
}
