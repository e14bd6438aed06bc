//! The memory domain: what was said and learned. Each memory says whose it is, where it comes from, when it holds and how long it was
//! believed; one that says the same is merged into the first, one that says otherwise takes the place of it, and what is forgotten is gone.
//!
//! Other domains may use: `retrieval`, which finds documents of any kind by what their text says.

mod engine;
mod faults;
mod model;
mod places;
mod resources;
pub(crate) mod retrieval;
mod tools;
mod topics;
mod views;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Memory,
    rows: tools::ROWS,
    kinds: &[&model::memory::MEMORY, &model::policy::MEMORY_POLICY],
    logs: &[],
    faults: faults::ALL,
    sources: &[|| std::sync::Arc::new(resources::Resources)],
    topics: topics::ALL,
};
