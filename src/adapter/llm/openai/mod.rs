//! Chat completions, as OpenAI has them and many others after it. Written by hand over JSON and held against async-openai's types
//! in tests (docs/decisions/0013-dialects-by-hand.md).
//!
//! Options of a provider or model: `max_tokens` and `seed` name the properties for the most tokens of an answer and for its seed, where
//! they are called otherwise;
//! `ends_without_done = true` for a server whose streams end without `[DONE]`; `sends_reasoning = true` for one that wants thoughts
//! back as `reasoning_content`; `tool_choice_required = "any"` for one that calls it so; `strict_tools = false` and
//! `stream_usage = false` for one that refuses these properties.

pub(super) mod read;
pub(super) mod stream;
pub(super) mod write;

use serde_json::Value;

use super::fault::{Refusal, kind_by_words};
use super::language::{Call, KeyHeader, Language, Reader};
use crate::port::models::{ChatRequest, Completion, EmbedRequest, Embedding, Endpoint, ModelFault, ModelFaultKind};

pub(super) const NAME: &str = "openai";

/// The dialect.
pub(super) struct OpenAi;

impl Language for OpenAi {
    fn key(&self, _: &Endpoint) -> KeyHeader {
        KeyHeader::Bearer
    }

    fn chat(&self, endpoint: &Endpoint, request: &ChatRequest, streams: bool) -> Result<Call, ModelFault> {
        let body = write::chat(NAME, endpoint, request, streams)?;
        Ok(Call { path: "/chat/completions".to_owned(), body })
    }

    fn answer(&self, endpoint: &Endpoint, body: Value) -> Result<Completion, ModelFault> {
        read::completion(endpoint, body)
    }

    fn reader(&self, endpoint: &Endpoint) -> Box<dyn Reader> {
        Box::new(stream::Chunks::new(endpoint))
    }

    fn embed(&self, endpoint: &Endpoint, request: &EmbedRequest) -> Result<Call, ModelFault> {
        Ok(Call { path: "/embeddings".to_owned(), body: write::embed(endpoint, request) })
    }

    fn vectors(&self, endpoint: &Endpoint, body: Value) -> Result<Embedding, ModelFault> {
        read::embedding(endpoint, body)
    }

    fn refusal(&self, status: u16, body: &Value) -> Refusal {
        refusal(status, body)
    }
}

/// What a refusal says: `{"error": {"message", "type", "code"}}`, or one of the forms that others have made of it.
pub(super) fn refusal(status: u16, body: &Value) -> Refusal {
    // Ollama has a text, Mistral and others leave the envelope out.
    let error = body.get("error").filter(|error| !error.is_null()).unwrap_or(body);
    let text = |name: &str| error.get(name).and_then(Value::as_str);
    let say = error.as_str().or_else(|| text("message")).or_else(|| text("detail")).map(str::to_owned);
    let code = text("code").or_else(|| error.pointer("/innererror/code").and_then(Value::as_str)).unwrap_or_default();
    let of = text("type").unwrap_or_default();
    let kind = match (code, of) {
        ("context_length_exceeded" | "string_above_max_length", _) => Some(ModelFaultKind::TooLong),
        ("model_not_found" | "DeploymentNotFound", _) | (_, "invalid_model") => Some(ModelFaultKind::UnknownModel),
        ("content_filter" | "content_policy_violation" | "ResponsibleAIPolicyViolation", _) => {
            Some(ModelFaultKind::Refused)
        }
        ("invalid_api_key", _) | (_, "authentication_error") => Some(ModelFaultKind::Credential),
        ("insufficient_quota" | "rate_limit_exceeded", _) | (_, "insufficient_quota" | "rate_limit_error") => {
            Some(ModelFaultKind::RateLimited)
        }
        (_, "server_error" | "overloaded_error") => Some(ModelFaultKind::Unavailable),
        _ => None,
    };
    // Within an answer of success, such as a stream's, a number may stand where the status would.
    let by_number = || {
        let code = error.get("code").or_else(|| error.get("status")).and_then(Value::as_u64);
        let code = code.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code))?;
        let by_words = say.as_deref().filter(|_| code == 400).and_then(kind_by_words);
        Some(by_words.unwrap_or_else(|| super::fault::kind_of(code, true)))
    };
    let kind = kind.or_else(|| if status < 400 { by_number() } else { None });
    Refusal { kind, say, retry_after: None }
}
