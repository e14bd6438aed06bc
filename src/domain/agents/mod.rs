//! The agents domain: who works. An agent has a persona, a prompt, a model, tools and limits; it is run by a loop in which the model
//! calls tools through the gate, and what it did is kept and measured.

mod checking;
mod faults;
mod finding;
mod model;
mod tools;
mod topics;
mod views;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Agents,
    rows: tools::ROWS,
    kinds: &[&model::agent::AGENT],
    logs: &[],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
