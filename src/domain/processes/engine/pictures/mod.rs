//! Pictures of a process: SVG for people, Mermaid for texts, with the state of an execution on them.

mod icons;
mod mermaid;
mod svg;
#[cfg(test)]
mod tests;
pub mod texts;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use mermaid::mermaid;
pub use svg::svg;

/// How far an execution is, by the ids of nodes.
pub type Progress = BTreeMap<String, Passed>;

/// How far a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Passed {
    /// Its state.
    pub state: Stage,
    /// How often it was begun.
    pub times: u64,
}

/// The state of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It waits for something.
    Waiting,
    /// It is under way.
    Running,
    /// It is done.
    Done,
    /// It failed.
    Failed,
    /// It was left out.
    Skipped,
    /// It was given up.
    Cancelled,
}

impl Stage {
    const ALL: [Self; 6] = [Self::Waiting, Self::Running, Self::Done, Self::Failed, Self::Skipped, Self::Cancelled];

    /// What it is called.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
        }
    }

    /// A sign for it: colours alone say nothing to many.
    const fn sign(self) -> &'static str {
        match self {
            Self::Waiting => "…",
            Self::Running => "▶",
            Self::Done => "✓",
            Self::Failed => "!",
            Self::Skipped => "–",
            Self::Cancelled => "×",
        }
    }
}

/// A type as people read it.
fn spoken(kind: &str) -> String {
    match kind {
        "exclusive" | "parallel" | "inclusive" => format!("{kind} gateway"),
        _ => kind.replace('_', " "),
    }
}

/// What a node is called in a picture.
fn called<'a>(name: &'a str, id: &'a str) -> &'a str {
    if name.trim().is_empty() { id } else { name }
}
