//! The executions domain: processes that run. An execution is a journal and the place where it is; each step is written once, with all that
//! it brings about, and goes on after whatever stops in between.
//!
//! Other domains may use: `starting`, `outcomes`, `standing`, `sampling`. The runtime keeps `working` at work.

mod depending;
mod faults;
mod finding;
mod graphs;
mod limits;
mod logs;
mod migrating;
mod model;
pub(crate) mod outcomes;
mod playing;
mod resources;
pub(crate) mod sampling;
pub(crate) mod standing;
pub(crate) mod starting;
mod tools;
mod topics;
mod views;
pub mod working;

pub use graphs::Graphs;
pub use model::execution::QUEUE;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Executions,
    rows: tools::ROWS,
    kinds: &[
        &model::execution::EXECUTION,
        &model::wait::EXECUTION_WAIT,
        &model::ear::EXECUTION_EAR,
        &model::batch::EXECUTION_BATCH,
    ],
    logs: &[&model::line::JOURNAL],
    faults: faults::ALL,
    sources: &[|| std::sync::Arc::new(resources::Resources)],
    topics: topics::ALL,
};
