//! A response as a stream: items that begin, grow and end, and `response.completed` behind a whole answer. One that breaks off
//! ends by an `error`, which the vendor's clients raise.

use axum::response::Response;
use axum::response::sse::Event;
use serde_json::{Map, Value, json};
use tokio_util::sync::DropGuard;

use super::items;
use super::object::Frame;
use crate::capability::outcome::Items;
use crate::kernel::fault::Fault;
use crate::kernel::id::CallId;
use crate::surface::openai::fault;
use crate::surface::talking::answers::Item;
use crate::surface::talking::telling::{Teller, event, stream};

/// An item that has begun.
struct Growing {
    id: String,
    text: String,
    kind: Kind,
    ended: Option<Value>,
}

enum Kind {
    Text,
    Thoughts { opaque: Option<Value> },
    Call { index: u64, call: String, name: String, opaque: Option<Value> },
}

impl Growing {
    fn item(&self, done: bool) -> Value {
        let text = || if done { self.text.clone() } else { String::new() };
        match &self.kind {
            Kind::Text => {
                let status = if done { "completed" } else { "in_progress" };
                items::message(&self.id, status, done.then_some(self.text.as_str()))
            }
            Kind::Thoughts { opaque } => items::reasoning(&self.id, text(), opaque.as_ref()),
            Kind::Call { call, name, opaque, .. } => {
                items::function_call(&self.id, call, name, &text(), opaque.clone(), done)
            }
        }
    }

    /// Whether a piece of the same kind goes on with it.
    fn goes_on(&self, text: bool) -> bool {
        self.ended.is_none()
            && match self.kind {
                Kind::Text => text,
                Kind::Thoughts { .. } => !text,
                Kind::Call { .. } => false,
            }
    }
}

struct Growth {
    call: CallId,
    frame: Frame,
    model: String,
    sequence: u64,
    all: Vec<Growing>,
}

impl Growth {
    fn tell(&mut self, kind: &str, told: Value, events: &mut Vec<Event>) -> Result<(), Fault> {
        let mut whole =
            Map::from_iter([("type".to_owned(), kind.into()), ("sequence_number".to_owned(), self.sequence.into())]);
        self.sequence += 1;
        if let Value::Object(told) = told {
            whole.extend(told);
        }
        events.push(event(Some(kind), &whole)?);
        Ok(())
    }

    fn begin(&mut self, prefix: &str, kind: Kind, events: &mut Vec<Event>) -> Result<usize, Fault> {
        let number = self.all.len();
        let one = Growing { id: format!("{prefix}_{}_{number}", self.call), text: String::new(), kind, ended: None };
        let (item, id) = (one.item(false), one.id.clone());
        let part = match one.kind {
            Kind::Text => Some(items::output_text("")),
            Kind::Thoughts { .. } => Some(json!({ "type": "reasoning_text", "text": "" })),
            Kind::Call { .. } => None,
        };
        self.all.push(one);
        self.tell("response.output_item.added", json!({ "output_index": number, "item": item }), events)?;
        if let Some(part) = part {
            let told = json!({ "item_id": id, "output_index": number, "content_index": 0, "part": part });
            self.tell("response.content_part.added", told, events)?;
        }
        Ok(number)
    }

    /// Ends what is open of words and thoughts; of calls only in the end, since their arguments may come crosswise.
    fn end(&mut self, calls: bool, events: &mut Vec<Event>) -> Result<(), Fault> {
        for number in 0..self.all.len() {
            let Some(one) = self.all.get(number).filter(|one| one.ended.is_none()) else { continue };
            let (id, text, item) = (one.id.clone(), one.text.clone(), one.item(true));
            let at = json!({ "item_id": id, "output_index": number, "content_index": 0 });
            let with = |name: &str, value: Value| {
                let mut told = at.clone();
                told[name] = value;
                told
            };
            match &one.kind {
                Kind::Call { .. } if !calls => continue,
                Kind::Call { name, .. } => {
                    let told = json!({ "item_id": id, "output_index": number, "name": name, "arguments": text });
                    self.tell("response.function_call_arguments.done", told, events)?;
                }
                Kind::Text => {
                    let mut told = with("text", text.clone().into());
                    told["logprobs"] = json!([]);
                    self.tell("response.output_text.done", told, events)?;
                    self.tell("response.content_part.done", with("part", items::output_text(&text)), events)?;
                }
                Kind::Thoughts { .. } => {
                    self.tell("response.reasoning_text.done", with("text", text.clone().into()), events)?;
                    let part = json!({ "type": "reasoning_text", "text": text });
                    self.tell("response.content_part.done", with("part", part), events)?;
                }
            }
            self.tell("response.output_item.done", json!({ "output_index": number, "item": item }), events)?;
            if let Some(one) = self.all.get_mut(number) {
                one.ended = Some(item);
            }
        }
        Ok(())
    }

