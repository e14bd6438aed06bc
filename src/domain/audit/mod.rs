//! Who did what and when. The gate writes the entries, each in the commit of what it tells of; here they are read, chained and
//! proved, kept for as long as they must be and no longer, and reported on (docs/decisions/0008-provable-audit.md).
//! The program puts the keeper of the log together of what lies in the engine, and calls retention and erasure now and then.
//!
//! Other domains may use: `engine::keeper::Keeper`, which is told when a backup was restored.

pub mod engine;
mod entries;
pub mod erasure;
pub mod policy;
mod report;
pub mod retention;
mod templates;
mod tools;
mod topics;

use std::sync::Arc;

use crate::capability::gate::sealing::SUBJECT_KEY;
use crate::capability::module::Module;
use crate::capability::spec::Domain;
use crate::port::records::Kind;
use engine::kept::{BUNDLE, CHAIN, CHECKPOINTS, HEAD, TILE};

/// What the program writes by itself beside the entries: it does not make an installation count as used.
pub static BY_ITSELF: &[&Kind] = &[&SUBJECT_KEY, &BUNDLE, &TILE, &CHAIN, &HEAD, &policy::PROGRESS, &policy::SUMMARY];

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::Audit,
    rows: tools::ROWS,
    kinds: &[
        &SUBJECT_KEY,
        &BUNDLE,
        &TILE,
        &CHAIN,
        &HEAD,
        &policy::POLICY,
        &policy::PROGRESS,
        &policy::SUMMARY,
        &erasure::ERASURE,
    ],
    logs: &[&CHECKPOINTS],
    faults: &[],
    sources: &[|| Arc::new(entries::Entries)],
    topics: topics::ALL,
};
