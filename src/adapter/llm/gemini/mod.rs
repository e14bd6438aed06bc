//! Google's `generateContent`.
//!
//! Options of a provider or model: `thinking = "budget"` for models that take a budget of thoughts and no level.

mod read;
mod stream;
mod write;

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::fault::{Refusal, kind_by_words};
use super::language::{Call, KeyHeader, Language, Reader};
use crate::port::models::{ChatRequest, Completion, EmbedRequest, Embedding, Endpoint, ModelFault, ModelFaultKind};

pub(super) const NAME: &str = "gemini";

/// The dialect.
pub(super) struct Gemini;

impl Language for Gemini {
    fn key(&self, _: &Endpoint) -> KeyHeader {
        // In a header, not in the address, where it would stand in logs.
        KeyHeader::Own("x-goog-api-key")
    }

    fn chat(&self, endpoint: &Endpoint, request: &ChatRequest, streams: bool) -> Result<Call, ModelFault> {
        let verb = if streams { "streamGenerateContent?alt=sse" } else { "generateContent" };
        Ok(Call { path: path(endpoint, verb), body: write::chat(endpoint, request)? })
    }

    fn answer(&self, endpoint: &Endpoint, body: Value) -> Result<Completion, ModelFault> {
        read::completion(endpoint, body)
    }

    fn reader(&self, endpoint: &Endpoint) -> Box<dyn Reader> {
        Box::new(stream::Candidates::new(endpoint))
    }

    fn embed(&self, endpoint: &Endpoint, request: &EmbedRequest) -> Result<Call, ModelFault> {
        Ok(Call { path: path(endpoint, "batchEmbedContents"), body: write::embed(endpoint, request) })
    }

    fn vectors(&self, endpoint: &Endpoint, body: Value) -> Result<Embedding, ModelFault> {
        read::embedding(endpoint, body)
    }

    fn refusal(&self, status: u16, body: &Value) -> Refusal {
        refusal(status, body)
    }
}

fn path(endpoint: &Endpoint, verb: &str) -> String {
    // Tuned models have a folder of their own before the name.
    let (folder, name) = endpoint.model.split_once('/').unwrap_or(("models", &endpoint.model));
    let encoded = |text: &str| {
        let text = utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        text.replace("%2D", "-").replace("%2E", ".").replace("%5F", "_")
    };
    format!("/{}/{}:{verb}", encoded(folder), encoded(name))
}

/// What a refusal says: `{"error": {"code", "message", "status", "details"}}`; in some streams a list of one.
fn refusal(status: u16, body: &Value) -> Refusal {
    let body = body.get(0).unwrap_or(body);
    let text = |place: &str| body.pointer(place).and_then(Value::as_str);
    let say = text("/error/message").map(str::to_owned);
    let details = || body.pointer("/error/details").and_then(Value::as_array).into_iter().flatten();
    let has_reason = |reason: &str| details().any(|detail| detail.get("reason").is_some_and(|told| told == reason));
    let kind = match text("/error/status").unwrap_or_default() {
        _ if has_reason("API_KEY_INVALID") => Some(ModelFaultKind::Credential),
        "UNAUTHENTICATED" | "PERMISSION_DENIED" => Some(ModelFaultKind::Credential),
        "NOT_FOUND" => Some(ModelFaultKind::UnknownModel),
        "RESOURCE_EXHAUSTED" => Some(ModelFaultKind::RateLimited),
        "UNAVAILABLE" | "INTERNAL" | "DEADLINE_EXCEEDED" => Some(ModelFaultKind::Unavailable),
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" if status < 400 => {
            Some(say.as_deref().and_then(kind_by_words).unwrap_or(ModelFaultKind::BadRequest))
        }
        _ => None,
    };
    let delay = details().find_map(|detail| detail.get("retryDelay")?.as_str()?.strip_suffix('s')?.parse().ok());
    let retry_after = delay.and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
    Refusal { kind, say, retry_after }
}
