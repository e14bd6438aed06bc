//! What a dialect is: how a request is written and an answer read. No connection here.

use serde_json::{Map, Value};

use super::fault::Refusal;
use super::sse::Event;
use crate::port::models::{
    ChatRequest, Completion, EmbedRequest, Embedding, Endpoint, ModelFault, ModelFaultKind, Piece, RerankRequest,
    Reranking,
};

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// What is added to the address of the endpoint.
    pub(super) path: String,
    /// The body.
    pub(super) body: Map<String, Value>,
}

/// How a key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyHeader {
    /// `Authorization: Bearer …`.
    Bearer,
    /// A header of its own.
    Own(&'static str),
}

/// A dialect.
pub(super) trait Language: Send + Sync + 'static {
    /// How the key is sent.
    fn key(&self, endpoint: &Endpoint) -> KeyHeader;

    /// Headers that go with every request.
    fn headers(&self, _endpoint: &Endpoint) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// A request for an answer.
    fn chat(&self, endpoint: &Endpoint, request: &ChatRequest, streams: bool) -> Result<Call, ModelFault>;

    /// A whole answer.
    fn answer(&self, endpoint: &Endpoint, body: Value) -> Result<Completion, ModelFault>;

    /// Reads the events of one stream.
    fn reader(&self, endpoint: &Endpoint) -> Box<dyn Reader>;

    /// A request for vectors.
    fn embed(&self, endpoint: &Endpoint, request: &EmbedRequest) -> Result<Call, ModelFault>;

    /// Vectors.
    fn vectors(&self, endpoint: &Endpoint, body: Value) -> Result<Embedding, ModelFault>;

    /// A request for an order of texts; `None` where the dialect has none.
    fn rerank(&self, _endpoint: &Endpoint, _request: &RerankRequest) -> Option<Call> {
        None
    }

    /// An order of texts.
    fn order(&self, _endpoint: &Endpoint, _body: Value) -> Result<Reranking, ModelFault> {
        Err(unreadable("the dialect puts no texts in order"))
    }

    /// What the vendor says of a request that it refused, where its form is known.
    fn refusal(&self, status: u16, body: &Value) -> Refusal;
}

/// Reads the events of one stream into pieces.
pub(super) trait Reader: Send {
    /// Reads one event. After `Piece::End` no more are read.
    fn event(&mut self, event: &Event, pieces: &mut Vec<Piece>) -> Result<(), ModelFault>;

    /// The stream has ended without a last word. Pieces that end it well, where the dialect has no last word; else it was cut off.
    fn over(&mut self, _pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        Err(cut_off())
    }
}

/// The fault of a stream that ends in the middle.
pub(super) fn cut_off() -> ModelFault {
    ModelFault::new(ModelFaultKind::Broken, "the stream ended before the answer did")
}

/// The fault of an answer that is not in the dialect's form.
pub(super) fn unreadable(why: impl std::fmt::Display) -> ModelFault {
    ModelFault::new(ModelFaultKind::Broken, format!("the answer cannot be read: {why}"))
}

/// The fault of something that a dialect cannot say.
pub(super) fn lacks(dialect: &str, what: &str) -> ModelFault {
    ModelFault::new(ModelFaultKind::Unsupported, format!("the dialect '{dialect}' has no {what}"))
}

/// The fault of a conversation that makes no sense in any dialect.
pub(super) fn senseless(what: impl Into<String>) -> ModelFault {
    ModelFault::new(ModelFaultKind::BadRequest, what)
}

/// What a vendor wants back unread, marked as its own.
pub(super) fn opaque(dialect: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(dialect.to_owned(), value)]))
}

/// What a dialect marked as its own.
pub(super) fn own<'a>(dialect: &str, opaque: Option<&'a Value>) -> Option<&'a Value> {
    opaque?.get(dialect)
}

/// A text option of an endpoint.
pub(super) fn option<'a>(endpoint: &'a Endpoint, name: &str) -> Option<&'a str> {
    endpoint.options.get(name).and_then(Value::as_str)
}

/// Whether an option of an endpoint is set to true.
pub(super) fn is_set(endpoint: &Endpoint, name: &str) -> bool {
    endpoint.options.get(name).and_then(Value::as_bool).unwrap_or_default()
}

/// Lays what was written over the request's own properties of the dialect: objects are joined, and what the port says itself goes
/// first, so that nobody sends another model or another stream by the back door.
pub(super) fn over_extra(extra: &Map<String, Value>, written: Map<String, Value>) -> Map<String, Value> {
    if extra.is_empty() {
        return written;
    }
    let mut body = extra.clone();
    for (name, value) in written {
        match (body.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => {
                let joined = over_extra(below, above);
                *below = joined;
            }
            (_, value) => drop(body.insert(name, value)),
        }
    }
    body
}

/// Takes what is meant for other dialects out of a body, and what is meant for this one by its plain name: properties that are
/// called `dialect:name` go to vendors of that dialect alone.
pub(super) fn only_for(dialect: &str, body: &mut Map<String, Value>) {
    let named: Vec<String> = body.keys().filter(|name| name.contains(':')).cloned().collect();
    for name in named {
        if let Some(value) = body.remove(&name)
            && let Some((of, plain)) = name.split_once(':')
            && of == dialect
        {
            body.insert(plain.to_owned(), value);
        }
    }
}

/// A count that a vendor may write as a whole or a broken number, or leave out.
pub(super) fn count(value: Option<&Value>) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "negative and broken counts are none")]
    let of_float = |number: f64| number.max(0.0) as u64;
    value.and_then(|value| value.as_u64().or_else(|| value.as_f64().map(of_float))).unwrap_or_default()
}

/// The arguments of a tool call from their text. What the model wrote and is no JSON stays a text, so that whoever runs the tool
/// can tell the model; none at all is an empty object.
pub(super) fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// A picture within a request: its media type and its bytes in base64. `None` when it lies at an address.
pub(super) fn inline_image(url: &str) -> Result<Option<(&str, &str)>, ModelFault> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(None);
    }
    let parts = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match parts {
        Some((media_type, data)) if media_type.starts_with("image/") && !data.is_empty() => {
            Ok(Some((media_type, data)))
        }
        Some(_) | None => Err(senseless("an image is an https address or data:image/…;base64,…")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_meant_for_one_dialect_goes_to_that_one_only() {
        let body = json!({ "model": "m", "anthropic:thinking": { "type": "adaptive" }, "openai:user": "ada" });
        let of = |dialect: &str| {
            let mut body = body.as_object().unwrap().clone();
            only_for(dialect, &mut body);
            Value::Object(body)
        };
        assert_eq!(of("anthropic"), json!({ "model": "m", "thinking": { "type": "adaptive" } }));
        assert_eq!(of("openai"), json!({ "model": "m", "user": "ada" }));
        assert_eq!(of("cohere"), json!({ "model": "m" }));
    }
}
