//! The learning domain: what people say of answers, joined to the version of the prompt that they saw; training sets made of it;
//! retraining; and whether an agent has drifted.
//!
//! Other domains may use: `engine`, `measuring`, `reading`, `summary`, and `model::feedback`, which those read; `taking`, by which what is said
//! of an answer is taken as `feedback_submit` takes it.

pub mod engine;
mod faults;
mod files;
mod jobs;
mod joining;
pub(crate) mod measuring;
pub mod model;
pub(crate) mod reading;
mod room;
pub(crate) mod summary;
pub(crate) mod taking;
mod tools;
mod topics;
mod views;
pub mod working;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Learning,
    rows: tools::ROWS,
    kinds: &[&model::feedback::FEEDBACK, &model::dataset::DATASET, &model::job::JOB],
    logs: &[],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
