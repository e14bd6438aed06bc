//! The traits to the outside. A domain and the gate speak to these; adapters implement them; `app` chooses.

pub mod blobs;
pub mod logs;
pub mod queue;
pub mod records;
pub mod store;
pub mod transfer;
