//! What is wrong with a flow: at which place, by which rule.

use schemars::JsonSchema;
use serde::Serialize;

/// The most findings that are told.
pub(in crate::domain::flows) const MOST: usize = 100;

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Finding {
    /// The rule that is broken; `flow_types` tells what it demands.
    pub rule: &'static str,
    /// Where, as a JSON pointer into the flow.
    pub at: String,
    /// What is wrong there and how to mend it.
    pub message: String,
}

impl Finding {
    /// One.
    pub(in crate::domain::flows) fn new(rule: &'static str, at: impl Into<String>, message: impl Into<String>) -> Self {
        Self { rule, at: at.into(), message: message.into() }
    }
}
