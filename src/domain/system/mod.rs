//! The installation: health, metrics, configuration, logs, backups and caches; services outside, and the gateway to them.
//!
//! Others may use: the ring of log lines, the shelf of backups, the report of the schema, the monitor, the gateway.

mod engine;
mod faults;
mod model;
mod operator;
mod tools;
mod topics;

pub use engine::forgetting::forget_silent;
pub use engine::gateway::Gateway;
pub use engine::monitor::Monitor;
pub use engine::process::read as process_figures;
pub use engine::ring::{LineFilter, LogLevel, LogLine, LogRing};
pub use engine::shelf::Shelf;
pub use tools::migrate::{Output as SchemaReport, report as schema_report};

use crate::capability::module::Module;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::System,
    rows: tools::ROWS,
    kinds: &[&model::instance::SERVICE_INSTANCE, &model::route::GATEWAY_ROUTE],
    logs: &[],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
