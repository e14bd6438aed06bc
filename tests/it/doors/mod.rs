//! The doors over real sockets.

mod http;
mod probes;
mod rest;
mod served;
mod ws;
