//! The command line, as the real program.

mod check;
mod connect;
mod exits;
mod keys;
mod stdio;
mod upkeep;
