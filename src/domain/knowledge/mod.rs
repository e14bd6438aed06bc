//! The knowledge domain: the graph of what is known, nodes and relations with where they come from and when they hold;
//! and what documents tell of them.
//!
//! Other domains may use: `withdraw_document`, by which what a document alone bears out goes with it; `knowing`, which tells the facts that bear
//! on a question, and takes in those that an agent learned; `erasing`, by which what a person alone sees of it goes. The runtime keeps the worker of `mirroring` at work.

mod answering;
mod around;
pub mod engine;
pub mod erasing;
mod faults;
pub(crate) mod ingesting;
pub(crate) mod knowing;
mod looking;
pub mod mirroring;
mod model;
mod resources;
mod tools;
mod topics;
mod upserting;
mod views;

pub(crate) use ingesting::withdrawing::withdraw_document;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Knowledge,
    rows: tools::ROWS,
    kinds: &[
        &crate::port::graph::NODE,
        &crate::port::graph::RELATION,
        &ingesting::records::KNOWLEDGE_INGESTION,
        &ingesting::records::KNOWLEDGE_PASSAGE,
        &ingesting::records::KNOWLEDGE_SUPPORT,
    ],
    logs: &[&crate::port::graph::CHANGES],
    faults: faults::ALL,
    sources: &[|| std::sync::Arc::new(resources::Resources)],
    topics: topics::ALL,
};
