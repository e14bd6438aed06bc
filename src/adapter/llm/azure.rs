//! OpenAI's models at Azure: chat completions at a deployment's own address. The model of an endpoint is the deployment's name.
//!
//! Options of a provider: `api_version`; `v1 = true` for the newer addresses, which need no version; `entra = true` where the key is a
//! token of Entra ID; and those of the dialect `openai`.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::fault::Refusal;
use super::language::{Call, KeyHeader, Language, Reader, is_set, option};
use super::openai::{self, read, stream, write};
use crate::port::models::{ChatRequest, Completion, EmbedRequest, Embedding, Endpoint, ModelFault};

pub(super) const NAME: &str = "azure";

/// The version of the interface that is asked for when none is named: the last one that is no preview.
const VERSION: &str = "2024-10-21";

/// The dialect.
pub(super) struct Azure;

impl Language for Azure {
    fn key(&self, endpoint: &Endpoint) -> KeyHeader {
        if is_set(endpoint, "entra") { KeyHeader::Bearer } else { KeyHeader::Own("api-key") }
    }

    fn chat(&self, endpoint: &Endpoint, request: &ChatRequest, streams: bool) -> Result<Call, ModelFault> {
        let body = write::chat(NAME, endpoint, request, streams)?;
        Ok(Call { path: path(endpoint, "chat/completions"), body })
    }

    fn answer(&self, endpoint: &Endpoint, body: Value) -> Result<Completion, ModelFault> {
        read::completion(endpoint, body)
    }

    fn reader(&self, endpoint: &Endpoint) -> Box<dyn Reader> {
        Box::new(stream::Chunks::new(endpoint))
    }

    fn embed(&self, endpoint: &Endpoint, request: &EmbedRequest) -> Result<Call, ModelFault> {
        Ok(Call { path: path(endpoint, "embeddings"), body: write::embed(endpoint, request) })
    }

    fn vectors(&self, endpoint: &Endpoint, body: Value) -> Result<Embedding, ModelFault> {
        read::embedding(endpoint, body)
    }

    fn refusal(&self, status: u16, body: &Value) -> Refusal {
        openai::refusal(status, body)
    }
}

fn path(endpoint: &Endpoint, what: &str) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    if is_set(endpoint, "v1") {
        let version = option(endpoint, "api_version").map(|version| format!("?api-version={}", encoded(version)));
        return format!("/openai/v1/{what}{}", version.unwrap_or_default());
    }
    let version = option(endpoint, "api_version").unwrap_or(VERSION);
    // A dash and a dot are no danger, and people look for the version as it is written.
    let deployment = encoded(&endpoint.model).replace("%2D", "-").replace("%2E", ".").replace("%5F", "_");
    format!("/openai/deployments/{deployment}/{what}?api-version={}", encoded(version).replace("%2D", "-"))
}
