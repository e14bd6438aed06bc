//! The installation: health, metrics, configuration, logs, backups and caches; services outside, and the gateway to them.
//!
//! Others may use: the ring of log lines, the shelf of backups and who makes them, the report of the schema, the monitor, the
//! gateway, the beat of the instance.

mod engine;
mod faults;
mod model;
mod operator;
mod tools;
mod topics;

pub use engine::backing::{Made, Right};
pub use engine::forgetting::forget_silent;
pub use engine::gateway::Gateway;
pub use engine::lead::{BackupsBy, Kept, Lead};
pub use engine::monitor::Monitor;
pub use engine::process::read as process_figures;
pub use engine::ring::{LineFilter, LogLevel, LogLine, LogRing};
pub use engine::shelf::Shelf;
pub use tools::migrate::{Output as SchemaReport, report as schema_report};

use crate::capability::module::Module;
use crate::capability::spec::Domain;
use crate::port::records::Kind;

/// What the instances of the installation say of themselves.
pub mod fleet {
    pub use super::engine::fleet::{BEAT_EVERY, Beating, forget};
    pub use super::model::fleet::Beat;
}

/// What the domain writes by itself: an installation that has nothing else is still a new one.
pub static BY_ITSELF: &[&Kind] =
    &[&engine::lead::BACKUP_LEAD, &model::fleet::FLEET_INSTANCE, &model::fleet::FLEET_FIGURES];

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::System,
    rows: tools::ROWS,
    kinds: &[
        &model::instance::SERVICE_INSTANCE,
        &model::route::GATEWAY_ROUTE,
        &engine::lead::BACKUP_LEAD,
        &model::fleet::FLEET_INSTANCE,
        &model::fleet::FLEET_FIGURES,
    ],
    logs: &[],
    faults: faults::ALL,
    sources: &[],
    topics: topics::ALL,
};
