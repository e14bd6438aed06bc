//! How schedules are carried out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How schedules are carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedules {
    /// Runs that are under way at once on this instance, over all tenants.
    pub runs: usize,
    /// Runs of one tenant that are under way at once on this instance.
    pub runs_per_tenant: usize,
    /// Schedules that a tenant may have.
    pub per_tenant: u64,
    /// The shortest time between two runs of a schedule, in seconds.
    pub shortest_seconds: u64,
    /// A run that could not begin for so many seconds counts as missed.
    pub missed_after_seconds: u64,
    /// Runs of a schedule that are kept.
    pub kept_runs: u64,
    /// How many days runs are kept. 0 is no bound.
    pub kept_days: u64,
}
