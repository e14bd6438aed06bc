//! How models are asked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How models are asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// Whether every tenant may use the providers whose keys are in the environment, not only the installation's own.
    pub share_keys: bool,
    /// Calls that run at once at one model; 0 is no bound.
    pub calls_at_once: usize,
    /// How long answers are kept for equal requests, in seconds, where no route says it; 0 for not at all.
    pub cache_seconds: u64,
}
