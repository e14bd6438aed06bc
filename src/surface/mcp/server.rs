//! What all connections of the door share.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{ErrorData, Implementation, ServerCapabilities, ServerConfig};
use tokio_util::sync::CancellationToken;

use super::Options;
use super::cards::ToolCards;
use super::fault;
use super::listing::Lists;
use super::places::Places;
use super::prompts::BuiltIn;
use super::view::{Shown, Visit};
use crate::capability::gate::Gate;
use crate::capability::platform::Platform;
use crate::capability::source::{PromptSource, PromptSources, ResourceSource, Sources, Visitor};
use crate::kernel::fault::Fault;
use crate::kernel::id::{CallId, Id};

const INSTRUCTIONS: &str = "Find a tool for a need with tool_search, read its input with tool_describe, then call it with \
tool_read (reads only) or tool_call. Faults name the place in the input and how to mend it.";

/// What all connections share.
pub(super) struct Server {
    pub(super) gate: Arc<Gate>,
    pub(super) info: ServerConfig,
    pub(super) lists: Lists,
    pub(super) resources: Vec<Arc<dyn ResourceSource>>,
    pub(super) prompts: Vec<Arc<dyn PromptSource>>,
    pub(super) usual: Shown,
    pub(super) read_only: bool,
    pub(super) page: usize,
    /// Streams of notices that are open.
    pub(super) streams: Places,
    pub(super) stop: CancellationToken,
    pub(super) cut: CancellationToken,
}

impl Server {
    /// A door before a gate.
    ///
    /// # Errors
    /// `bad_input` when the configured toolsets name one that does not exist.
    pub(super) fn new(gate: Arc<Gate>, options: Options) -> Result<Arc<Self>, Fault> {
        let mcp = &gate.platform().config.mcp;
        let usual = Shown::parse(options.toolsets.as_ref().unwrap_or(&mcp.toolsets).iter().map(String::as_str))?;
        let read_only = options.read_only || mcp.read_only;
        let streams = Places::shared(mcp.stream_cap);
        let mut resources: Vec<Arc<dyn ResourceSource>> = vec![Arc::new(ToolCards)];
        // A program that was put together without domains' sources has none.
        resources.extend(gate.platform().service::<Sources>().into_iter().flat_map(|sources| sources.0.clone()));
        resources.extend(options.resources);
        let mut prompts: Vec<Arc<dyn PromptSource>> = vec![Arc::new(BuiltIn)];
        prompts.extend(gate.platform().service::<PromptSources>().into_iter().flat_map(|sources| sources.0.clone()));
        prompts.extend(options.prompts);
        let lists = Lists::default();
        lists.list_in(&gate.platform().caches);
        Ok(Arc::new(Self {
            gate,
            info: info(),
            lists,
            resources,
            prompts,
            usual,
            read_only,
            page: options.page.max(1),
            streams,
            stop: options.stop,
            cut: options.cut,
        }))
    }

    pub(super) fn platform(&self) -> &Arc<Platform> {
        self.gate.platform()
    }

    pub(super) fn new_id(&self) -> CallId {
        Id::new(self.platform().clock.now())
    }

    /// How long clients may keep lists.
    pub(super) fn ttl(&self) -> u64 {
        Duration::from_secs(self.platform().config.mcp.list_ttl_seconds).as_millis().try_into().unwrap_or(u64::MAX)
    }

    pub(super) fn visitor(&self, visit: &Visit, cancel: &CancellationToken) -> Visitor {
        Visitor { gate: self.gate.clone(), caller: visit.caller.clone(), origin: visit.origin, cancel: cancel.clone() }
    }

    /// The protocol error of a fault of a source, written to the log where it is the program's.
    pub(super) fn refuse(&self, fault: &Fault) -> ErrorData {
        let id = self.new_id();
        if fault.code().status >= 500 {
            tracing::error!(request_id = %id, code = fault.code().name, fault = ?fault, "a source failed");
        }
        fault::error(fault, id)
    }
}

#[expect(deprecated, reason = "clients of the older revisions set a log level")]
fn info() -> ServerConfig {
    let capabilities = ServerCapabilities::builder()
        .enable_logging()
        .enable_completions()
        .enable_prompts()
        .enable_prompts_list_changed()
        .enable_resources()
        .enable_resources_list_changed()
        .enable_resources_subscribe()
        .enable_tools()
        .enable_tool_list_changed()
        .enable_tasks()
        .build();
    ServerConfig::new(capabilities)
        .with_server_info(Implementation::new("convoke", env!("CARGO_PKG_VERSION")).with_title("Convoke"))
        .with_instructions(INSTRUCTIONS)
}
