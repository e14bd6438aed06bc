//! What implements the ports: one folder each. What stores have in common beside a port lies here.

pub mod anchor;
pub mod arriving;
mod before;
mod blob_files;
pub mod documents;
pub mod embedder;
pub mod feel;
pub mod folder;
mod forms;
pub mod graph;
pub mod keyfile;
pub mod keys;
pub mod llm;
mod names;
pub mod nats;
pub mod objects;
pub mod outbox;
pub mod outside;
pub mod postgres;
pub mod qdrant;
mod shape;
pub mod sqlite;
mod tables;
pub mod tokens;
mod trust;
pub mod vectors;
pub mod webhooks;
