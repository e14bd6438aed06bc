//! What implements the ports: one folder each.

pub mod folder;
pub mod keys;
pub mod outside;
pub mod sqlite;
