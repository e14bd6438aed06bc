//! The domain's documents.

pub(super) mod run;
pub(super) mod schedule;
pub(super) mod standing;
