//! The domains' own tests, one folder a domain.

mod audit;
mod identity;
mod integrations;
mod registry;
mod system;
