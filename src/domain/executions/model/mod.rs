//! What the domain keeps.

pub(super) mod batch;
pub(super) mod ear;
pub(super) mod execution;
pub(super) mod line;
pub(super) mod wait;
