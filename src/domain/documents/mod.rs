//! The documents domain: what people wrote, uploaded, read, cut into passages, found, told apart, and read out of.
//!
//! Other domains may use: `Reader`; `engine::chunking` and `engine::entities`; `model::chunk` and `model::Type`; `finding`, which finds
//! passages; `handing`, by which one is kept, read passage by passage, and removed; `erasing`, by which what a person alone sees of them goes.

pub mod engine;
pub mod erasing;
mod faults;
pub(crate) mod finding;
pub(crate) mod handing;
mod in_graph;
pub mod model;
mod reading;
pub mod resources;
mod thinking;
mod tools;
mod topics;

pub use in_graph::IN_GRAPH;
pub use reading::Reader;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Documents,
    rows: tools::ROWS,
    kinds: &[&model::DOCUMENT, &model::chunk::DOCUMENT_CHUNK],
    logs: &[],
    faults: faults::ALL,
    sources: &[|| std::sync::Arc::new(resources::Resources)],
    topics: topics::ALL,
};
