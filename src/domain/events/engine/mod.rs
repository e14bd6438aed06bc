//! What decides without a store: filters, the evolution of schemas, taking from a pull queue.

pub mod compatible;
pub mod filter;
pub mod schemas;
pub mod signing;
pub mod taking;
pub(in crate::domain::events) mod targets;
