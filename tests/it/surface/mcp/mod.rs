//! The MCP door: both eras, over HTTP, byte streams and the older HTTP+SSE transport.

mod asking;
mod calling;
mod changes;
mod drain;
mod http;
mod listing;
mod people;
mod pipe;
mod prompts;
mod resources;
mod sampling;
mod sessions;
mod sse;
mod stream;
mod tasks;
mod wire;
