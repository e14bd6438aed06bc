//! What is known of flows without a store: their types, ways through them, what is wrong with one, figures of executions.

pub(super) mod figures;
pub(super) mod finding;
pub(super) mod kinds;
pub(super) mod structure;
pub(super) mod ways;
