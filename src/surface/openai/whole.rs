//! A whole answer as OpenAI's clients read it.

use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};

use super::parts;
use crate::kernel::fault::Fault;
use crate::port::models::{Part, Tokens};
use crate::surface::talking::answers::Whole;
use crate::surface::talking::prose::arguments_text;
use crate::surface::talking::visit::{Visit, json};

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: String,
    choices: [Choice<'a>; 1],
    usage: Usage,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: Message,
    finish_reason: &'a str,
    logprobs: Option<()>,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: Option<String>,
    refusal: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
}

#[derive(Serialize)]
struct ToolCall {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function,
    #[serde(flatten)]
    own: Map<String, Value>,
}

#[derive(Serialize)]
struct Function {
    name: String,
    arguments: String,
}

/// What was used, in the vendor's words.
#[derive(Serialize)]
pub(super) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: Read,
    completion_tokens_details: Written,
}

#[derive(Serialize)]
struct Read {
    cached_tokens: u64,
    #[serde(skip_serializing_if = "is_none")]
    cache_write_tokens: u64,
}

#[derive(Serialize)]
struct Written {
    reasoning_tokens: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Usage {
    pub(super) fn of(tokens: Tokens) -> Self {
        Self {
            prompt_tokens: tokens.input,
            completion_tokens: tokens.output,
            total_tokens: tokens.input.saturating_add(tokens.output),
            prompt_tokens_details: Read { cached_tokens: tokens.cached, cache_write_tokens: tokens.cache_written },
            completion_tokens_details: Written { reasoning_tokens: tokens.reasoning },
        }
    }
}

/// Why it stopped, in the vendor's words; another vendor's own word stays as it is.
pub(super) fn reason(stop: &str) -> &str {
    match stop {
        "end" | "stop_text" => "stop",
        "refused" => "content_filter",
        other => other,
    }
}

/// The answer.
pub(super) fn answer(visit: &Visit, value: Value) -> Result<Response, Fault> {
    let whole = Whole::read(value)?;
    let mut said = whole.parts;
    let (reasoning_content, reasoning_details) = parts::reasoning(&mut said);
    let (mut content, mut tool_calls) = (None::<String>, Vec::new());
    for part in said {
        match part {
            Part::Text { text } => match &mut content {
                Some(content) => content.push_str(&text),
                None => content = Some(text),
            },
            Part::ToolCall { id, name, arguments, opaque } => tool_calls.push(ToolCall {
                id,
                kind: "function",
                function: Function { name, arguments: arguments_text(arguments) },
                own: parts::of_call(opaque),
            }),
            Part::Image { .. } | Part::ToolResult { .. } | Part::Reasoning { .. } => {
                return Err(Fault::internal("an answer holds a part that no model writes"));
            }
        }
    }
    if tool_calls.is_empty() {
        content.get_or_insert_default();
    }
    let message =
        Message { role: "assistant", content, refusal: None, reasoning_content, reasoning_details, tool_calls };
    json(&Completion {
        id: &format!("chatcmpl-{}", visit.id),
        object: "chat.completion",
        created: visit.seconds(),
        model: whole.model,
        choices: [Choice { index: 0, message, finish_reason: reason(&whole.stop), logprobs: None }],
        usage: Usage::of(whole.tokens),
    })
}
