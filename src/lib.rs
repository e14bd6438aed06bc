//! Convoke: the back office for AI agents. See docs/architecture.md for the map of this library.

pub mod adapter;
<<<<<<< HEAD
pub mod capability;
pub mod config;
pub mod domain;
=======
>>>>>>> 816c992 (The embedded store on SQLite)
pub mod kernel;
pub mod port;
pub mod runtime;
pub mod surface;
