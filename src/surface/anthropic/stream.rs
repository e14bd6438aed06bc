//! A stream as Anthropic's clients read it: blocks that begin, grow and end, and `message_stop` behind a whole answer. One that
//! breaks off ends by an `error`, which its clients raise.

use std::collections::BTreeMap;

use axum::response::Response;
use axum::response::sse::Event;
use serde::Serialize;
use serde_json::{Value, json};
use tokio_util::sync::DropGuard;

use super::blocks::{self, Back};
use super::fault;
use super::whole::{Message, Usage, reason};
use crate::capability::outcome::Items;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;
use crate::port::models::Tokens;
use crate::surface::talking::answers::Item;
use crate::surface::talking::prose;
use crate::surface::talking::telling::{Teller, event, stream};
use crate::surface::talking::visit::Visit;

/// What of words and thoughts is open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thoughts,
}

struct Blocks {
    call: CallId,
    /// The next block's number.
    next: u64,
    open: Option<Open>,
    /// Tool calls that are open, by their number: their arguments may come crosswise.
    calls: BTreeMap<u64, u64>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the vendor's names")]
struct Delta<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: u64,
    delta: Change<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Change<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'a str },
    #[serde(rename = "input_json_delta")]
    Input { partial_json: &'a str },
}

#[derive(Serialize)]
struct Start<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: Message<'a>,
}

#[derive(Serialize)]
struct Last<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    delta: Ended<'a>,
    usage: Usage,
}

#[derive(Serialize)]
struct Ended<'a> {
    stop_reason: &'a str,
    stop_sequence: Option<&'a str>,
}

impl Blocks {
    /// The number of the block that is open.
    fn current(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    fn begin(&mut self, block: &Value, events: &mut Vec<Event>) -> Result<u64, Fault> {
        let index = self.next;
        self.next += 1;
        let told = json!({ "type": "content_block_start", "index": index, "content_block": block });
        events.push(event(Some("content_block_start"), &told)?);
        Ok(index)
    }

    fn end(index: u64, events: &mut Vec<Event>) -> Result<(), Fault> {
        let told = json!({ "type": "content_block_stop", "index": index });
        events.push(event(Some("content_block_stop"), &told)?);
        Ok(())
    }

    fn change(index: u64, delta: Change<'_>, events: &mut Vec<Event>) -> Result<(), Fault> {
        let told = Delta { kind: "content_block_delta", index, delta };
        events.push(event(Some("content_block_delta"), &told)?);
        Ok(())
    }

    /// Sees to it that such a block is open, and no other of words or thoughts.
    fn turn_to(&mut self, what: Option<Open>, events: &mut Vec<Event>) -> Result<(), Fault> {
        if self.open == what {
            return Ok(());
        }
        if self.open.take().is_some() {
            Self::end(self.current(), events)?;
        }
        match what {
            Some(Open::Text) => self.begin(&prose::text(String::new()), events)?,
            Some(Open::Thoughts) => {
                self.begin(&json!({ "type": "thinking", "thinking": "", "signature": "" }), events)?
            }
            None => return Ok(()),
        };
        self.open = what;
        Ok(())
    }

    fn thoughts(&mut self, text: &str, opaque: Option<&Value>, events: &mut Vec<Event>) -> Result<(), Fault> {
        if !text.is_empty() {
            self.turn_to(Some(Open::Thoughts), events)?;
            Self::change(self.current(), Change::Thinking { thinking: text }, events)?;
        }
        match opaque.map(blocks::back) {
            None => Ok(()),
            Some(Back::Signature(signature)) => {
                self.turn_to(Some(Open::Thoughts), events)?;
                Self::change(self.current(), Change::Signature { signature: &signature }, events)
            }
            Some(Back::Block(block)) => {
                self.turn_to(None, events)?;
                let index = self.begin(&block, events)?;
                Self::end(index, events)
            }
        }
    }

    fn last(&mut self, stop: &str, tokens: Tokens, events: &mut Vec<Event>) -> Result<(), Fault> {
        self.turn_to(None, events)?;
        for index in std::mem::take(&mut self.calls).into_values() {
            Self::end(index, events)?;
        }
        let delta = Ended { stop_reason: reason(stop), stop_sequence: None };
        events.push(event(Some("message_delta"), &Last { kind: "message_delta", delta, usage: Usage::of(tokens) })?);
        events.push(event(Some("message_stop"), &json!({ "type": "message_stop" }))?);
        Ok(())
    }
}

impl Teller for Blocks {
    fn item(&mut self, item: Item, events: &mut Vec<Event>) -> Result<(), Fault> {
        match item {
            Item::Start { model } => {
                let message = Message {
                    id: &format!("msg_{}", self.call),
                    kind: "message",
                    role: "assistant",
                    model: &model,
                    content: Vec::new(),
                    stop_reason: None,
                    stop_sequence: None,
                    // It is told with the last event, whole.
                    usage: Usage::default(),
                };
                events.push(event(Some("message_start"), &Start { kind: "message_start", message })?);
                Ok(())
            }
            Item::Text(text) => {
                self.turn_to(Some(Open::Text), events)?;
                Self::change(self.current(), Change::Text { text: &text }, events)
            }
            Item::Reasoning { text, opaque } => self.thoughts(&text, opaque.as_ref(), events),
            Item::Call { index, id, name, opaque } => {
                self.turn_to(None, events)?;
                let block = self.begin(&blocks::tool_use(id, name, json!({}), opaque), events)?;
                self.calls.insert(index, block);
                Ok(())
            }
            Item::Arguments { index, text } => match self.calls.get(&index) {
                Some(block) => Self::change(*block, Change::Input { partial_json: &text }, events),
                None => Err(Fault::internal("arguments of a call that did not begin")),
            },
            Item::End { stop, tokens } => self.last(&stop, tokens, events),
        }
    }

    fn failed(&mut self, fault: &Fault, events: &mut Vec<Event>) {
        events.extend(event(Some("error"), &fault::told(fault, self.call)));
    }

    fn alive(&self) -> Event {
        Event::default().event("ping").data("{\"type\": \"ping\"}")
    }
}

/// The answer.
pub(super) fn answer(items: Items, calling: DropGuard, visit: &Visit) -> Response {
    let blocks = Blocks { call: visit.id, next: 0, open: None, calls: BTreeMap::new() };
    stream(items, calling, visit.id, blocks)
}
