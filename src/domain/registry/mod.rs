//! The registry domain: finding, reading about and calling tools. What a tool is and where all of them are kept is in
//! `capability`; here are the capabilities over them and the index that finds one from a need in plain words.
//!
//! Other domains may use: `engine`, `index::ToolIndex`.

pub mod engine;
pub mod index;
mod model;
mod tools;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Registry,
    rows: tools::ROWS,
    kinds: &[],
    logs: &[],
    faults: &[],
    sources: &[],
    topics: &[],
};
