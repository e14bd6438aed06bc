//! The configuration: one section a file. The complete commented defaults are `config/convoke.toml`, compiled in; what a
//! value is and where it came from is known for each.

mod address;
pub mod audit;
pub mod backup;
pub mod calendars;
pub mod check;
pub mod credential;
pub mod embeddings;
pub mod events;
pub mod graph;
pub mod limits;
pub mod load;
pub mod logging;
pub mod mask;
pub mod mcp;
pub mod models;
pub mod nats;
pub mod objects;
pub mod origins;
pub mod outside;
pub mod place;
pub mod retrieval;
pub mod schedules;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod vault;
pub mod vectors;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How the server listens.
    pub server: server::Server,
    /// How much callers may do.
    pub limits: limits::Limits,
    /// What MCP clients are shown.
    pub mcp: mcp::Mcp,
    /// Where and how long data is kept.
    pub store: store::Store,
    /// How object stores are reached.
    pub objects: objects::Objects,
    /// What the program connects to for others.
    pub outside: outside::Outside,
    /// Where the master key of the vault comes from.
    pub vault: vault::Vault,
    /// How models are asked.
    pub models: models::Models,
    /// How memories and documents are found by what they say.
    pub retrieval: retrieval::Retrieval,
    /// What makes vectors of texts.
    pub embeddings: embeddings::Embeddings,
    /// Where the index of vectors is.
    pub vectors: vectors::Vectors,
    /// How events are delivered.
    pub events: events::Events,
    /// The NATS servers that carry events, where `events.bus` is `nats`.
    pub nats: nats::Nats,
    /// What the knowledge graph is asked of.
    pub graph: graph::Graph,
    /// How schedules are carried out.
    pub schedules: schedules::Schedules,
    /// Business calendars by name.
    pub calendars: calendars::Calendars,
    /// What is logged.
    pub logging: logging::Logging,
    /// Where traces and metrics are sent.
    pub telemetry: telemetry::Telemetry,
    /// How backups are made.
    pub backup: backup::Backup,
    /// How the audit log is proved.
    pub audit: audit::Audit,
}
