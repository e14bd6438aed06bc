//! The engine: what a process is, whether it stands, how it runs.

pub mod bpmn;
#[cfg(test)]
mod by_chance;
pub mod definition;
pub mod differences;
pub mod durations;
pub mod edits;
pub mod graph;
pub mod interpreter;
pub mod layout;
pub mod linking;
pub mod measuring;
pub mod merging;
pub mod nodes;
pub mod pictures;
pub mod sandbox;
pub mod soundness;
pub mod synthetic;
pub mod template;
pub mod validation;
pub mod yaml;
