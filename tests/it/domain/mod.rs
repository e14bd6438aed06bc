//! The domains' own tests, one folder a domain.

mod audit;
mod identity;
mod registry;
mod system;
