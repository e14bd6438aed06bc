//! Answers of Anthropic.

use serde_json::{Value, json};

use super::NAME;
use crate::adapter::llm::language::{count, opaque, unreadable};
use crate::port::models::{Completion, Endpoint, ModelFault, Part, Stop, Tokens};

/// A whole answer.
pub(super) fn completion(endpoint: &Endpoint, mut body: Value) -> Result<Completion, ModelFault> {
    let Some(Value::Array(blocks)) = body.get_mut("content").map(Value::take) else {
        return Err(unreadable("it has no content"));
    };
    let parts = blocks.into_iter().map(part).collect::<Result<_, _>>()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let mut counts = Counts::default();
    counts.take(body.get("usage"));
    Ok(Completion {
        model: text("model").map_or_else(|| endpoint.model.to_string(), str::to_owned),
        id: text("id").map(str::to_owned),
        parts,
        stop: stop(text("stop_reason").unwrap_or_default()),
        tokens: counts.tokens(),
    })
}

/// A part of a block. One of a kind that is not known here goes back to the vendor as it came.
pub(super) fn part(mut block: Value) -> Result<Part, ModelFault> {
    let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text("type");
    Ok(match kind.as_str() {
        "text" => Part::Text { text: text("text") },
        "thinking" => Part::Reasoning { text: text("thinking"), opaque: Some(signature(&text("signature"))) },
        "redacted_thinking" => Part::Reasoning { text: String::new(), opaque: Some(redacted(&text("data"))) },
        "tool_use" => {
            let (id, name) = (text("id"), text("name"));
            if id.is_empty() || name.is_empty() {
                return Err(unreadable("a tool call has no id or no name"));
            }
            let arguments = block.get_mut("input").map_or_else(|| json!({}), Value::take);
            Part::ToolCall { id, name, arguments, opaque: None }
        }
        _ => Part::Reasoning { text: String::new(), opaque: Some(unknown(block)) },
    })
}

/// The mark under signed thoughts.
pub(super) fn signature(signature: &str) -> Value {
    opaque(NAME, json!({"signature": signature}))
}

/// Thoughts in cipher.
pub(super) fn redacted(data: &str) -> Value {
    opaque(NAME, json!({"redacted": data}))
}

/// A block of a kind that is not known here.
pub(super) fn unknown(block: Value) -> Value {
    opaque(NAME, opaque("block", block))
}

/// Why it stopped.
pub(super) fn stop(reason: &str) -> Stop {
    match reason {
        "end_turn" | "" => Stop::End,
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "stop_sequence" => Stop::StopText,
        "tool_use" => Stop::ToolCalls,
        "refusal" => Stop::Refused,
        other => Stop::Other(other.to_owned()),
    }
}

/// The vendor's count. It is told in the first event of a stream and told again, grown, in the last: each number that comes takes
/// the place of the one before and is never added to it.
#[derive(Debug, Default)]
pub(super) struct Counts {
    plain: Option<u64>,
    cached: Option<u64>,
    written: Option<u64>,
    output: Option<u64>,
    thoughts: Option<u64>,
}

impl Counts {
    pub(super) fn take(&mut self, usage: Option<&Value>) {
        let Some(usage) = usage else { return };
        for (place, told) in [
            ("/input_tokens", &mut self.plain),
            ("/cache_read_input_tokens", &mut self.cached),
            ("/cache_creation_input_tokens", &mut self.written),
            ("/output_tokens", &mut self.output),
            ("/output_tokens_details/thinking_tokens", &mut self.thoughts),
        ] {
            let now = usage.pointer(place).filter(|value| value.is_number());
            *told = now.map(|value| count(Some(value))).or(*told);
        }
    }

    /// The vendor counts what it had read before beside what it reads; here it is a part of it.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        if self.plain.is_none() && self.output.is_none() {
            return None;
        }
        let of = Option::unwrap_or_default;
        let (cached, cache_written, output) = (of(self.cached), of(self.written), of(self.output));
        Some(Tokens {
            input: of(self.plain) + cached + cache_written,
            cached,
            cache_written,
            output,
            reasoning: of(self.thoughts).min(output),
            searches: 0,
        })
    }
}
