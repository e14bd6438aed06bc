//! Putting pieces together into the whole answer that they are.

use serde_json::Value;

use crate::port::models::{Completion, Part, Piece, Stop, Tokens};

/// Collects pieces.
#[derive(Debug, Default)]
pub struct Collector {
    model: String,
    id: Option<String>,
    parts: Vec<Collected>,
}

#[derive(Debug)]
enum Collected {
    Text(String),
    Reasoning(String, Option<Value>),
    Call { index: u32, id: String, name: String, arguments: String, opaque: Option<Value> },
}

impl Collector {
    /// Adds a piece; the last one makes the answer.
    pub fn add(&mut self, piece: &Piece) -> Option<Completion> {
        match piece {
            Piece::Start { model, id } => {
                self.model.clone_from(model);
                self.id.clone_from(id);
            }
            Piece::Text { text } => match self.parts.last_mut() {
                Some(Collected::Text(so_far)) => so_far.push_str(text),
                _ => self.parts.push(Collected::Text(text.clone())),
            },
            Piece::Reasoning { text, opaque } => match self.parts.last_mut() {
                Some(Collected::Reasoning(so_far, held)) => {
                    so_far.push_str(text);
                    // It is told of all thoughts so far: the last one counts.
                    if opaque.is_some() {
                        held.clone_from(opaque);
                    }
                }
                _ => self.parts.push(Collected::Reasoning(text.clone(), opaque.clone())),
            },
            Piece::ToolStart { index, id, name, opaque } => self.parts.push(Collected::Call {
                index: *index,
                id: id.clone(),
                name: name.clone(),
                arguments: String::new(),
                opaque: opaque.clone(),
            }),
            // Calls may come crosswise.
            Piece::ToolArguments { index, text } => {
                let call = self.parts.iter_mut().rev().find_map(|part| match part {
                    Collected::Call { index: of, arguments, .. } if of == index => Some(arguments),
                    _ => None,
                });
                if let Some(arguments) = call {
                    arguments.push_str(text);
                }
            }
            Piece::End { stop, tokens } => return Some(self.whole(stop.clone(), *tokens)),
        }
        None
    }

    fn whole(&mut self, stop: Stop, tokens: Option<Tokens>) -> Completion {
        let parts = std::mem::take(&mut self.parts).into_iter().map(|part| match part {
            Collected::Text(text) => Part::Text { text },
            Collected::Reasoning(text, opaque) => Part::Reasoning { text, opaque },
            Collected::Call { id, name, arguments, opaque, .. } => {
                Part::ToolCall { id, name, arguments: read(arguments), opaque }
            }
        });
        Completion { model: std::mem::take(&mut self.model), id: self.id.take(), parts: parts.collect(), stop, tokens }
    }
}

/// Arguments are JSON; a model that wrote something else is shown with what it wrote.
fn read(arguments: String) -> Value {
    if arguments.trim().is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    serde_json::from_str(&arguments).unwrap_or(Value::String(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pieces_that_come_crosswise_make_the_answer() {
        let text = |text: &str| Piece::Text { text: text.to_owned() };
        let start = |index: u32, name: &str| Piece::ToolStart {
            index,
            id: format!("c{index}"),
            name: name.to_owned(),
            opaque: None,
        };
        let more = |index: u32, text: &str| Piece::ToolArguments { index, text: text.to_owned() };
        let mut collector = Collector::default();
        let pieces = [
            Piece::Start { model: "m".to_owned(), id: None },
            text("Let me "),
            text("look."),
            start(0, "find"),
            start(1, "list"),
            more(0, "{\"a\""),
            more(1, "{}"),
            more(0, ":1}"),
        ];
        assert!(pieces.iter().all(|piece| collector.add(piece).is_none()));
        let whole = collector.add(&Piece::End { stop: Stop::ToolCalls, tokens: None }).unwrap();
        let call = |id: &str, name: &str, arguments| Part::ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments,
            opaque: None,
        };
        let text = Part::Text { text: "Let me look.".to_owned() };
        assert_eq!(whole.parts, [text, call("c0", "find", json!({ "a": 1 })), call("c1", "list", json!({}))]);
    }
}
