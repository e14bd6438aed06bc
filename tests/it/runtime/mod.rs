//! What lives as long as the program.

mod forward;
mod guests;
mod owner;
mod succession;
