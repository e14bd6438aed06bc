//! The engine: what a process is, whether it stands, how it runs.

pub mod bpmn;
#[cfg(test)]
mod by_chance;
pub mod definition;
pub mod durations;
pub mod edits;
pub mod graph;
pub mod layout;
pub mod nodes;
pub mod pictures;
pub mod soundness;
pub mod validation;
pub mod yaml;
