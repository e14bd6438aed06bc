//! Answers of Cohere.

use serde::Deserialize;
use serde_json::{Value, json};

use super::NAME;
use crate::adapter::llm::language::{arguments, count, opaque, unreadable};
use crate::port::models::{Completion, Embedding, Endpoint, ModelFault, ModelFaultKind, Part, Reranking, Stop, Tokens};

/// A whole answer. The vendor does not say which model answered.
pub(super) fn completion(endpoint: &Endpoint, body: &Value) -> Result<Completion, ModelFault> {
    let message = body.get("message").filter(|message| message.is_object());
    let message = message.ok_or_else(|| unreadable("it has no message"))?;
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut parts = Vec::new();
    let plan = text(message, "tool_plan");
    if !plan.is_empty() {
        parts.push(Part::Reasoning { text: plan, opaque: Some(self::plan()) });
    }
    for block in message.get("content").and_then(Value::as_array).into_iter().flatten() {
        match block.get("type").and_then(Value::as_str) {
            Some("thinking") => parts.push(Part::Reasoning { text: text(block, "thinking"), opaque: Some(thinking()) }),
            _ => parts.push(Part::Text { text: text(block, "text") }),
        }
    }
    for call in message.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let (id, function) = (text(call, "id"), call.get("function").unwrap_or(&Value::Null));
        let name = text(function, "name");
        if id.is_empty() || name.is_empty() {
            return Err(unreadable("a tool call has no id or no name"));
        }
        parts.push(Part::ToolCall { id, name, arguments: arguments(&text(function, "arguments")), opaque: None });
    }
    let reason = body.get("finish_reason").and_then(Value::as_str).unwrap_or_default();
    Ok(Completion {
        model: endpoint.model.to_string(),
        id: body.get("id").and_then(Value::as_str).map(str::to_owned),
        parts,
        stop: stop(reason, None)?,
        tokens: body.get("usage").and_then(tokens),
    })
}

/// Marks what the model wrote of what it would do with tools.
pub(super) fn plan() -> Value {
    opaque(NAME, json!("plan"))
}

/// Marks thoughts.
pub(super) fn thinking() -> Value {
    opaque(NAME, json!("thinking"))
}

/// Why it stopped. An error at the end of an answer is no end of it.
pub(super) fn stop(reason: &str, error: Option<&str>) -> Result<Stop, ModelFault> {
    Ok(match reason {
        "COMPLETE" | "" => Stop::End,
        "MAX_TOKENS" => Stop::Length,
        "STOP_SEQUENCE" => Stop::StopText,
        "TOOL_CALL" => Stop::ToolCalls,
        "ERROR_TOXIC" => Stop::Refused,
        "ERROR_LIMIT" => {
            return Err(ModelFault::new(ModelFaultKind::TooLong, error.unwrap_or("the input is too long")));
        }
        "ERROR" => {
            return Err(ModelFault::new(
                ModelFaultKind::Unavailable,
                error.unwrap_or("the model stopped with an error"),
            ));
        }
        "TIMEOUT" => return Err(ModelFault::new(ModelFaultKind::Unavailable, "the vendor's own time ran out")),
        other => Stop::Other(other.to_owned()),
    })
}

/// The vendor's count. What it bills is what counts: the other figure holds what it puts around a prompt by itself.
pub(super) fn tokens(usage: &Value) -> Option<Tokens> {
    let counted = ["billed_units", "tokens"].into_iter().filter_map(|name| usage.get(name));
    let counted = counted.into_iter().find(|counts| counts.get("input_tokens").is_some_and(Value::is_number))?;
    let input = count(counted.get("input_tokens"));
    Some(Tokens {
        input,
        cached: count(usage.get("cached_tokens")).min(input),
        output: count(counted.get("output_tokens")),
        ..Tokens::default()
    })
}

#[derive(Deserialize)]
struct Vectors {
    embeddings: ByType,
    meta: Option<Value>,
}

#[derive(Deserialize)]
struct ByType {
    float: Vec<Vec<f32>>,
}

/// Vectors, in the order of the texts.
pub(super) fn embedding(endpoint: &Endpoint, body: Value) -> Result<Embedding, ModelFault> {
    let read: Vectors = serde_json::from_value(body).map_err(unreadable)?;
    Ok(Embedding {
        model: endpoint.model.to_string(),
        vectors: read.embeddings.float,
        tokens: read.meta.as_ref().and_then(tokens),
    })
}

#[derive(Deserialize)]
struct Order {
    results: Vec<Ordered>,
    meta: Option<Value>,
}

#[derive(Deserialize)]
struct Ordered {
    index: usize,
    relevance_score: f64,
}

/// An order of texts, the best first.
pub(super) fn order(endpoint: &Endpoint, body: Value) -> Result<Reranking, ModelFault> {
    let read: Order = serde_json::from_value(body).map_err(unreadable)?;
    let units = read.meta.as_ref().and_then(|meta| meta.pointer("/billed_units/search_units"));
    let mut order: Vec<(usize, f64)> = read.results.iter().map(|one| (one.index, one.relevance_score)).collect();
    order.sort_by(|one, other| other.1.total_cmp(&one.1));
    let searches = units.filter(|units| units.is_number()).map(|units| count(Some(units)));
    Ok(Reranking { model: endpoint.model.to_string(), order, searches })
}
