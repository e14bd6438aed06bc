//! What MCP clients are shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What MCP clients are shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mcp {
    /// Toolsets shown where the client names none: `compact`, `all`, or names of domains.
    pub toolsets: Vec<String>,
    /// Show and run only tools that read.
    pub read_only: bool,
    /// How long a client may keep a list, in seconds.
    pub list_ttl_seconds: u64,
    /// Sessions of the older protocol revisions kept at once.
    pub session_cap: usize,
    /// Streams of notices kept open at once; a quarter of them may be one caller's.
    pub stream_cap: usize,
    /// A session without traffic for so long ends, in seconds.
    pub session_idle_seconds: u64,
    /// How long a request state is accepted, in seconds.
    pub request_state_seconds: u64,
    /// How long a task may run, in seconds.
    pub task_seconds: u64,
    /// How long the result of a task is kept, in hours.
    pub task_hours: u64,
}
