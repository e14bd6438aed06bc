//! The vocabulary every layer shares: ids, time, faults, seals. No I/O and no knowledge of any layer above.

pub mod bucket;
pub mod calendar;
pub mod cipher;
pub mod clock;
pub mod codes;
pub mod current;
pub mod fault;
pub mod figures;
pub mod id;
pub mod money;
pub mod network;
pub mod reading;
pub mod redact;
pub mod seal;
pub mod secret;
pub mod tasks;
pub mod time;
pub mod trace;
pub mod zone;
