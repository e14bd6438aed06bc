//! What lives as long as the program.

mod owner;
