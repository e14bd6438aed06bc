//! The MCP door: both eras of the protocol on one endpoint, over streamable HTTP, any pair of byte streams, and the older
//! HTTP+SSE transport. The protocol is rmcp's; what is shown and called comes from the registry, through the gate.

mod ask;
mod calling;
mod cards;
mod client;
mod completion;
mod door;
mod era;
mod fast;
mod fault;
pub mod http;
mod journal;
mod kept;
mod listing;
mod open;
mod paging;
mod places;
mod prompts;
mod resources;
mod server;
mod sessions;
mod sse;
mod standing;
pub mod stream;
mod subscriptions;
mod tasks;
mod view;
mod wire;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::capability::source::{PromptSource, ResourceSource};

/// How the door is set up.
#[derive(Clone)]
pub struct Options {
    /// Sources of resources besides the tools' cards.
    pub resources: Vec<Arc<dyn ResourceSource>>,
    /// Sources of prompts besides the built-in ones.
    pub prompts: Vec<Arc<dyn PromptSource>>,
    /// Toolsets shown where the client names none; `None` for the configured ones.
    pub toolsets: Option<Vec<String>>,
    /// Only tools that read, whatever is configured.
    pub read_only: bool,
    /// How many entries one page of a list holds.
    pub page: usize,
    /// Ends what waits for nothing in particular when the program is told to stop: listeners, streams of notices. What was
    /// asked is still answered.
    pub stop: CancellationToken,
    /// Ends everything that is left, once what ran has had its time.
    pub cut: CancellationToken,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            resources: Vec::new(),
            prompts: Vec::new(),
            toolsets: None,
            read_only: false,
            // Many clients read one page only, and would miss the tools behind it.
            page: 500,
            stop: CancellationToken::new(),
            cut: CancellationToken::new(),
        }
    }
}
