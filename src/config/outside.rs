//! What the program connects to for others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the program connects to for others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// Addresses or networks (CIDR) beyond the public internet that it may connect to.
    pub private_networks: Vec<String>,
}
