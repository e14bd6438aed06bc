//! Streams of Anthropic: blocks that begin, grow and end; `message_stop` is the last word.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::read::{self, Counts};
use crate::adapter::llm::fault::of_status;
use crate::adapter::llm::language::{Reader, arguments, unreadable};
use crate::adapter::llm::sse::Event;
use crate::port::models::{Endpoint, ModelFault, ModelFaultKind, Piece, Stop};

/// Reads events.
pub(super) struct Blocks {
    model: String,
    open: BTreeMap<u64, Block>,
    calls: u32,
    stop: Option<Stop>,
    counts: Counts,
}

/// A block that is not whole yet.
enum Block {
    /// Told as it comes.
    Told,
    /// A tool call: which, its input as it began, and whether more of it came.
    Call { number: u32, input: Value, grew: bool },
    /// One of a kind that is not known here, and the JSON text that grew beside it.
    Unknown { block: Value, text: String },
}

impl Blocks {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        Self {
            model: endpoint.model.to_string(),
            open: BTreeMap::new(),
            calls: 0,
            stop: None,
            counts: Counts::default(),
        }
    }

    fn begin(&mut self, event: &mut Value, pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        let index = event.get("index").and_then(Value::as_u64).unwrap_or_default();
        let block = event.get_mut("content_block").map(Value::take).ok_or_else(|| unreadable("a block is missing"))?;
        let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = text("type");
        let block = match kind.as_str() {
            "text" => {
                tell_text(text("text"), pieces);
                Block::Told
            }
            "thinking" => {
                tell_thought(text("thinking"), None, pieces);
                let signature = text("signature");
                if !signature.is_empty() {
                    tell_thought(String::new(), Some(read::signature(&signature)), pieces);
                }
                Block::Told
            }
            "redacted_thinking" => {
                tell_thought(String::new(), Some(read::redacted(&text("data"))), pieces);
                Block::Told
            }
            "tool_use" => {
                let (id, name) = (text("id"), text("name"));
                if id.is_empty() || name.is_empty() {
                    return Err(unreadable("a tool call has no id or no name"));
                }
                let number = self.calls;
                self.calls += 1;
                pieces.push(Piece::ToolStart { index: number, id, name, opaque: None });
                Block::Call { number, input: block.get("input").cloned().unwrap_or_default(), grew: false }
            }
            _ => Block::Unknown { block, text: String::new() },
        };
        self.open.insert(index, block);
        Ok(())
    }

    fn grow(&mut self, event: &Value, pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        let index = event.get("index").and_then(Value::as_u64).unwrap_or_default();
        let delta = event.get("delta").ok_or_else(|| unreadable("a piece of a block is missing"))?;
        let text = |name: &str| delta.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let block = self.open.get_mut(&index).ok_or_else(|| unreadable("a block grows that did not begin"))?;
        match (text("type").as_str(), block) {
            ("text_delta", _) => tell_text(text("text"), pieces),
            ("thinking_delta", _) => tell_thought(text("thinking"), None, pieces),
            ("signature_delta", _) => tell_thought(String::new(), Some(read::signature(&text("signature"))), pieces),
            ("input_json_delta", Block::Call { number, grew, .. }) => {
                let text = text("partial_json");
                if !text.is_empty() {
                    *grew = true;
                    pieces.push(Piece::ToolArguments { index: *number, text });
                }
            }
            ("input_json_delta", Block::Unknown { text: grown, .. }) => grown.push_str(&text("partial_json")),
            // Citations, which the port has no place for, and what a later version says.
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, event: &Value, pieces: &mut Vec<Piece>) {
        let index = event.get("index").and_then(Value::as_u64).unwrap_or_default();
        match self.open.remove(&index) {
            Some(Block::Call { number, input, grew: false })
                if input.as_object().is_some_and(|all| !all.is_empty()) =>
            {
                pieces.push(Piece::ToolArguments { index: number, text: input.to_string() });
            }
            Some(Block::Unknown { mut block, text }) => {
                if !text.is_empty() {
                    block["input"] = arguments(&text);
                }
                tell_thought(String::new(), Some(read::unknown(block)), pieces);
            }
            Some(Block::Told | Block::Call { .. }) | None => {}
        }
    }
}

fn tell_text(text: String, pieces: &mut Vec<Piece>) {
    if !text.is_empty() {
        pieces.push(Piece::Text { text });
    }
}

fn tell_thought(text: String, opaque: Option<Value>, pieces: &mut Vec<Piece>) {
    if !text.is_empty() || opaque.is_some() {
        pieces.push(Piece::Reasoning { text, opaque });
    }
}

impl Reader for Blocks {
    fn event(&mut self, event: &Event, pieces: &mut Vec<Piece>) -> Result<(), ModelFault> {
        let mut event: Value = serde_json::from_str(&event.data).map_err(unreadable)?;
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        match kind.as_str() {
            "message_start" => {
                let message = event.get("message").cloned().unwrap_or_else(|| json!({}));
                self.counts.take(message.get("usage"));
                let text = |name: &str| message.get(name).and_then(Value::as_str);
                let model = text("model").unwrap_or(&self.model).to_owned();
                pieces.push(Piece::Start { model, id: text("id").map(str::to_owned) });
            }
            "content_block_start" => self.begin(&mut event, pieces)?,
            "content_block_delta" => self.grow(&event, pieces)?,
            "content_block_stop" => self.end(&event, pieces),
            "message_delta" => {
                self.counts.take(event.get("usage"));
                if let Some(reason) = event.pointer("/delta/stop_reason").and_then(Value::as_str) {
                    self.stop = Some(read::stop(reason));
                }
            }
            "message_stop" => {
                let stop = self.stop.take().unwrap_or(Stop::End);
                pieces.push(Piece::End { stop, tokens: self.counts.tokens() });
            }
            "error" => {
                let refusal = super::refusal(200, &event);
                let kind = refusal.kind.unwrap_or(ModelFaultKind::Unavailable);
                let text = event.to_string();
                let mut fault = of_status(200, &http::HeaderMap::new(), text.as_bytes(), refusal);
                (fault.kind, fault.status) = (kind, None);
                return Err(fault);
            }
            // A ping, and what a later version says.
            _ => {}
        }
        Ok(())
    }
}
