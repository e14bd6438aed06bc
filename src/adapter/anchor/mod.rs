//! Anchors for checkpoints of the audit log: a file, a webhook, an object store.

pub mod file;
pub mod objects;
pub mod webhook;
