//! What happens to what is remembered.

pub(super) mod consolidating;
pub(super) mod finding;
pub(super) mod keeping;
pub(super) mod likeness;
pub(super) mod policies;
pub(super) mod thinking;
