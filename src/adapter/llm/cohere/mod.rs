//! Cohere's second version: `/v2/chat`, `/v2/embed` and `/v2/rerank`.

mod read;
mod stream;
mod write;

use serde_json::Value;

use super::fault::Refusal;
use super::language::{Call, KeyHeader, Language, Reader};
use crate::port::models::{
    ChatRequest, Completion, EmbedRequest, Embedding, Endpoint, ModelFault, ModelFaultKind, RerankRequest, Reranking,
};

pub(super) const NAME: &str = "cohere";

/// The dialect.
pub(super) struct Cohere;

impl Language for Cohere {
    fn key(&self, _: &Endpoint) -> KeyHeader {
        KeyHeader::Bearer
    }

    fn chat(&self, endpoint: &Endpoint, request: &ChatRequest, streams: bool) -> Result<Call, ModelFault> {
        Ok(Call { path: "/v2/chat".to_owned(), body: write::chat(endpoint, request, streams)? })
    }

    fn answer(&self, endpoint: &Endpoint, body: Value) -> Result<Completion, ModelFault> {
        read::completion(endpoint, &body)
    }

    fn reader(&self, endpoint: &Endpoint) -> Box<dyn Reader> {
        Box::new(stream::Contents::new(endpoint))
    }

    fn embed(&self, endpoint: &Endpoint, request: &EmbedRequest) -> Result<Call, ModelFault> {
        Ok(Call { path: "/v2/embed".to_owned(), body: write::embed(endpoint, request) })
    }

    fn vectors(&self, endpoint: &Endpoint, body: Value) -> Result<Embedding, ModelFault> {
        read::embedding(endpoint, body)
    }

    fn rerank(&self, endpoint: &Endpoint, request: &RerankRequest) -> Option<Call> {
        Some(Call { path: "/v2/rerank".to_owned(), body: write::rerank(endpoint, request) })
    }

    fn order(&self, endpoint: &Endpoint, body: Value) -> Result<Reranking, ModelFault> {
        read::order(endpoint, body)
    }

    /// `{"id", "message"}`.
    fn refusal(&self, status: u16, body: &Value) -> Refusal {
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        // A status of the vendor's own: the token is not valid.
        let kind = (status == 498).then_some(ModelFaultKind::Credential);
        Refusal { kind, say: text("message").or_else(|| text("error")).map(str::to_owned), retry_after: None }
    }
}
