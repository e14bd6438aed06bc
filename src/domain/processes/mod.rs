//! The processes domain: what is done in which order, by whom and with what, as data that is checked, versioned, drawn, tried out.
//!
//! Other domains may use: `engine`; `reading`, which finds what was published.

pub mod engine;
mod faults;
mod finding;
pub mod library;
mod lines;
mod looking;
mod model;
pub(crate) mod reading;
mod tools;
mod topics;
mod views;
mod weaving;
mod writing;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Processes,
    rows: tools::ROWS,
    kinds: &[&model::process::PROCESS, &model::revision::PROCESS_REVISION],
    logs: &[],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
