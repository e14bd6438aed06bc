//! What the domain keeps.

pub(super) mod process;
pub(super) mod revision;
