//! REST over real sockets.

mod bad;
mod calls;
mod documents;
mod forms;
mod pages;
