//! What breaks, and what is still true then.

#[cfg(target_os = "linux")]
mod clocks;
mod crashes;
#[cfg(target_os = "linux")]
pub(crate) mod disk;
mod events;
mod fleet;
mod kill;
mod knowing;
mod nats;
mod neo4j;
mod neo4j_in_work;
mod qdrant;
mod schedules;
#[cfg(target_os = "linux")]
mod server;
mod uploads;
mod workers;
