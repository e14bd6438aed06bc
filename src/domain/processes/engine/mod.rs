//! The engine: what a process is, whether it stands, how it runs.

pub mod bpmn;
#[cfg(test)]
mod by_chance;
pub mod definition;
pub mod durations;
pub mod edits;
pub mod graph;
<<<<<<< HEAD
pub mod layout;
pub mod nodes;
pub mod pictures;
=======
pub mod interpreter;
pub mod nodes;
pub mod sandbox;
>>>>>>> processes
pub mod soundness;
pub mod synthetic;
pub mod validation;
pub mod yaml;
