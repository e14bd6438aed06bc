//! Rule sets compiled and evaluated: what they read, in which order, which rules fire.

pub mod compiling;
pub mod looking;
pub mod prepared;
pub mod proving;
pub mod running;
pub mod tables;
