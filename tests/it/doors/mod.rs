//! The doors over real sockets.

#![expect(clippy::panic, reason = "a test that cannot go on fails where it stands")]

mod http;
mod probes;
mod rest;
pub(crate) mod served;
mod ws;
