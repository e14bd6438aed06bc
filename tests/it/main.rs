//! The integration tests: one binary, folders by what they test.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on fails where it stands"
)]

mod adapter;
mod architecture;
mod audit;
mod authz;
mod cli;
mod config;
mod conformance;
mod domain;
mod doors;
mod faults;
mod fleet;
mod gate;
mod lists;
mod observability;
mod outward;
mod parity;
mod registry;
mod runtime;
mod snapshot;
mod support;
mod surface;
mod tools;
mod upgrade;
