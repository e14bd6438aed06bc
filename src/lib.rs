//! Convoke: the back office for AI agents. See docs/architecture.md for the map of this library.

pub mod adapter;
pub mod app;
pub mod capability;
pub mod config;
pub mod domain;
pub mod kernel;
pub mod port;
pub mod runtime;
pub mod surface;
