//! The personas domain: who an assistant is. They come as files and as records of a tenant, which lie over the files.
//!
//! Other domains may use: `library`, `text`, `telling`.

mod faults;
mod file;
mod finding;
mod in_graph;
pub mod library;
mod model;
pub mod resources;
pub mod telling;
pub mod text;
mod tools;
mod topics;
mod views;

pub use in_graph::IN_GRAPH;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Personas,
    rows: tools::ROWS,
    kinds: &[&model::PERSONA],
    logs: &[],
    faults: faults::ALL,
    sources: &[|| std::sync::Arc::new(resources::Resources)],
    topics: topics::ALL,
};
