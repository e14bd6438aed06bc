//! What implements the ports: one folder each.

pub mod folder;
pub mod sqlite;
