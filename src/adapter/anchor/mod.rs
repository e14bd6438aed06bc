//! Anchors for checkpoints of the audit log: a file, a webhook.

pub mod file;
pub mod webhook;
