//! One installation, many processes: the first process on a data folder owns it, every later one goes through the owner over
//! a socket that only the same account can open. When the owner goes, one of the others takes over.
//!
//! `lock` decides who owns, `socket` is where the owner listens, `join` makes a process owner or guest, `take` makes a server
//! the owner, `guests` is the
//! owner's side, `session` and `forward` are the side of a guest that speaks MCP, `calls` both sides of single calls.

pub mod calls;
pub mod ends;
pub mod forward;
pub mod guests;
pub mod join;
pub mod lines;
pub mod lock;
pub mod protocol;
pub mod session;
pub mod socket;
pub mod take;
