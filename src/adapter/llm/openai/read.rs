//! Answers in the dialect of chat completions.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::adapter::llm::language::{arguments, count, opaque, unreadable};
use crate::adapter::llm::openai::NAME;
use crate::port::models::{Completion, Embedding, Endpoint, ModelFault, Part, Stop, Tokens};

/// Names under which servers tell thoughts. The first that is there counts: some tell them under two.
const THOUGHTS: [&str; 2] = ["reasoning_content", "reasoning"];

/// A whole answer.
pub(in crate::adapter::llm) fn completion(endpoint: &Endpoint, mut body: Value) -> Result<Completion, ModelFault> {
    let text = |body: &Value, name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let model = text(&body, "model").filter(|name| !name.is_empty()).unwrap_or_else(|| endpoint.model.to_string());
    let id = text(&body, "id").filter(|id| !id.is_empty());
    let tokens = body.get("usage").and_then(tokens);
    let choice = body.pointer_mut("/choices/0").map(Value::take).ok_or_else(|| unreadable("it has no choice"))?;
    let message = choice.get("message").ok_or_else(|| unreadable("its choice has no message"))?;
    let mut parts = Vec::new();
    let (thoughts, details) = thoughts(message);
    if !thoughts.is_empty() || details.is_some() {
        parts.push(Part::Reasoning { text: thoughts, opaque: details });
    }
    let said = said(message.get("content"), &mut parts);
    if !said.is_empty() {
        parts.push(Part::Text { text: said });
    }
    let refused = message.get("refusal").and_then(Value::as_str).unwrap_or_default();
    if !refused.is_empty() {
        parts.push(Part::Text { text: refused.to_owned() });
    }
    let mut calls = 0_usize;
    for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        parts.push(tool_call(call, calls)?);
        calls += 1;
    }
    let reason = choice.get("finish_reason").and_then(Value::as_str).unwrap_or_default();
    let stop = if refused.is_empty() { stop(reason, calls > 0) } else { Stop::Refused };
    Ok(Completion { model, id, parts, stop, tokens })
}

/// The thoughts of a message or of a piece of one, and what goes back of them unread.
pub(super) fn thoughts(message: &Value) -> (String, Option<Value>) {
    let text = THOUGHTS.iter().find_map(|name| message.get(*name).and_then(Value::as_str)).unwrap_or_default();
    let details =
        message.get("reasoning_details").filter(|details| details.as_array().is_some_and(|all| !all.is_empty()));
    (text.to_owned(), details.map(|details| opaque(NAME, json!({"reasoning_details": details}))))
}

/// What is said: a text, or as Mistral has it a list of texts and thoughts.
pub(super) fn said(content: Option<&Value>, parts: &mut Vec<Part>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(chunks)) => {
            let mut said = String::new();
            for chunk in chunks {
                if let Some(text) = chunk.get("text").and_then(Value::as_str) {
                    said.push_str(text);
                } else if let Some(thought) = chunk.get("thinking") {
                    let text = match thought {
                        Value::String(text) => text.clone(),
                        other => said_in(other),
                    };
                    parts.push(Part::Reasoning { text, opaque: None });
                }
            }
            said
        }
        _ => String::new(),
    }
}

fn said_in(chunks: &Value) -> String {
    let texts = chunks.as_array().into_iter().flatten();
    texts.filter_map(|chunk| chunk.get("text").and_then(Value::as_str)).collect()
}

fn tool_call(call: &Value, number: usize) -> Result<Part, ModelFault> {
    let function = call.get("function").ok_or_else(|| unreadable("it calls a tool that is no function"))?;
    let name = function.get("name").and_then(Value::as_str).ok_or_else(|| unreadable("a tool call has no name"))?;
    let id = call.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
    // Some servers give no id, and one is needed for the result.
    let id = id.map_or_else(|| format!("call_{number}"), str::to_owned);
    let arguments = match function.get("arguments") {
        Some(Value::String(text)) => arguments(text),
        Some(Value::Null) | None => Value::Object(Map::new()),
        // Some servers give them as they are.
        Some(other) => other.clone(),
    };
    Ok(Part::ToolCall { id, name: name.to_owned(), arguments, opaque: own_of_call(call) })
}

/// What of a tool call is not the dialect's own: it goes back with it, such as a signature of thoughts.
pub(super) fn own_of_call(call: &Value) -> Option<Value> {
    let known = |name: &str| matches!(name, "id" | "type" | "function" | "index");
    let rest: Map<String, Value> = call
        .as_object()?
        .iter()
        .filter(|(name, value)| !known(name) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    (!rest.is_empty()).then(|| opaque(NAME, Value::Object(rest)))
}

/// Why it stopped. Some servers say `stop` when they call tools.
pub(super) fn stop(reason: &str, calls_tools: bool) -> Stop {
    match reason {
        "tool_calls" | "function_call" => Stop::ToolCalls,
        "stop" | "" if calls_tools => Stop::ToolCalls,
        "stop" | "eos" | "" => Stop::End,
        "length" | "model_length" => Stop::Length,
        "content_filter" | "refusal" => Stop::Refused,
        other => Stop::Other(other.to_owned()),
    }
}

/// The vendor's count. Cached tokens are a part of those that were read, thoughts of those that were written; a server that counts
/// thoughts beside what was written shows it in the total.
pub(super) fn tokens(usage: &Value) -> Option<Tokens> {
    if !usage.is_object() || (usage.get("prompt_tokens").is_none() && usage.get("total_tokens").is_none()) {
        return None;
    }
    let of = |name: &str| count(usage.get(name));
    let within = |place: &str| count(usage.pointer(place));
    let (input, mut output) = (of("prompt_tokens"), of("completion_tokens"));
    let reasoning = within("/completion_tokens_details/reasoning_tokens");
    if reasoning > 0 && of("total_tokens") == input + output + reasoning {
        output += reasoning;
    }
    let cached = within("/prompt_tokens_details/cached_tokens").max(of("prompt_cache_hit_tokens"));
    Some(Tokens {
        input,
        cached: cached.min(input),
        cache_written: within("/prompt_tokens_details/cache_write_tokens").min(input - cached.min(input)),
        output,
        reasoning: reasoning.min(output),
        searches: 0,
    })
}

#[derive(Deserialize)]
struct Vectors {
    data: Vec<Vector>,
    model: Option<String>,
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct Vector {
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// Vectors, in the order of the texts.
pub(in crate::adapter::llm) fn embedding(endpoint: &Endpoint, body: Value) -> Result<Embedding, ModelFault> {
    let mut read: Vectors = serde_json::from_value(body).map_err(unreadable)?;
    read.data.sort_by_key(|vector| vector.index);
    Ok(Embedding {
        model: read.model.filter(|name| !name.is_empty()).unwrap_or_else(|| endpoint.model.to_string()),
        vectors: read.data.into_iter().map(|vector| vector.embedding).collect(),
        tokens: read.usage.as_ref().and_then(tokens),
    })
}
