//! The traits to the outside. A domain and the gate speak to these; adapters implement them; `app` chooses.

pub mod anchors;
pub mod announcer;
pub mod arriving;
pub mod blobs;
pub mod bus;
pub mod documents;
pub mod embedder;
pub mod graph;
pub mod graph_measures;
pub mod graph_mirror;
pub mod graph_query;
pub mod logs;
pub mod models;
pub mod objects;
pub mod outside;
pub mod overlay;
pub mod queue;
pub mod records;
pub mod secrets;
pub mod store;
pub mod subject_keys;
pub mod tokens;
pub mod transfer;
pub mod tuning;
pub mod vectors;
pub mod webhooks;
