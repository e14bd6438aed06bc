//! The domain's documents.

pub mod letter;
pub mod progress;
pub mod subscription;
pub mod topic;
