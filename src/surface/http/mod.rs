//! What the doors over HTTP share: the listener with TLS and drain, the checks before every door, credentials, faults.

pub mod credentials;
mod guard;
pub mod hosts;
pub mod problem;
pub mod proxies;
pub mod server;
pub(super) mod tls;
