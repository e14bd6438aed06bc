//! What follows from what: deadlines, timers, whether enough have answered. Nothing here reads or writes.

pub mod counting;
pub mod timing;
