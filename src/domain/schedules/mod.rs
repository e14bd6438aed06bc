//! The schedules domain: what is to be done when, again and again or once. A schedule says when it is due and what runs then, on whose behalf;
//! the timer (`timing`) makes a run of each due time, exactly one, and the runner (`running`) carries runs out through the gate.
//!
//! Other domains may use: `making`. Business calendars are the kernel's (`kernel::calendar`), those that have names the configuration's.

mod engine;
mod faults;
pub(crate) mod making;
mod model;
mod planning;
mod running;
mod starting;
mod timing;
mod tools;
mod topics;
mod views;
pub mod working;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Schedules,
    rows: tools::ROWS,
    kinds: &[&model::schedule::SCHEDULE, &model::standing::STANDING, &model::run::RUN],
    logs: &[],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
