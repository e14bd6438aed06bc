//! The knowledge domain: the graph of what is known, nodes and relations with where they come from and when they hold.

mod answering;
mod around;
pub mod engine;
mod faults;
mod looking;
mod model;
mod resources;
mod tools;
mod topics;
mod upserting;
mod views;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Knowledge,
    rows: tools::ROWS,
    kinds: &[&crate::port::graph::NODE, &crate::port::graph::RELATION],
    logs: &[&crate::port::graph::CHANGES],
    faults: faults::ALL,
    sources: &[|| std::sync::Arc::new(resources::Resources)],
    topics: topics::ALL,
};
