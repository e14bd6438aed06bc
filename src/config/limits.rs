//! How much callers may do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much callers may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Calls a minute that read, for each caller.
    pub reads_per_minute: u32,
    /// Calls a minute that write, for each caller.
    pub writes_per_minute: u32,
    /// Calls a minute without a credential or with a refused one, for each address.
    pub anonymous_per_minute: u32,
    /// How long a call may run, in seconds, unless it asks for less.
    pub call_seconds: u64,
    /// How long what a call answers item by item may go on, in seconds, as long as items come: between two of them there may pass
    /// as long as a call may run.
    pub stream_seconds: u64,
    /// How long an idempotency key is remembered, in hours.
    pub idempotency_hours: u64,
    /// Calls that run at once, over all callers.
    pub concurrent_calls: usize,
}
