//! What follows from what: deadlines, timers, whether enough have answered; past cases and what they come to; what a model says. Nothing here
//! writes.

pub(in crate::domain::tasks) mod cases;
pub mod counting;
pub(in crate::domain::tasks) mod thinking;
pub mod timing;
