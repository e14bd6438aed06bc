//! The flat projection of a form, as assistants ask people by it: fields of one level, texts, numbers, yes and no, and choices.

use serde_json::{Map, Value, json};

/// The name of the field that takes the outcome.
pub const OUTCOME: &str = "outcome";
/// The name of the field that takes a comment.
pub const COMMENT: &str = "comment";

/// The flat form with the outcome and a comment; none where the form is not flat, or has a field of one of these names.
#[must_use]
pub fn flat(
    form: Option<&Map<String, Value>>,
    outcomes: &[String],
    decides_itself: bool,
) -> Option<Map<String, Value>> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    if !decides_itself {
        properties.insert(OUTCOME.to_owned(), json!({ "type": "string", "title": "Decision", "enum": outcomes }));
        required.push(Value::from(OUTCOME));
    }
    for (name, field) in form.and_then(|form| form.get("properties")).and_then(Value::as_object).into_iter().flatten() {
        if name == OUTCOME || name == COMMENT {
            return None;
        }
        let field = field.as_object()?;
        if !matches!(field.get("type")?.as_str()?, "string" | "integer" | "number" | "boolean") {
            return None;
        }
        let mut kept = field.clone();
        // What the protocol's forms do not know is held when the answer comes in.
        kept.remove("pattern");
        if kept.get("format").is_some_and(|format| format == "time" || format == "uuid") {
            kept.remove("format");
        }
        properties.insert(name.clone(), Value::Object(kept));
    }
    if let Some(Value::Array(names)) = form.and_then(|form| form.get("required")) {
        required.extend(names.iter().cloned());
    }
    properties.insert(COMMENT.to_owned(), json!({ "type": "string", "title": "Comment", "maxLength": 4000 }));
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("required".to_owned(), Value::Array(required));
    Some(schema)
}
