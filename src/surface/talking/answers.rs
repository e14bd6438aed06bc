//! What the models' capabilities answer, as these doors read it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::kernel::fault::Fault;
use crate::port::models::{Part, Tokens};

/// A whole answer.
#[derive(Debug, Deserialize)]
pub(in crate::surface) struct Whole {
    /// What the model said, in order.
    #[serde(default)]
    pub(in crate::surface) parts: Vec<Part>,
    /// Why it stopped.
    pub(in crate::surface) stop: String,
    /// The model that answered.
    pub(in crate::surface) model: String,
    /// What was read and written.
    pub(in crate::surface) tokens: Tokens,
}

impl Whole {
    pub(in crate::surface) fn read(value: Value) -> Result<Self, Fault> {
        serde_json::from_value(value).map_err(Fault::internal)
    }
}

/// An item of a stream.
#[derive(Debug)]
pub(in crate::surface) enum Item {
    Start { model: String },
    Text(String),
    Reasoning { text: String, opaque: Option<Value> },
    Call { index: u64, id: String, name: String, opaque: Option<Value> },
    Arguments { index: u64, text: String },
    End { stop: String, tokens: Tokens },
}

impl Item {
    /// Reads an item by moving its parts.
    pub(in crate::surface) fn read(value: Value) -> Result<Self, Fault> {
        let Value::Object(mut item) = value else { return Err(Fault::internal("an item is no object")) };
        let kind = text(&mut item, "type")?;
        let index = |item: &Map<String, Value>| item.get("index").and_then(Value::as_u64).unwrap_or_default();
        Ok(match kind.as_str() {
            "start" => Self::Start { model: text(&mut item, "model")? },
            "text" => Self::Text(text(&mut item, "text")?),
            "reasoning" => Self::Reasoning { text: text(&mut item, "text")?, opaque: item.remove("opaque") },
            "tool_call" => Self::Call {
                index: index(&item),
                id: text(&mut item, "id")?,
                name: text(&mut item, "name")?,
                opaque: item.remove("opaque"),
            },
            "tool_arguments" => Self::Arguments { index: index(&item), text: text(&mut item, "text")? },
            "end" => {
                let tokens = item.remove("tokens").unwrap_or_default();
                let tokens = serde_json::from_value(tokens).map_err(Fault::internal)?;
                Self::End { stop: text(&mut item, "stop")?, tokens }
            }
            other => return Err(Fault::internal(format!("an item of the unknown kind '{other}'"))),
        })
    }
}

fn text(item: &mut Map<String, Value>, name: &str) -> Result<String, Fault> {
    match item.remove(name) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(Fault::internal(format!("an item lacks its '{name}'"))),
    }
}
