//! How backups are made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How backups are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The folder for backups; empty for `backups` in the data folder.
    pub folder: String,
    /// How many are kept; older ones go. 0 keeps all.
    pub keep: usize,
}
