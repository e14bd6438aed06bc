//! What thinks of itself: reading queries, and how alike names are.

pub mod cypher;
pub mod names;
