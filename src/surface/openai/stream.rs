//! A stream as OpenAI's clients read it: chunks, and `[DONE]` behind a whole answer. One that breaks off ends by an error, which
//! its clients raise.

use axum::response::Response;
use axum::response::sse::Event;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio_util::sync::DropGuard;

use super::whole::{Usage, reason};
use super::{fault, parts};
use crate::capability::outcome::Items;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;
use crate::surface::talking::answers::Item;
use crate::surface::talking::telling::{Teller, event, stream};
use crate::surface::talking::visit::Visit;

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    /// `null` until the last chunk, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Counted>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Counted {
    NotYet(()),
    Whole(Usage),
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    finish_reason: Option<&'a str>,
    logprobs: Option<()>,
}

#[derive(Default, Serialize)]
struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasoning_details: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[Call<'a>; 1]>,
}

#[derive(Default, Serialize)]
struct Call<'a> {
    index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: Function<'a>,
    #[serde(flatten)]
    own: Map<String, Value>,
}

#[derive(Default, Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

struct Chunks {
    id: String,
    call: CallId,
    created: i64,
    model: String,
    tells_usage: bool,
}

impl Chunks {
    fn chunk(&self, delta: Delta<'_>, finish_reason: Option<&str>) -> Result<Event, Fault> {
        let choice = Choice { index: 0, delta, finish_reason, logprobs: None };
        self.written(&[choice], self.tells_usage.then_some(Counted::NotYet(())))
    }

    fn written(&self, choices: &[Choice<'_>], usage: Option<Counted>) -> Result<Event, Fault> {
        let (id, model) = (&self.id, &self.model);
        event(None, &Chunk { id, object: "chat.completion.chunk", created: self.created, model, choices, usage })
    }
}

impl Teller for Chunks {
    fn item(&mut self, item: Item, events: &mut Vec<Event>) -> Result<(), Fault> {
        let delta = match &item {
            Item::Start { model } => {
                self.model.clone_from(model);
                Delta { role: Some("assistant"), content: Some(""), ..Delta::default() }
            }
            Item::Text(text) => Delta { content: Some(text), ..Delta::default() },
            Item::Reasoning { text, opaque } => Delta {
                reasoning_content: Some(text.as_str()).filter(|text| !text.is_empty()),
                reasoning_details: parts::details(opaque.clone(), None),
                ..Delta::default()
            },
            Item::Call { index, id, name, opaque } => Delta {
                tool_calls: Some([Call {
                    index: *index,
                    id: Some(id),
                    kind: Some("function"),
                    function: Function { name: Some(name), arguments: "" },
                    own: parts::of_call(opaque.clone()),
                }]),
                ..Delta::default()
            },
            Item::Arguments { index, text } => Delta {
                tool_calls: Some([Call {
                    index: *index,
                    function: Function { name: None, arguments: text },
                    ..Call::default()
                }]),
                ..Delta::default()
            },
            Item::End { stop, tokens } => {
                events.push(self.chunk(Delta::default(), Some(reason(stop)))?);
                if self.tells_usage {
                    events.push(self.written(&[], Some(Counted::Whole(Usage::of(*tokens))))?);
                }
                events.push(Event::default().data("[DONE]"));
                return Ok(());
            }
        };
        events.push(self.chunk(delta, None)?);
        Ok(())
    }

    fn failed(&mut self, fault: &Fault, events: &mut Vec<Event>) {
        events.extend(event(None, &fault::told(fault, self.call)));
    }
}

/// The answer.
pub(super) fn answer(items: Items, calling: DropGuard, visit: &Visit, tells_usage: bool) -> Response {
    let id = format!("chatcmpl-{}", visit.id);
    let chunks = Chunks { id, call: visit.id, created: visit.seconds(), model: String::new(), tells_usage };
    stream(items, calling, visit.id, chunks)
}
