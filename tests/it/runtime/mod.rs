//! What lives as long as the program.

mod forward;
mod owner;
