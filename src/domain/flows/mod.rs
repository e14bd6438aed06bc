//! The flows domain: the registry of flows that run here or elsewhere. Each is of one of four types with rules of its own, names the
//! credentials that it needs and the flows that it depends on, is versioned, and has the record of every execution, whoever carried it out.
//!
//! Other domains may use: nothing.

mod engine;
mod faults;
mod finding;
mod judging;
mod keeping;
mod model;
mod running;
mod tools;
mod topics;
mod views;
mod weaving;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Flows,
    rows: tools::ROWS,
    kinds: &[
        &model::flow::FLOW,
        &model::version::FLOW_VERSION,
        &model::execution::FLOW_EXECUTION,
        &model::turn::FLOW_TURN,
    ],
    logs: &[],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
