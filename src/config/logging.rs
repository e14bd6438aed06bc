//! What is logged.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is logged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    /// Least important level written: `error`, `warn`, `info`, `debug` or `trace`, also by module as in `info,convoke=debug`.
    pub level: String,
    /// How lines are written to standard error: `text` or `json`.
    pub format: String,
    /// How many recent lines `system_logs` can show.
    pub recent_lines: usize,
}
