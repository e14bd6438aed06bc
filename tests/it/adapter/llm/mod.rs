//! Dialects of models over real HTTP, against a vendor on this machine.

mod contract;
mod faults;
mod goldens;
mod more;
mod orders;
mod streams;
mod vectors;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use convoke::adapter::llm;
use convoke::kernel::secret::Secret;
use convoke::port::models::{
    AnswerForm, ChatRequest, Completion, Endpoint, Message, ModelFault, Models, Part, Piece, Role, Stop, Tokens,
    ToolOffer,
};
use futures::StreamExt as _;
use serde_json::{Map, Value, json};

use crate::support::vendor::{KEY, Vendor};

/// The adapter of a dialect.
fn speaking(dialect: &str) -> Arc<dyn Models> {
    llm::Vendors::new(Vec::new()).dialects().0[dialect].clone()
}

/// Where the vendor speaks a dialect.
fn endpoint(vendor: &Vendor, dialect: &str) -> Endpoint {
    Endpoint {
        provider: "tests".into(),
        base_url: vendor.base_url(dialect).into(),
        key: Some(Secret::new(KEY.to_owned())),
        model: "model-1".into(),
        headers: vec![("x-team".to_owned(), "research".to_owned())],
        options: Map::new(),
        patience: Duration::from_mins(1),
        silence: Duration::from_mins(1),
    }
}

fn text(text: &str) -> Part {
    Part::Text { text: text.to_owned() }
}

fn says(role: Role, parts: Vec<Part>) -> Message {
    Message { role, parts }
}

fn asks(question: &str) -> ChatRequest {
    ChatRequest { messages: vec![says(Role::User, vec![text(question)])], ..ChatRequest::default() }
}

fn weather() -> ToolOffer {
    ToolOffer {
        name: "weather".to_owned(),
        description: Some("The weather in a city.".to_owned()),
        parameters: json!({
            "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        }),
        strict: None,
    }
}

/// A conversation with everything in it that every dialect has: two calls at once, one of which failed, and a picture.
fn conversation() -> ChatRequest {
    let call = |id: &str, city: &str| Part::ToolCall {
        id: id.to_owned(),
        name: "weather".to_owned(),
        arguments: json!({"city": city}),
        opaque: None,
    };
    let result = |id: &str, text: &str, failed| Part::ToolResult { id: id.to_owned(), text: text.to_owned(), failed };
    ChatRequest {
        messages: vec![
            says(Role::System, vec![text("Be brief.")]),
            says(Role::User, vec![text("Where is it warmer?"), picture()]),
            says(Role::Assistant, vec![text("I look it up."), call("call_a", "Zürich"), call("call_b", "Oslo")]),
            says(Role::User, vec![result("call_a", "{\"celsius\": 21}", false)]),
            says(Role::User, vec![result("call_b", "no such station", true), text("Go on.")]),
        ],
        tools: vec![weather()],
        form: AnswerForm::Schema {
            name: "answer".to_owned(),
            schema: json!({
                "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
                "additionalProperties": false,
            }),
        },
        max_tokens: Some(300),
        temperature: Some(0.25),
        top_p: Some(0.75),
        stop: vec!["THE END".to_owned()],
        reasoning_effort: Some("low".to_owned()),
        ..ChatRequest::default()
    }
}

fn picture() -> Part {
    Part::Image { url: "data:image/png;base64,iVBORw0KGgo=".to_owned() }
}

/// The pieces of a stream, and the fault that ended it.
async fn read(models: &dyn Models, endpoint: &Endpoint, request: &ChatRequest) -> (Vec<Piece>, Option<ModelFault>) {
    let mut pieces = Vec::new();
    let mut stream = match models.stream(endpoint, request).await {
        Ok(stream) => stream,
        Err(fault) => return (pieces, Some(fault)),
    };
    while let Some(piece) = stream.next().await {
        match piece {
            Ok(piece) => pieces.push(piece),
            Err(fault) => {
                assert!(stream.next().await.is_none(), "behind a fault there is nothing");
                return (pieces, Some(fault));
            }
        }
    }
    (pieces, None)
}

/// The pieces of a stream put together, as a caller does.
fn together(pieces: &[Piece]) -> Completion {
    let mut whole = Completion { model: String::new(), id: None, parts: Vec::new(), stop: Stop::End, tokens: None };
    let (mut calls, mut order): (BTreeMap<u32, (Part, String)>, Vec<u32>) = (BTreeMap::new(), Vec::new());
    let mut thoughts_open = false;
    for piece in pieces {
        match piece {
            Piece::Start { model, id } => (whole.model, whole.id) = (model.clone(), id.clone()),
            Piece::Text { text } => match whole.parts.last_mut() {
                Some(Part::Text { text: before }) => before.push_str(text),
                _ => whole.parts.push(Part::Text { text: text.clone() }),
            },
            Piece::Reasoning { text, opaque } => {
                match whole.parts.last_mut() {
                    Some(Part::Reasoning { text: before, opaque: mark }) if thoughts_open => {
                        before.push_str(text);
                        mark.clone_from(opaque);
                    }
                    _ => whole.parts.push(Part::Reasoning { text: text.clone(), opaque: opaque.clone() }),
                }
                // What goes back unread ends the thoughts that it belongs to.
                thoughts_open = opaque.is_none();
                continue;
            }
            Piece::ToolStart { index, id, name, opaque } => {
                let call = Part::ToolCall {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: Value::Null,
                    opaque: opaque.clone(),
                };
                assert!(calls.insert(*index, (call, String::new())).is_none(), "call {index} begins twice");
                order.push(*index);
            }
            Piece::ToolArguments { index, text } => calls.get_mut(index).expect("it began").1.push_str(text),
            Piece::End { stop, tokens } => (whole.stop, whole.tokens) = (stop.clone(), *tokens),
        }
        thoughts_open = false;
    }
    for index in order {
        let Some((Part::ToolCall { id, name, opaque, .. }, text)) = calls.remove(&index) else { continue };
        let arguments = serde_json::from_str(&text).expect("arguments are JSON");
        whole.parts.push(Part::ToolCall { id, name, arguments, opaque });
    }
    whole
}

fn tokens(of: &[Piece]) -> Option<Tokens> {
    of.iter().find_map(|piece| if let Piece::End { tokens, .. } = piece { *tokens } else { None })
}
