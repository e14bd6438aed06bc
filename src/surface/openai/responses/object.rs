//! The response as an object: what was asked, told again, around what was answered.

use serde_json::{Map, Value, json};

use crate::kernel::id::CallId;
use crate::port::models::Tokens;

/// What of a response is known before it is answered.
pub(super) struct Frame {
    fields: Map<String, Value>,
}

impl Frame {
    /// Around what was asked.
    pub(super) fn of(told: Map<String, Value>) -> Self {
        let usual = json!({
            "object": "response",
            "error": null,
            "incomplete_details": null,
            "instructions": null,
            "metadata": {},
            "parallel_tool_calls": true,
            "previous_response_id": null,
            "store": false,
            "temperature": null,
            "text": { "format": { "type": "text" } },
            "tool_choice": "auto",
            "tools": [],
            "top_p": null,
            "truncation": "disabled",
        });
        let mut fields = match usual {
            Value::Object(usual) => usual,
            _ => Map::new(),
        };
        fields.extend(told);
        Self { fields }
    }

    /// Gives it its name.
    pub(super) fn begin(&mut self, id: CallId, seconds: i64) {
        self.fields.insert("id".to_owned(), format!("resp_{id}").into());
        self.fields.insert("created_at".to_owned(), seconds.into());
    }

    fn with<const N: usize>(&self, more: [(&str, Value); N]) -> Value {
        let mut fields = self.fields.clone();
        fields.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        Value::Object(fields)
    }

    /// The response as it begins.
    pub(super) fn running(&self, model: &str) -> Value {
        let (output, usage) = (json!([]), Value::Null);
        self.with([("status", "in_progress".into()), ("model", model.into()), ("output", output), ("usage", usage)])
    }

    /// The response when all of it is there.
    pub(super) fn ended(&self, model: &str, output: Vec<Value>, stop: &str, tokens: Tokens) -> Value {
        let why = match stop {
            "length" => Some("max_output_tokens"),
            "refused" => Some("content_filter"),
            _ => None,
        };
        let status = if why.is_some() { "incomplete" } else { "completed" };
        self.with([
            ("status", status.into()),
            ("incomplete_details", why.map_or(Value::Null, |why| json!({ "reason": why }))),
            ("model", model.into()),
            ("output", Value::Array(output)),
            ("usage", usage(tokens)),
        ])
    }
}

fn usage(tokens: Tokens) -> Value {
    json!({
        "input_tokens": tokens.input,
        "input_tokens_details": { "cached_tokens": tokens.cached, "cache_write_tokens": tokens.cache_written },
        "output_tokens": tokens.output,
        "output_tokens_details": { "reasoning_tokens": tokens.reasoning },
        "total_tokens": tokens.input.saturating_add(tokens.output),
    })
}
