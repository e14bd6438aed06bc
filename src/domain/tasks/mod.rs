//! The tasks domain: what people are asked to decide or fill in. A task has a form, somebody who is to answer, and a time; it is answered once, by
//! whoever may, of what they were shown.
//!
//! Other domains may use: `opening`, by which a task is opened or withdrawn in another commit; `model`, which says what a task is; `form`;
//! `Continuations`, the queues into which the end of a task may put a job; `working`, which the runtime keeps at work.

mod answering;
mod asking;
pub mod engine;
mod faults;
pub mod form;
pub mod model;
pub mod opening;
mod page;
mod people;
mod room;
mod tools;
mod topics;
mod views;
pub mod working;
mod writing;

pub use writing::Continuations;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Tasks,
    rows: tools::ROWS,
    kinds: &[&model::task::TASK, &model::entry::TASK_ENTRY, &answering::TASK_ANSWERER],
    logs: &[],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
