//! REST over real sockets.

mod bad;
mod calls;
mod forms;
mod pages;
