//! Blocks of content, both ways. What another dialect wants back with thoughts travels in their signature, which clients keep and do
//! not read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::kernel::fault::Fault;
use crate::port::models::Part;
use crate::surface::talking::fields::Fields;
use crate::surface::talking::prose;

/// This dialect's mark on what its vendor wants back.
const DIALECT: &str = "anthropic";
/// What a signature begins with that holds what another dialect wants back.
const OTHERS: &str = "convoke:";

/// What a request says besides its words: marks for the vendor's cache.
#[derive(Default)]
pub(super) struct Marks {
    /// The last mark that was set.
    pub(super) cache: Option<Value>,
}

impl Marks {
    /// Takes the mark off a block.
    pub(super) fn take(&mut self, block: &mut Fields) {
        if let Some(mark) = block.take("cache_control") {
            self.cache = Some(mark);
        }
    }
}

/// Reads content: a text or blocks, each by its kind.
pub(super) fn read(
    fields: &mut Fields,
    name: &str,
    marks: &mut Marks,
    block: impl Fn(&str, &mut Fields) -> Result<Option<Value>, Fault>,
) -> Result<Vec<Value>, Fault> {
    match fields.take(name) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![prose::text(text)]),
        Some(Value::Array(items)) => {
            let place = fields.at(name);
            let mut parts = Vec::with_capacity(items.len());
            for (number, item) in items.into_iter().enumerate() {
                let mut item = Fields::of(item, format!("{place}/{number}"))?;
                marks.take(&mut item);
                let kind = item.need_text("type")?;
                let Some(part) = block(&kind, &mut item)? else {
                    return Err(item.wrong("type", &format!("'{kind}' cannot be passed on by this server here")));
                };
                item.nothing_else()?;
                parts.push(part);
            }
            Ok(parts)
        }
        Some(_) => Err(fields.wrong(name, "must be a text or a list of blocks")),
    }
}

/// A block of words.
pub(super) fn text(kind: &str, block: &mut Fields) -> Result<Option<Value>, Fault> {
    if kind != "text" {
        return Ok(None);
    }
    // Told in answers of searches, and nothing that a model needs to read on.
    block.refuse(&[("citations", json!([]))])?;
    Ok(Some(prose::text(block.need_text("text")?)))
}

/// A block of a user's message.
pub(super) fn user(kind: &str, block: &mut Fields) -> Result<Option<Value>, Fault> {
    match kind {
        "text" => text(kind, block),
        "image" => {
            let mut source = block.fields("source")?.ok_or_else(|| block.wrong("source", "is missing"))?;
            let url = match source.need_text("type")?.as_str() {
                "url" => source.need_text("url")?,
                "base64" => {
                    let (media_type, data) = (source.need_text("media_type")?, source.need_text("data")?);
                    format!("data:{media_type};base64,{data}")
                }
                other => return Err(source.wrong("type", &format!("'{other}' cannot be passed on by this server"))),
            };
            source.nothing_else()?;
            Ok(Some(prose::image(url)))
        }
        "tool_result" => {
            let id = block.need_text("tool_use_id")?;
            let failed = block.flag("is_error")?;
            let said = read(block, "content", &mut Marks::default(), text)?;
            let text = said.iter().filter_map(|part| part["text"].as_str()).collect();
            Ok(Some(prose::result(id, text, failed)))
        }
        _ => Ok(None),
    }
}

/// A block of the assistant's. One of a kind that is not known here came from the vendor and goes back as it is.
pub(super) fn assistant(kind: &str, block: &mut Fields) -> Result<Option<Value>, Fault> {
    Ok(Some(match kind {
        "text" => return text(kind, block),
        "thinking" => {
            let (text, signature) = (block.need_text("thinking")?, block.text("signature")?.unwrap_or_default());
            prose::reasoning(text, opaque_of(&signature))
        }
        "redacted_thinking" => {
            let data = block.need_text("data")?;
            prose::reasoning(String::new(), Some(json!({ DIALECT: { "redacted": data } })))
        }
        "tool_use" => {
            let (id, name) = (block.need_text("id")?, block.need_text("name")?);
            let arguments = Value::Object(block.object("input")?.unwrap_or_default());
            // Which of the vendor's own callers made it.
            block.take("caller");
            prose::call(id, name, arguments, block.take("convoke"))
        }
        _ => {
            let mut whole = std::mem::replace(block, Fields::of(json!({}), "")?).rest();
            whole.insert("type".to_owned(), kind.into());
            prose::reasoning(String::new(), Some(json!({ DIALECT: { "block": whole } })))
        }
    }))
}

