//! Streams in the dialect of chat completions: chunks, and `[DONE]` as the last word.

use serde_json::Value;

use super::read;
use crate::adapter::llm::fault::of_status;
use crate::adapter::llm::language::{Reader, cut_off, is_set, unreadable};
use crate::adapter::llm::sse::Event;
use crate::port::models::{Endpoint, ModelFault, ModelFaultKind, Part, Piece, Stop, Tokens};

/// Reads chunks.
pub(in crate::adapter::llm) struct Chunks {
    model: String,
    needs_done: bool,
    started: bool,
    calls: Vec<Begun>,
    refused: bool,
    reason: Option<String>,
    tokens: Option<Tokens>,
}

/// A tool call that has begun.
struct Begun {
    /// Which it is on the wire.
    index: Option<u64>,
    id: String,
}

impl Chunks {
    pub(in crate::adapter::llm) fn new(endpoint: &Endpoint) -> Self {
        Self {
            model: endpoint.model.to_string(),
            needs_done: !is_set(endpoint, "ends_without_done"),
            started: false,
            calls: Vec::new(),
            refused: false,
            reason: None,
            tokens: None,
        }
    }

    fn start(&mut self, chunk: &Value, pieces: &mut Vec<Piece>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let text = |name: &str| chunk.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let model = text("model").unwrap_or(&self.model).to_owned();
        pieces.push(Piece::Start { model, id: text("id").map(str::to_owned) });
    }

    fn delta(&mut self, delta: &Value, pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        let (text, opaque) = read::thoughts(delta);
        if !text.is_empty() || opaque.is_some() {
            pieces.push(Piece::Reasoning { text, opaque });
        }
        let mut thoughts = Vec::new();
        let said = read::said(delta.get("content"), &mut thoughts);
        for thought in thoughts {
            if let Part::Reasoning { text, opaque } = thought {
                pieces.push(Piece::Reasoning { text, opaque });
            }
        }
        if !said.is_empty() {
            pieces.push(Piece::Text { text: said });
        }
        if let Some(text) = delta.get("refusal").and_then(Value::as_str).filter(|text| !text.is_empty()) {
            self.refused = true;
            pieces.push(Piece::Text { text: text.to_owned() });
        }
        for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
            self.call(call, pieces)?;
        }
        Ok(())
    }

    fn call(&mut self, call: &Value, pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        let index = call.get("index").and_then(Value::as_u64);
        let id = call.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
        let name = call.pointer("/function/name").and_then(Value::as_str).filter(|name| !name.is_empty());
        // Some servers give every call the same index, or none: then another id is another call.
        let is_same = |begun: &Begun| id.is_none_or(|id| id == begun.id);
        let known = match index {
            Some(_) => self.calls.iter().rposition(|begun| begun.index == index && is_same(begun)),
            None if id.is_none() && name.is_none() => self.calls.len().checked_sub(1),
            None => self.calls.iter().rposition(|begun| id == Some(&begun.id)),
        };
        let number = if let Some(number) = known {
            number
        } else {
            let name = name.ok_or_else(|| unreadable("a tool call begins without a name"))?;
            let id = id.map_or_else(|| format!("call_{}", self.calls.len()), str::to_owned);
            self.calls.push(Begun { index, id: id.clone() });
            let number = self.calls.len() - 1;
            let opaque = read::own_of_call(call);
            pieces.push(Piece::ToolStart { index: numbered(number), id, name: name.to_owned(), opaque });
            number
        };
        let text = match call.pointer("/function/arguments") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            // Some servers give them as they are.
            Some(other) => other.to_string(),
        };
        if !text.is_empty() {
            pieces.push(Piece::ToolArguments { index: numbered(number), text });
        }
        Ok(())
    }

    fn end(&mut self, pieces: &mut Vec<Piece>) {
        let stop = if self.refused {
            Stop::Refused
        } else {
            read::stop(self.reason.as_deref().unwrap_or_default(), !self.calls.is_empty())
        };
        pieces.push(Piece::End { stop, tokens: self.tokens });
    }
}

impl Reader for Chunks {
    fn event(&mut self, event: &Event, pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        if event.data == "[DONE]" {
            // Nothing was said and nothing ended: the server gave up in good order.
            if self.reason.is_none() {
                return Err(cut_off());
            }
            self.end(pieces);
            return Ok(());
        }
        let chunk: Value = serde_json::from_str(&event.data).map_err(unreadable)?;
        if event.name == "error" || chunk.get("error").is_some_and(|error| !error.is_null()) {
            return Err(refused(&chunk));
        }
        // Told once, in the last chunk, or again and again as it grows: the last word counts.
        let usage = chunk.get("usage").filter(|usage| !usage.is_null()).or_else(|| chunk.pointer("/x_groq/usage"));
        if let Some(tokens) = usage.and_then(read::tokens) {
            self.tokens = Some(tokens);
        }
        // Azure begins with a chunk that only tells what the filter thinks of the question.
        let Some(choice) = chunk.pointer("/choices/0") else { return Ok(()) };
        self.start(&chunk, pieces);
        if let Some(delta) = choice.get("delta") {
            self.delta(delta, pieces)?;
        }
        if let Some(reason) = choice.get("finish_reason").and_then(Value::as_str) {
            if reason == "error" {
                return Err(ModelFault::new(ModelFaultKind::Unavailable, "the model stopped with an error"));
            }
            self.reason = Some(reason.to_owned());
        }
        Ok(())
    }

    fn over(&mut self, pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        if self.needs_done || self.reason.is_none() {
            return Err(cut_off());
        }
        self.end(pieces);
        Ok(())
    }
}

/// The fault that a stream tells.
fn refused(chunk: &Value) -> ModelFault {
    let refusal = super::refusal(200, chunk);
    let kind = refusal.kind.unwrap_or(ModelFaultKind::Unavailable);
    let mut fault = of_status(200, &http::HeaderMap::new(), chunk.to_string().as_bytes(), refusal);
    (fault.kind, fault.status) = (kind, None);
    fault
}

fn numbered(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
