//! What implements the ports: one folder each. What stores have in common beside a port lies here.

pub mod folder;
mod forms;
mod names;
pub mod postgres;
mod shape;
pub mod sqlite;
