//! The installation: health, metrics, configuration, logs, backups and caches.
//!
//! Others may use: the ring of log lines, the shelf of backups.

mod engine;
mod faults;
mod operator;
mod tools;

pub use engine::ring::{LineFilter, LogLevel, LogLine, LogRing};
pub use engine::shelf::Shelf;

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module =
    Module { domain: Domain::System, rows: tools::ROWS, kinds: &[], logs: &[], faults: faults::ALL, sources: &[] };
