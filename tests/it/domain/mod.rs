//! The domains' own tests, one folder a domain.

mod registry;
