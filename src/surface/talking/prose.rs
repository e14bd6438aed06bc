//! Messages as the models' capabilities take them: a role and parts.

use serde_json::{Map, Value};

/// A message.
pub(in crate::surface) fn message(role: &str, parts: Vec<Value>) -> Value {
    object([("role", role.into()), ("parts", Value::Array(parts))])
}

/// Words.
pub(in crate::surface) fn text(text: String) -> Value {
    object([("type", "text".into()), ("text", text.into())])
}

/// A picture.
pub(in crate::surface) fn image(url: String) -> Value {
    object([("type", "image".into()), ("url", url.into())])
}

/// Thoughts, with what the vendor wants back unread.
pub(in crate::surface) fn reasoning(text: String, opaque: Option<Value>) -> Value {
    with(object([("type", "reasoning".into()), ("text", text.into())]), opaque)
}

/// A tool call of the model.
pub(in crate::surface) fn call(id: String, name: String, arguments: Value, opaque: Option<Value>) -> Value {
    let call = [("type", "tool_call".into()), ("id", id.into()), ("name", name.into()), ("arguments", arguments)];
    with(object(call), opaque)
}

/// What a tool answered.
pub(in crate::surface) fn result(id: String, text: String, failed: bool) -> Value {
    let result = [("type", "tool_result".into()), ("id", id.into()), ("text", text.into()), ("failed", failed.into())];
    object(result)
}

/// An object of these properties.
pub(in crate::surface) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn with(mut part: Value, opaque: Option<Value>) -> Value {
    if let (Some(opaque), Value::Object(part)) = (opaque, &mut part) {
        part.insert("opaque".to_owned(), opaque);
    }
    part
}

/// The arguments of a call from the text that a vendor's clients send them as. What is no JSON goes back as it was.
pub(in crate::surface) fn arguments(text: String) -> Value {
    if text.trim().is_empty() {
        return Value::Object(Map::new());
    }
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// The other way round.
pub(in crate::surface) fn arguments_text(arguments: Value) -> String {
    match arguments {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
