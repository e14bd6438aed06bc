//! The domains: the capabilities.

#[path = "../../domain/mod.rs"]
pub mod domain;

use convoke_base::{capability, kernel, port};
