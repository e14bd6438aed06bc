//! The installation: health, metrics, configuration, logs, backups and caches.
//!
//! Others may use: the ring of log lines, the shelf of backups, the report of the schema.

mod engine;
mod faults;
mod operator;
mod tools;

pub use engine::ring::{LineFilter, LogLevel, LogLine, LogRing};
pub use engine::shelf::Shelf;
pub use tools::migrate::{Output as SchemaReport, report as schema_report};

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::System,
    rows: tools::ROWS,
    kinds: &[],
    logs: &[],
    faults: faults::ALL,
    sources: &[],
    topics: &[],
};
