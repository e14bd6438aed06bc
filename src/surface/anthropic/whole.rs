//! A whole answer as Anthropic's clients read it.

use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::blocks;
use crate::kernel::fault::Fault;
use crate::port::models::Tokens;
use crate::surface::talking::answers::Whole;
use crate::surface::talking::visit::{Visit, json};

/// A message, whole or as it begins.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    pub(super) id: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) role: &'static str,
    pub(super) model: &'a str,
    pub(super) content: Vec<Value>,
    pub(super) stop_reason: Option<&'a str>,
    pub(super) stop_sequence: Option<&'a str>,
    pub(super) usage: Usage,
}

/// What was used, in the vendor's words: it counts what was kept beside what was read anew.
#[derive(Default, Serialize)]
pub(super) struct Usage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
    output_tokens_details: Written,
}

#[derive(Default, Serialize)]
struct Written {
    thinking_tokens: u64,
}

impl Usage {
    pub(super) fn of(tokens: Tokens) -> Self {
        Self {
            input_tokens: tokens.input.saturating_sub(tokens.cached).saturating_sub(tokens.cache_written),
            cache_creation_input_tokens: tokens.cache_written,
            cache_read_input_tokens: tokens.cached,
            output_tokens: tokens.output,
            output_tokens_details: Written { thinking_tokens: tokens.reasoning },
        }
    }
}

/// Why it stopped, in the vendor's words; another vendor's own word stays as it is.
pub(super) fn reason(stop: &str) -> &str {
    match stop {
        "end" => "end_turn",
        "length" => "max_tokens",
        "tool_calls" => "tool_use",
        "stop_text" => "stop_sequence",
        "refused" => "refusal",
        other => other,
    }
}

/// The answer.
pub(super) fn answer(visit: &Visit, value: Value) -> Result<Response, Fault> {
    let whole = Whole::read(value)?;
    json(&Message {
        id: &format!("msg_{}", visit.id),
        kind: "message",
        role: "assistant",
        model: &whole.model,
        content: blocks::written(whole.parts)?,
        stop_reason: Some(reason(&whole.stop)),
        // Which text it was is not told by every vendor, and so by none here.
        stop_sequence: None,
        usage: Usage::of(whole.tokens),
    })
}
