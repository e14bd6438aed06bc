//! The models of vendors: which there are, what they can do and what they cost.
//!
//! Other domains may use: nothing yet.

pub mod catalogue;
pub mod sampling;
