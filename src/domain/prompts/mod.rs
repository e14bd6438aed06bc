//! The prompts domain: texts for models with variables and blocks, versioned, labelled, assembled. They come as files and as
//! records of a tenant, which lie over the files.
//!
//! Other domains may use: `engine`, `library`, `model`, `shown`, `snapshot`, `uses::Uses`, `using`.

mod assembling;
pub mod engine;
mod faults;
mod finding;
mod in_graph;
mod judging;
pub mod library;
pub mod model;
mod publishing;
pub mod shown;
pub mod snapshot;
pub mod source;
mod tools;
pub mod topics;
pub mod uses;
pub mod using;
mod views;
mod writing;

pub use in_graph::IN_GRAPH;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Prompts,
    rows: tools::ROWS,
    kinds: &[&model::prompt::PROMPT, &model::revision::REVISION],
    logs: &[&model::exposure::EXPOSURES],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
