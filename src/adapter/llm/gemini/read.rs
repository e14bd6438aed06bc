//! Answers of Gemini.

use serde::Deserialize;
use serde_json::{Value, json};

use super::NAME;
use super::write::MADE_UP;
use crate::adapter::llm::language::{count, opaque, unreadable};
use crate::port::models::{Completion, Embedding, Endpoint, ModelFault, ModelFaultKind, Part, Stop, Tokens};

/// A whole answer.
pub(super) fn completion(endpoint: &Endpoint, mut body: Value) -> Result<Completion, ModelFault> {
    blocked(&body)?;
    let candidate = body.pointer_mut("/candidates/0").map(Value::take);
    let mut candidate = candidate.ok_or_else(|| unreadable("it has no candidate"))?;
    let mut parts = Vec::new();
    let mut calls = Calls::of(text(&body, "responseId"));
    if let Some(Value::Array(told)) = candidate.pointer_mut("/content/parts").map(Value::take) {
        for one in told {
            read(one, &mut calls, &mut parts)?;
        }
    }
    let reason = candidate.get("finishReason").and_then(Value::as_str).unwrap_or_default();
    Ok(Completion {
        model: text(&body, "modelVersion").unwrap_or_else(|| endpoint.model.to_string()),
        id: text(&body, "responseId"),
        stop: stop(reason, calls.count > 0),
        parts,
        tokens: body.get("usageMetadata").and_then(tokens),
    })
}

pub(super) fn text(body: &Value, name: &str) -> Option<String> {
    body.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// Where the filter refused the question, there is no answer at all.
pub(super) fn blocked(body: &Value) -> Result<(), ModelFault> {
    match body.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
        None | Some("BLOCKED_REASON_UNSPECIFIED") => Ok(()),
        Some(reason) => {
            Err(ModelFault::new(ModelFaultKind::Refused, format!("the vendor's filter refused the request: {reason}")))
        }
    }
}

/// The tool calls of an answer. The vendor mostly gives them no ids; those made up here are of the answer's own, so that they do not
/// meet again in a conversation.
#[derive(Debug, Default)]
pub(super) struct Calls {
    answer: String,
    /// How many there are.
    pub(super) count: u32,
}

impl Calls {
    pub(super) fn of(answer: Option<String>) -> Self {
        Self { answer: answer.unwrap_or_default(), count: 0 }
    }
}

/// Reads one part. A signature that stands with a text goes back as a part of its own, without one.
pub(super) fn read(mut told: Value, calls: &mut Calls, parts: &mut Vec<Part>) -> Result<(), ModelFault> {
    let signed = told.get("thoughtSignature").map(|one| opaque(NAME, json!({"thoughtSignature": one})));
    if let Some(call) = told.get_mut("functionCall").map(Value::take) {
        let name = text(&call, "name").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| unreadable("a tool call has no name"))?;
        let id = text(&call, "id")
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| format!("{MADE_UP}{}-{}", calls.answer, calls.count));
        calls.count += 1;
        let arguments = call.get("args").filter(|args| args.is_object()).cloned().unwrap_or_else(|| json!({}));
        parts.push(Part::ToolCall { id, name, arguments, opaque: signed });
        return Ok(());
    }
    match text(&told, "text") {
        Some(text) if told.get("thought") == Some(&Value::Bool(true)) => {
            parts.push(Part::Reasoning { text, opaque: signed });
        }
        Some(text) => {
            if !text.is_empty() {
                parts.push(Part::Text { text });
            }
            if signed.is_some() {
                parts.push(Part::Reasoning { text: String::new(), opaque: signed });
            }
        }
        // One of a kind that is not known here goes back to the vendor as it came.
        None => parts.push(Part::Reasoning { text: String::new(), opaque: Some(opaque(NAME, json!({"part": told}))) }),
    }
    Ok(())
}

/// Why it stopped.
pub(super) fn stop(reason: &str, calls_tools: bool) -> Stop {
    match reason {
        "STOP" | "" if calls_tools => Stop::ToolCalls,
        "STOP" | "" => Stop::End,
        "MAX_TOKENS" => Stop::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Stop::Refused,
        other => Stop::Other(other.to_owned()),
    }
}

/// The vendor's count. Thoughts are counted beside what was written, and what tools of the vendor's own read beside the request.
pub(super) fn tokens(usage: &Value) -> Option<Tokens> {
    usage.get("promptTokenCount").or_else(|| usage.get("totalTokenCount"))?;
    let of = |name: &str| count(usage.get(name));
    let input = of("promptTokenCount") + of("toolUsePromptTokenCount");
    let reasoning = of("thoughtsTokenCount");
    Some(Tokens {
        input,
        cached: of("cachedContentTokenCount").min(input),
        cache_written: 0,
        output: of("candidatesTokenCount") + reasoning,
        reasoning,
        searches: 0,
    })
}

#[derive(Deserialize)]
struct Vectors {
    embeddings: Vec<Vector>,
    #[serde(rename = "usageMetadata")]
    usage: Option<Value>,
}

#[derive(Deserialize)]
struct Vector {
    values: Vec<f32>,
}

/// Vectors, in the order of the texts.
pub(super) fn embedding(endpoint: &Endpoint, body: Value) -> Result<Embedding, ModelFault> {
    let read: Vectors = serde_json::from_value(body).map_err(unreadable)?;
    Ok(Embedding {
        model: endpoint.model.to_string(),
        vectors: read.embeddings.into_iter().map(|vector| vector.values).collect(),
        tokens: read.usage.as_ref().and_then(tokens),
    })
}
