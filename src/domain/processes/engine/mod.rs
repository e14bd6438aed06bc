//! The engine: what a process is, whether it stands, how it runs.

pub mod definition;
pub mod durations;
pub mod edits;
pub mod graph;
pub mod nodes;
pub mod soundness;
pub mod validation;
