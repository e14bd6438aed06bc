//! Where traces and metrics are sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where traces and metrics are sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// The base address of an OpenTelemetry collector that takes OTLP over HTTP as JSON; empty to send nothing.
    pub endpoint: String,
    /// The variable of the environment that holds the value of the `authorization` header for it; empty for none.
    pub authorization_variable: String,
    /// How often it is sent, in seconds.
    pub every_seconds: u64,
    /// The share of the traces beginning here that is recorded, from 0 to 1; those that others record are always.
    pub traces_share: f64,
    /// Whether traces tell what was said to models and what they said.
    pub content: bool,
}
