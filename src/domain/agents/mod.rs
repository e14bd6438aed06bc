//! The agents domain: who works. An agent has a persona, a prompt, a model, tools and limits; it is run by a loop in which the model
//! calls tools through the gate, and what it did is kept and measured.
//!
//! Other domains may use: `Runs`; `whose`, which tells to whom an agent belongs; `known`, which tells whether there is one.

mod checking;
mod engine;
mod faults;
mod finding;
mod in_graph;
mod model;
mod resources;
mod tools;
mod topics;
mod views;

pub use engine::book::Runs;
pub(crate) use finding::{known, whose};
pub use in_graph::IN_GRAPH;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Agents,
    rows: tools::ROWS,
    kinds: &[&model::agent::AGENT, &model::interaction::AGENT_INTERACTION],
    logs: &[&model::run::AGENT_RUNS, &model::run::AGENT_TRANSCRIPTS],
    faults: faults::ALL,
    sources: &[|| std::sync::Arc::new(resources::Resources)],
    topics: topics::ALL,
};
