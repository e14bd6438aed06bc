//! What lives as long as the program: workers, timers, relays, the graceful stop.

pub mod backups;
pub mod beating;
pub mod carrying;
pub mod embedding;
pub mod executing;
pub mod folders;
pub mod hearing;
pub mod logging;
pub mod mirroring;
#[cfg(unix)]
pub mod owner;
pub mod relay;
pub mod retraining;
pub mod ringing;
mod rounds;
pub mod schedules;
pub mod supervise;
pub mod telemetry;
pub mod upkeep;
