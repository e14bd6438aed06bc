//! The two eras of the protocol, and what a client says that it can do in each.

use rmcp::RoleServer;
use rmcp::model::{ClientCapabilities, ProtocolVersion, RequestMetaObject};
use rmcp::service::RequestContext;
use serde_json::Value;

use crate::capability::client::Abilities;

pub(super) const TASKS: &str = "io.modelcontextprotocol/tasks";
pub(super) const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// An era of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    /// Revisions with `initialize`: the server may ask while a call runs.
    Legacy,
    /// From 2026-07-28 on: each request stands by itself.
    Modern,
}

/// What a client can do.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Declared {
    pub(super) abilities: Abilities,
    pub(super) tasks: bool,
}

pub(super) fn era_of(version: Option<&ProtocolVersion>) -> Era {
    match version {
        Some(version) if *version >= ProtocolVersion::V_2026_07_28 => Era::Modern,
        Some(_) | None => Era::Legacy,
    }
}

impl Era {
    pub(super) fn of(context: &RequestContext<RoleServer>) -> Self {
        era_of(context.protocol_version().as_ref())
    }
}

impl Declared {
    /// What the client of a request declared: with the request, or in the handshake.
    pub(super) fn of(context: &RequestContext<RoleServer>) -> Self {
        match Self::of_meta(&context.meta) {
            Some(declared) => declared,
            None => context.peer.peer_info().map(|info| Self::of_handshake(&info.capabilities)).unwrap_or_default(),
        }
    }

    fn of_meta(meta: &RequestMetaObject) -> Option<Self> {
        meta.0.0.get(CAPABILITIES).map(Self::of_json)
    }

    /// Read from JSON: most requests need nothing of it, and a typed copy costs more than the call.
    pub(super) fn of_json(capabilities: &Value) -> Self {
        let has = |name: &str| capabilities.get(name).is_some_and(Value::is_object);
        let form = capabilities.get("elicitation").and_then(Value::as_object);
        Self {
            abilities: Abilities {
                // An empty object means forms.
                form: form.is_some_and(|modes| modes.is_empty() || modes.contains_key("form")),
                url: form.is_some_and(|modes| modes.contains_key("url")),
                sample: has("sampling"),
                roots: has("roots"),
            },
            tasks: capabilities.get("extensions").and_then(|all| all.get(TASKS)).is_some_and(Value::is_object),
        }
    }

    fn of_handshake(capabilities: &ClientCapabilities) -> Self {
        serde_json::to_value(capabilities).map(|json| Self::of_json(&json)).unwrap_or_default()
    }
}
