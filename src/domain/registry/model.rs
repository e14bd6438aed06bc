//! How the registry's capabilities tell of a tool.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::cx::Cx;
use crate::capability::registry::{Snapshot, may_call};
use crate::capability::tool::{Alternative, Example, Tool};
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// Which tool, and its input.
#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "the gate reads it and runs the named tool instead")]
pub(crate) struct Forwarding {
    /// The tool's name.
    #[schemars(length(min = 1, max = 64))]
    name: String,
    /// The tool's input.
    #[serde(default)]
    input: Map<String, Value>,
}

/// What the tool answered.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Forwarded {
    /// The tool that ran.
    tool: String,
    /// Its output.
    result: Value,
    /// Figures of the call.
    metrics: Metrics,
}

/// Figures of a call.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metrics {
    /// How long it took, in milliseconds.
    duration_ms: u64,
}

/// A tool in a few words.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// Its name, as `tool_describe`, `tool_read` and `tool_call` take it.
    pub name: String,
    /// What it does and when to choose it.
    pub description: String,
    /// Its domain.
    pub domain: String,
    /// `read`, `create`, `change` or `remove`. A tool that reads can be called by `tool_read`.
    pub effect: String,
    /// The input fields that it must have.
    pub required: Vec<String>,
    /// How well it fits; larger is better and only comparable within one answer.
    pub score: f32,
}

/// A tool in full.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Details {
    /// Its name.
    pub name: String,
    /// Its name in words.
    pub title: String,
    /// What it does and when to choose it.
    pub description: String,
    /// Its domain.
    pub domain: String,
    /// `read`, `create`, `change` or `remove`.
    pub effect: String,
    /// The permission that it needs: `resource:action`, `own` for what concerns only the caller, `public`.
    pub permission: String,
    /// Whether it touches something outside.
    pub reaches_outside: bool,
    /// Whether it costs money.
    pub spends: bool,
    /// Its REST routes under /api/v1; the first is the main one.
    pub routes: Vec<String>,
    /// The JSON Schema of its input.
    pub input_schema: Map<String, Value>,
    /// The JSON Schema of its output.
    pub output_schema: Map<String, Value>,
    /// When not to use it, and what to use instead; only tools that you may call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub avoid: Vec<Alternative>,
    /// Worked examples.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
}

impl Summary {
    pub(super) fn of(tool: &Tool, score: f32) -> Self {
        let required = tool.input().get("required").and_then(Value::as_array);
        let names = required.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned));
        Self {
            name: tool.name.to_string(),
            description: tool.description.clone(),
            domain: tool.domain.name().to_owned(),
            effect: tool.effect.name().to_owned(),
            required: names.collect(),
            score,
        }
    }
}

impl Details {
    pub(super) fn of(tool: &Tool, avoid: Vec<Alternative>) -> Self {
        Self {
            name: tool.name.to_string(),
            title: tool.title.clone(),
            description: tool.description.clone(),
            domain: tool.domain.name().to_owned(),
            effect: tool.effect.name().to_owned(),
            permission: tool.permit.to_string(),
            reaches_outside: tool.reaches,
            spends: tool.spends,
            routes: tool.routes.iter().map(|route| format!("{} {}", route.verb.name(), route.path)).collect(),
            input_schema: (**tool.input()).clone(),
            output_schema: (**tool.output()).clone(),
            avoid,
            examples: tool.card.examples.clone(),
        }
    }
}

/// The tool of a name, if the caller may call it; to others it does not exist.
pub(super) fn visible<'a>(cx: &Cx, snapshot: &'a Snapshot, name: &str) -> Result<&'a Tool, Fault> {
    snapshot
        .find(cx.tenant(), name)
        .filter(|tool| may_call(cx.caller(), tool))
        .map(|tool| &**tool)
        .ok_or_else(|| Fault::new(&codes::UNKNOWN_TOOL, format!("there is no tool '{name}' that you may call")))
}
