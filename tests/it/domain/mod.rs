//! The domains' own tests, one folder a domain.

mod audit;
pub(crate) mod events;
mod identity;
mod integrations;
mod models;
mod providers;
mod registry;
mod system;
