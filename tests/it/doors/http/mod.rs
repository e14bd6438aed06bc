//! The listener and what stands before every door.

mod bodies;
mod connections;
mod drain;
mod guard;
mod listen;
