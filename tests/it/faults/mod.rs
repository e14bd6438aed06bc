//! What breaks, and what is still true then.

#[cfg(target_os = "linux")]
mod disk;
mod events;
mod kill;
mod nats;
