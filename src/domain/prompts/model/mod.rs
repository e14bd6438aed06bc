//! The domain's documents.

pub mod exposure;
pub mod prompt;
pub mod revision;
