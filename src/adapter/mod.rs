//! What implements the ports: one folder each.

pub mod folder;
pub mod outbox;
pub mod sqlite;
pub mod webhooks;
