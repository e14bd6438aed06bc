//! The integration tests: one binary, folders by what they test.

mod config;
mod conformance;
