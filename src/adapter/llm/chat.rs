//! What the dialects share that write messages as OpenAI's chat completions do.

use serde_json::{Map, Value, json};

use super::language::{inline_image, senseless};
use crate::port::models::{ModelFault, Part, ToolOffer};

/// A user's message, and before it one for each result of a tool.
pub(super) fn user(parts: &[Part], written: &mut Vec<Value>) -> Result<(), ModelFault> {
    let mut said = Vec::new();
    for part in parts {
        match part {
            Part::Text { text } => said.push(json!({"type": "text", "text": text})),
            Part::Image { url } => {
                inline_image(url)?;
                said.push(json!({"type": "image_url", "image_url": {"url": url}}));
            }
            Part::ToolResult { id, text, failed } => {
                // The dialect has no place that says so, and the model must know it.
                let text = if *failed { format!("Error: {text}") } else { text.clone() };
                written.push(json!({"role": "tool", "tool_call_id": id, "content": text}));
            }
            Part::ToolCall { .. } | Part::Reasoning { .. } => {
                return Err(senseless("a user neither calls tools nor thinks: that is the assistant's"));
            }
        }
    }
    if !said.is_empty() {
        written.push(json!({"role": "user", "content": content(said)}));
    }
    Ok(())
}

/// One text is a text, everything else a list of parts: not every server that speaks such a dialect takes a list of one.
pub(super) fn content(mut parts: Vec<Value>) -> Value {
    match parts.as_mut_slice() {
        [only] if only["type"] == "text" => only["text"].take(),
        _ => Value::Array(parts),
    }
}

/// A tool that may be called. `strict` is told where the vendor knows the word.
pub(super) fn tool(offer: &ToolOffer, strict: Option<bool>) -> Value {
    let mut function = Map::new();
    function.insert("name".to_owned(), json!(offer.name));
    if let Some(description) = &offer.description {
        function.insert("description".to_owned(), json!(description));
    }
    function.insert("parameters".to_owned(), offer.parameters.clone());
    if let Some(strict) = strict {
        function.insert("strict".to_owned(), json!(strict));
    }
    json!({"type": "function", "function": function})
}
