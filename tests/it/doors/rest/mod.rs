//! REST over real sockets.

mod bad;
mod calls;
mod documents;
mod files;
mod forms;
mod pages;
