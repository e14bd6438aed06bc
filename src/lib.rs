//! Convoke: the back office for AI agents. See docs/architecture.md for the map of this library.

pub mod kernel;
pub mod port;
