//! The WebSocket door over real sockets.

mod channels;
mod client;
mod events;
mod fleet;
mod letting_in;
mod resuming;
mod told;
