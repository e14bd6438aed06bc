//! What every part rests upon: the kernel, the ports, the configuration, capabilities and their gate.

#[path = "../../capability/mod.rs"]
pub mod capability;
#[path = "../../config/mod.rs"]
pub mod config;
#[path = "../../kernel/mod.rs"]
pub mod kernel;
#[path = "../../port/mod.rs"]
pub mod port;
