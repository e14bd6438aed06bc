//! The rules domain: decisions as tables, expressions and graphs of them, versioned, tested, evaluated with what fired and why.
//!
//! Other domains may use: `deciding`.

mod book;
pub mod content;
pub mod deciding;
pub mod dmn;
pub mod engine;
mod faults;
mod finding;
mod keeping;
mod model;
mod tools;
mod topics;
mod views;

pub use book::RuleBook;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Rules,
    rows: tools::ROWS,
    kinds: &[&model::RULE_SET, &model::RULE_VERSION],
    logs: &[],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
