//! What makes vectors of texts.

pub mod local;
