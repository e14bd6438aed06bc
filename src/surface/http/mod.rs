//! What the doors over HTTP share: the listener with TLS and drain, the checks before every door, credentials, faults.

pub mod body;
mod connection;
mod cors;
pub mod credentials;
mod guard;
pub mod hosts;
pub mod problem;
pub mod proxies;
mod room;
pub mod server;
pub mod tenant;
pub(super) mod tls;
pub mod trace;
