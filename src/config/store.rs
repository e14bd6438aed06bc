//! Where and how long data is kept.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where and how long data is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// The data folder; empty for the platform's own place for user data.
    pub data: String,
    /// How long audit entries are kept, in days.
    pub audit_days: u64,
    /// Most audit entries kept of each tenant; a large one counts as many.
    pub audit_entries: u64,
    /// How long events are kept, in days.
    pub events_days: u64,
    /// Most events kept of each tenant; a large one counts as many.
    pub events_entries: u64,
    /// How long usage is kept, in days.
    pub usage_days: u64,
}
