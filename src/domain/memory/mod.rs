//! The memory domain: what was said and learned. Each memory says whose it is, where it comes from, when it holds and how long it was
//! believed; one that says the same is merged into the first, one that says otherwise takes the place of it, and what is forgotten is gone.
//!
//! Other domains may use: `retrieval`, which finds documents of any kind by what their text says; `recalling`, which finds what an agent is to be
//! reminded of; `knowing`, which finds what is remembered beside what else is known, and remembers what an agent learned; `forgotten`, which the
//! shelf of backups takes in. The runtime keeps the worker of `retrieval` at work.

mod engine;
mod faults;
pub mod forgotten;
pub(crate) mod knowing;
mod model;
mod places;
pub(crate) mod recalling;
mod resources;
pub mod retrieval;
mod tools;
mod topics;
mod views;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

pub use model::memory::SEARCHABLE;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Memory,
    rows: tools::ROWS,
    kinds: &[&model::memory::MEMORY, &model::policy::MEMORY_POLICY, &retrieval::EMBEDDING, &retrieval::EMBEDDING_SWEEP],
    logs: &[&retrieval::EMBEDDED, &forgotten::FORGOTTEN],
    faults: faults::ALL,
    sources: &[|| std::sync::Arc::new(resources::Resources)],
    topics: topics::ALL,
};
