//! Anthropic's Messages.
//!
//! Options of a provider or model: `version` of the interface; `max_tokens`, since the dialect wants a number in every request, where
//! the request names none (4096); `thinking = "budget"` for models that take a budget of thoughts and no effort, `"effort"` for
//! those that take an effort alone.

mod read;
mod stream;
mod write;

use serde_json::Value;

use super::fault::{Refusal, kind_by_words};
use super::language::{Call, KeyHeader, Language, Reader, lacks, option};
use crate::port::models::{ChatRequest, Completion, EmbedRequest, Embedding, Endpoint, ModelFault, ModelFaultKind};

pub(super) const NAME: &str = "anthropic";

/// The version of the interface.
const VERSION: &str = "2023-06-01";

/// The dialect.
pub(super) struct Anthropic;

impl Language for Anthropic {
    fn key(&self, _: &Endpoint) -> KeyHeader {
        KeyHeader::Own("x-api-key")
    }

    fn headers(&self, endpoint: &Endpoint) -> Vec<(&'static str, String)> {
        vec![("anthropic-version", option(endpoint, "version").unwrap_or(VERSION).to_owned())]
    }

    fn chat(&self, endpoint: &Endpoint, request: &ChatRequest, streams: bool) -> Result<Call, ModelFault> {
        Ok(Call { path: "/messages".to_owned(), body: write::chat(endpoint, request, streams)? })
    }

    fn answer(&self, endpoint: &Endpoint, body: Value) -> Result<Completion, ModelFault> {
        read::completion(endpoint, body)
    }

    fn reader(&self, endpoint: &Endpoint) -> Box<dyn Reader> {
        Box::new(stream::Blocks::new(endpoint))
    }

    fn embed(&self, _: &Endpoint, _: &EmbedRequest) -> Result<Call, ModelFault> {
        Err(lacks(NAME, "embeddings"))
    }

    fn vectors(&self, _: &Endpoint, _: Value) -> Result<Embedding, ModelFault> {
        Err(lacks(NAME, "embeddings"))
    }

    fn refusal(&self, status: u16, body: &Value) -> Refusal {
        refusal(status, body)
    }
}

/// What a refusal says: `{"type": "error", "error": {"type", "message"}}`.
fn refusal(status: u16, body: &Value) -> Refusal {
    let text = |place: &str| body.pointer(place).and_then(Value::as_str);
    let say = text("/error/message").map(str::to_owned);
    let kind = match text("/error/type").unwrap_or_default() {
        "authentication_error" | "permission_error" => Some(ModelFaultKind::Credential),
        "not_found_error" => Some(ModelFaultKind::UnknownModel),
        "request_too_large" => Some(ModelFaultKind::TooLong),
        "rate_limit_error" | "billing_error" => Some(ModelFaultKind::RateLimited),
        "overloaded_error" | "api_error" | "timeout_error" => Some(ModelFaultKind::Unavailable),
        // What is wrong with it the words say; a status does it elsewhere.
        "invalid_request_error" if status < 400 => {
            Some(say.as_deref().and_then(kind_by_words).unwrap_or(ModelFaultKind::BadRequest))
        }
        _ => None,
    };
    // An account without money is told of as a wrong request.
    let is_poor = say.as_deref().is_some_and(|say| say.contains("credit balance is too low"));
    Refusal { kind: if is_poor { Some(ModelFaultKind::RateLimited) } else { kind }, say, retry_after: None }
}
