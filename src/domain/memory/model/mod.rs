//! What the domain keeps.

pub(crate) mod memory;
pub(crate) mod policy;
