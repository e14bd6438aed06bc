//! How a model is doing, as it is told.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::models::engine::breaker::Circuit;
use crate::domain::models::engine::health::Health;

/// How a model is doing, as one instance sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HealthView {
    /// Whether calls go through to it.
    circuit: Circuit,
    /// Answers since the start.
    answered: u64,
    /// Failures since the start.
    failed: u64,
    /// Calls that run.
    running: usize,
    /// Calls that wait for a place.
    waiting: usize,
    /// How long it takes to begin an answer on average, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u64>,
    /// How long 95 of a hundred of the last answers took at most, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency95_ms: Option<u64>,
}

impl HealthView {
    pub(crate) fn of(health: &Health, now: Duration) -> Self {
        let (answered, failed) = health.counts();
        let (running, waiting) = health.places.figures();
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self {
            circuit: health.breaker.circuit(now),
            answered,
            failed,
            running,
            waiting,
            latency_ms: health.latency().map(millis),
            latency95_ms: health.percentile(95).map(millis),
        }
    }
}