    /// The item of words or thoughts that is open, or a new one.
    fn open(&mut self, text: bool, events: &mut Vec<Event>) -> Result<usize, Fault> {
        if let Some(number) = self.all.iter().rposition(|one| one.goes_on(text)) {
            return Ok(number);
        }
        self.end(false, events)?;
        let (prefix, kind) = if text { ("msg", Kind::Text) } else { ("rs", Kind::Thoughts { opaque: None }) };
        self.begin(prefix, kind, events)
    }

    fn grow(&mut self, number: usize, kind: &str, text: &str, events: &mut Vec<Event>) -> Result<(), Fault> {
        let Some(one) = self.all.get_mut(number) else { return Ok(()) };
        one.text.push_str(text);
        let mut told = json!({ "item_id": one.id, "output_index": number, "delta": text });
        if kind != "response.function_call_arguments.delta" {
            told["content_index"] = 0.into();
        }
        if kind == "response.output_text.delta" {
            told["logprobs"] = json!([]);
        }
        self.tell(kind, told, events)
    }
}

impl Teller for Growth {
    fn item(&mut self, item: Item, events: &mut Vec<Event>) -> Result<(), Fault> {
        match item {
            Item::Start { model } => {
                let response = json!({ "response": self.frame.running(&model) });
                self.model = model;
                self.tell("response.created", response.clone(), events)?;
                self.tell("response.in_progress", response, events)
            }
            Item::Text(text) => {
                let number = self.open(true, events)?;
                self.grow(number, "response.output_text.delta", &text, events)
            }
            Item::Reasoning { text, opaque } => {
                let number = self.open(false, events)?;
                if let (Some(opaque), Some(Growing { kind: Kind::Thoughts { opaque: held }, .. })) =
                    (opaque, self.all.get_mut(number))
                {
                    *held = Some(opaque);
                }
                if text.is_empty() {
                    return Ok(());
                }
                self.grow(number, "response.reasoning_text.delta", &text, events)
            }
            Item::Call { index, id, name, opaque } => {
                self.end(false, events)?;
                self.begin("fc", Kind::Call { index, call: id, name, opaque }, events).map(drop)
            }
            Item::Arguments { index, text } => {
                let of = |one: &Growing| matches!(one.kind, Kind::Call { index: its, .. } if its == index);
                let number = self.all.iter().rposition(of);
                let number = number.ok_or_else(|| Fault::internal("arguments of a call that did not begin"))?;
                self.grow(number, "response.function_call_arguments.delta", &text, events)
            }
            Item::End { stop, tokens } => {
                self.end(true, events)?;
                let output = self.all.iter_mut().filter_map(|one| one.ended.take()).collect();
                let response = self.frame.ended(&self.model, output, &stop, tokens);
                let kind = format!("response.{}", response["status"].as_str().unwrap_or("completed"));
                self.tell(&kind, json!({ "response": response }), events)
            }
        }
    }

    fn failed(&mut self, fault: &Fault, events: &mut Vec<Event>) {
        let mut told = fault::told(fault, self.call);
        // The vendor tells it flat; its clients raise what stands in `error`.
        told["code"] = fault.code().name.into();
        told["message"] = fault.say().into();
        told["param"] = Value::Null;
        let _ = self.tell("error", told, events);
    }
}

/// The answer.
pub(super) fn answer(items: Items, calling: DropGuard, call: CallId, frame: Frame) -> Response {
    stream(items, calling, call, Growth { call, frame, model: String::new(), sequence: 0, all: Vec::new() })
}