fn opaque_of(signature: &str) -> Option<Value> {
    if signature.is_empty() {
        return None;
    }
    match signature.strip_prefix(OTHERS) {
        Some(others) => {
            let bytes = STANDARD.decode(others).ok()?;
            serde_json::from_slice(&bytes).ok().filter(Value::is_object)
        }
        None => Some(json!({ DIALECT: { "signature": signature } })),
    }
}

/// What goes back with thoughts, as this dialect has it.
pub(super) enum Back {
    /// A mark under the thoughts.
    Signature(String),
    /// A block of its own.
    Block(Value),
}

/// What goes back with thoughts.
pub(super) fn back(opaque: &Value) -> Back {
    if let Some(own) = opaque.get(DIALECT) {
        if let Some(block) = own.get("block") {
            return Back::Block(block.clone());
        }
        if let Some(data) = own.get("redacted") {
            return Back::Block(json!({ "type": "redacted_thinking", "data": data }));
        }
        if let Some(signature) = own.get("signature").and_then(Value::as_str) {
            return Back::Signature(signature.to_owned());
        }
    }
    Back::Signature(format!("{OTHERS}{}", STANDARD.encode(opaque.to_string())))
}

/// The block of a tool call.
pub(super) fn tool_use(id: String, name: String, input: Value, opaque: Option<Value>) -> Value {
    let mut block = Map::from_iter([
        ("type".to_owned(), "tool_use".into()),
        ("id".to_owned(), id.into()),
        ("name".to_owned(), name.into()),
        ("input".to_owned(), input),
    ]);
    block.extend(opaque.map(|opaque| ("convoke".to_owned(), opaque)));
    Value::Object(block)
}

/// The blocks of a whole answer.
pub(super) fn written(parts: Vec<Part>) -> Result<Vec<Value>, Fault> {
    let mut blocks = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Part::Text { text } => blocks.push(prose::text(text)),
            Part::Reasoning { text, opaque } => {
                let signature = match opaque.as_ref().map(back) {
                    Some(Back::Block(block)) => {
                        blocks.push(block);
                        if text.is_empty() {
                            continue;
                        }
                        String::new()
                    }
                    Some(Back::Signature(signature)) => signature,
                    None => String::new(),
                };
                blocks.push(json!({ "type": "thinking", "thinking": text, "signature": signature }));
            }
            Part::ToolCall { id, name, arguments, opaque } => {
                // The vendor's calls hold objects; what the model wrote and was no JSON is shown as such.
                let input = if arguments.is_object() { arguments } else { json!({ "unreadable": arguments }) };
                blocks.push(tool_use(id, name, input, opaque));
            }
            Part::Image { .. } | Part::ToolResult { .. } => {
                return Err(Fault::internal("an answer holds a part that no model writes"));
            }
        }
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_holds_comes_back_as_it_was() {
        let told = json!([
            { "type": "reasoning", "text": "hm", "opaque": { "anthropic": { "signature": "s" } } },
            { "type": "reasoning", "text": "", "opaque": { "anthropic": { "redacted": "x" } } },
            { "type": "reasoning", "text": "", "opaque": { "anthropic": { "block": { "type": "new_thing", "a": 1 } } } },
            { "type": "reasoning", "text": "so", "opaque": { "gemini": { "signature": "g" } } },
            { "type": "text", "text": "Yes" },
            { "type": "tool_call", "id": "1", "name": "f", "arguments": { "a": 1 }, "opaque": { "gemini": { "signature": "t" } } },
        ]);
        let parts: Vec<Part> = serde_json::from_value(told.clone()).unwrap();
        let blocks = written(parts).unwrap();
        assert_eq!(blocks[0], json!({ "type": "thinking", "thinking": "hm", "signature": "s" }));
        assert_eq!(blocks[2], json!({ "type": "new_thing", "a": 1 }));
        let mut message = Fields::of(json!({ "content": blocks }), "").unwrap();
        let read = read(&mut message, "content", &mut Marks::default(), assistant).unwrap();
        assert_eq!(Value::Array(read), told);
    }
}
