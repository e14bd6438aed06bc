//! Streams of Cohere: contents that begin, grow and end; `message-end` is the last word.

use serde_json::{Map, Value};

use super::read;
use crate::adapter::llm::language::{Reader, unreadable};
use crate::adapter::llm::sse::Event;
use crate::port::models::{Endpoint, ModelFault, ModelFaultKind, Piece};

/// Reads events.
pub(super) struct Contents {
    model: String,
    calls: Vec<Option<u64>>,
    /// Which mark the thoughts so far still lack.
    unmarked: Option<fn() -> Value>,
}

impl Contents {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        Self { model: endpoint.model.to_string(), calls: Vec::new(), unmarked: None }
    }

    /// Tells a text or a thought. Thoughts are marked when they are over.
    fn tell(&mut self, text: &str, thoughts: Option<fn() -> Value>, pieces: &mut Vec<Piece>) {
        if text.is_empty() {
            return;
        }
        if thoughts.is_none() {
            self.mark(pieces);
        }
        let text = text.to_owned();
        if thoughts.is_some() {
            self.unmarked = thoughts;
            pieces.push(Piece::Reasoning { text, opaque: None });
        } else {
            pieces.push(Piece::Text { text });
        }
    }

    fn mark(&mut self, pieces: &mut Vec<Piece>) {
        if let Some(mark) = self.unmarked.take() {
            pieces.push(Piece::Reasoning { text: String::new(), opaque: Some(mark()) });
        }
    }

    fn content(&mut self, message: Option<&Value>, pieces: &mut Vec<Piece>) {
        let text = |name: &str| message.and_then(|all| all.get("content")?.get(name)?.as_str()).unwrap_or_default();
        self.tell(text("thinking"), Some(read::thinking), pieces);
        self.tell(text("text"), None, pieces);
    }

    fn call(&mut self, event: &Value, call: &Value, pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        self.mark(pieces);
        let index = event.get("index").and_then(Value::as_u64);
        let text = |place: &str| call.pointer(place).and_then(Value::as_str).unwrap_or_default();
        if event["type"] == "tool-call-start" {
            let (id, name) = (text("/id").to_owned(), text("/function/name").to_owned());
            if id.is_empty() || name.is_empty() {
                return Err(unreadable("a tool call has no id or no name"));
            }
            self.calls.push(index);
            pieces.push(Piece::ToolStart { index: numbered(self.calls.len() - 1), id, name, opaque: None });
        }
        let number = self.calls.iter().rposition(|begun| *begun == index);
        let number = number.ok_or_else(|| unreadable("a tool call grows that did not begin"))?;
        let grown = text("/function/arguments");
        if !grown.is_empty() {
            pieces.push(Piece::ToolArguments { index: numbered(number), text: grown.to_owned() });
        }
        Ok(())
    }
}

impl Reader for Contents {
    fn event(&mut self, event: &Event, pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        // Some deployments add the last word of another dialect.
        if event.data == "[DONE]" {
            return Ok(());
        }
        let event: Value = serde_json::from_str(&event.data).map_err(unreadable)?;
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default();
        let message = event.pointer("/delta/message");
        match kind {
            "message-start" => {
                let id = event.get("id").and_then(Value::as_str).map(str::to_owned);
                pieces.push(Piece::Start { model: self.model.clone(), id });
            }
            "content-start" | "content-delta" => self.content(message, pieces),
            "tool-plan-delta" => {
                let plan = message.and_then(|message| message.get("tool_plan")?.as_str());
                self.tell(plan.unwrap_or_default(), Some(read::plan), pieces);
            }
            "tool-call-start" | "tool-call-delta" => {
                let call = message.and_then(|message| message.get("tool_calls"));
                // One call, or as it was once a list of one.
                let call = call.map(|call| call.get(0).unwrap_or(call)).cloned();
                self.call(&event, &call.unwrap_or(Value::Object(Map::new())), pieces)?;
            }
            "message-end" => {
                let text = |place: &str| event.pointer(place).and_then(Value::as_str);
                let stop = read::stop(text("/delta/finish_reason").unwrap_or_default(), text("/delta/error"))?;
                self.mark(pieces);
                pieces.push(Piece::End { stop, tokens: event.pointer("/delta/usage").and_then(read::tokens) });
            }
            // A refusal in the middle of a stream has the form of any other.
            "" => {
                let say =
                    event.get("message").and_then(Value::as_str).unwrap_or("the stream says nothing that is known");
                return Err(ModelFault::new(ModelFaultKind::Unavailable, say));
            }
            // The end of a content or a call, citations, and what a later version says.
            _ => {}
        }
        Ok(())
    }
}

fn numbered(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
