//! The installation: health, metrics, configuration, logs, backups and caches.
//!
//! Others may use: the ring of log lines.

mod engine;

pub use engine::ring::{LineFilter, LogLevel, LogLine, LogRing};
