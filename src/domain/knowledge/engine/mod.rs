//! What thinks of itself: reading queries, how alike names are, and which names texts have.

pub mod cypher;
pub mod names;
pub mod naming;
mod wording;
