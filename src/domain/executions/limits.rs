//! The bounds of an execution, in one list for whoever asks.

use schemars::JsonSchema;
use serde::Serialize;

use super::working::{DEEPEST, LARGEST_ANSWER};
use crate::domain::processes::engine::interpreter::{LONGEST_EXPRESSIONS, MOST_ITEMS, MOST_MOVES, MOST_TOKENS};

/// A bound.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Limit {
    /// What it bounds.
    pub(super) name: &'static str,
    /// How much at most.
    pub(super) most: u64,
    /// What it means.
    pub(super) about: &'static str,
}

const fn limit(name: &'static str, most: u64, about: &'static str) -> Limit {
    Limit { name, most, about }
}

/// Every bound.
pub(super) static LIMITS: &[Limit] = &[
    limit("moves", MOST_MOVES as u64, "Moves between two waits."),
    limit("tokens", MOST_TOKENS as u64, "Tokens at once."),
    limit("items", MOST_ITEMS as u64, "Items of a list that a node is done for."),
    limit("depth", DEEPEST as u64, "Executions above one another."),
    limit("expressionSeconds", LONGEST_EXPRESSIONS.as_secs(), "Seconds that expressions may take between two waits."),
    limit("answerBytes", LARGEST_ANSWER as u64, "Bytes of an answer over HTTP."),
];
