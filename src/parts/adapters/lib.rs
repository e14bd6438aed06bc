//! What speaks to stores and to the world outside: the adapters of the ports.

#[path = "../../adapter/mod.rs"]
pub mod adapter;

use convoke_base::{kernel, port};
