//! The audit's capabilities, one file each.

pub(super) mod query;
