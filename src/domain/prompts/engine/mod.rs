//! What prompts are made of and how they are assembled: pure, without input or output. What waits for a store or counts
//! tokens is the domain's.

pub mod blocks;
pub mod checks;
pub mod content;
pub mod differences;
pub mod file;
pub mod lint;
pub mod split;
pub mod tags;
pub mod template;
pub mod variables;
pub mod version;
