//! The doors over real sockets.

mod http;
mod probes;
mod rest;
pub(crate) mod served;
mod ws;
