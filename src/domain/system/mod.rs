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
use crate::capability::row::Row;
use crate::capability::spec::Domain;

/// The domain's lists.
pub static MODULE: Module = Module {
    domain: Domain::System,
    rows: &[
        Row::of::<tools::health::Health>(),
        Row::of::<tools::metrics::Metrics>(),
        Row::of::<tools::config::Config>(),
        Row::of::<tools::logs::Logs>(),
        Row::of::<tools::backup::Backup>(),
        Row::of::<tools::backups::Backups>(),
        Row::of::<tools::restore::Restore>(),
        Row::of::<tools::migrate::Migrate>(),
        Row::of::<tools::cache_stats::CacheStats>(),
        Row::of::<tools::cache_clear::CacheClear>(),
    ],
    kinds: &[],
    logs: &[],
    faults: faults::ALL,
};
