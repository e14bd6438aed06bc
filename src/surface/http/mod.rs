//! What the doors over HTTP share.

pub mod credentials;
