//! The listener and what stands before every door.

mod drain;
mod guard;
mod listen;
