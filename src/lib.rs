//! Convoke: the back office for AI agents. See docs/architecture.md for the map of this library.

pub mod app;
pub mod runtime;
pub mod surface;

pub use convoke_adapters::adapter;
pub use convoke_base::{capability, config, kernel, port};
pub use convoke_domains::domain;
