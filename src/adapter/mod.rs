//! What implements the ports: one folder each.

pub mod sqlite;
