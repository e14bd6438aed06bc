//! The system's capabilities, one file each.

pub(super) mod backup;
pub(super) mod backups;
pub(super) mod cache_clear;
pub(super) mod cache_stats;
pub(super) mod config;
pub(super) mod health;
pub(super) mod logs;
pub(super) mod metrics;
pub(super) mod migrate;
pub(super) mod restore;

use schemars::JsonSchema;
use serde::Deserialize;

/// The input of a capability that takes none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}
