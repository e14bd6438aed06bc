//! The domains' own tests, one folder a domain.

mod identity;
mod registry;
