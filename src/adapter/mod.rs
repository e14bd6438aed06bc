//! What implements the ports: one folder each.

pub mod anchor;
pub mod folder;
pub mod keyfile;
pub mod keys;
pub mod outbox;
pub mod outside;
pub mod sqlite;
pub mod webhooks;
