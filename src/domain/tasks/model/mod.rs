//! The documents of the domain, one kind a file.

pub mod entry;
pub mod task;
pub mod who;
