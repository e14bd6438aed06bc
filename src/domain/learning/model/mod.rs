//! The domain's documents.

pub mod dataset;
pub mod feedback;
pub mod job;
