//! Who did what and when. The gate writes the entries, each in the commit of what it tells of; here they are read.

mod entries;
mod tools;

use std::sync::Arc;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Audit,
    rows: tools::ROWS,
    kinds: &[],
    logs: &[],
    faults: &[],
    sources: &[|| Arc::new(entries::Entries)],
    topics: &[],
};
