//! Forms as lists of fields, `{ "fields": [{ "name", "type", "options" }] }`: another way to write the same, read into a JSON Schema.

use serde_json::{Map, Value, json};

use crate::kernel::fault::Violation;

/// The form as a JSON Schema, from whichever way it is written.
///
/// # Errors
/// Every field that cannot be read.
pub fn read(form: &Map<String, Value>) -> Result<Map<String, Value>, Vec<Violation>> {
    let Some(fields) = form.get("fields").filter(|_| !form.contains_key("properties")) else { return Ok(form.clone()) };
    let one = |pointer: String, message: &str| Violation { pointer, message: message.to_owned() };
    let Some(fields) = fields.as_array() else {
        return Err(vec![one("/form/fields".to_owned(), "must be a list of fields")]);
    };
    let (mut properties, mut required, mut wrong) = (Map::new(), Vec::new(), Vec::new());
    for (place, field) in fields.iter().enumerate() {
        let place = format!("/form/fields/{place}");
        let Some(name) = field.get("name").and_then(Value::as_str) else {
            wrong.push(one(format!("{place}/name"), "is missing"));
            continue;
        };
        let kind = field.get("type").and_then(Value::as_str).unwrap_or("text");
        let Some(mut schema) = schema(kind, field.get("options")) else {
            let say = "must be one of text, enum (with options), multiselect (with options), number, integer, boolean, date, datetime, email";
            wrong.push(one(format!("{place}/type"), say));
            continue;
        };
        for (from, to) in [("label", "title"), ("description", "description"), ("default", "default")] {
            if let Some(value) = field.get(from) {
                schema.insert(to.to_owned(), value.clone());
            }
        }
        if field.get("required").is_some_and(|needed| *needed == Value::Bool(true)) {
            required.push(Value::String(name.to_owned()));
        }
        if properties.insert(name.to_owned(), Value::Object(schema)).is_some() {
            wrong.push(one(format!("{place}/name"), "is the name of an earlier field"));
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut made = Map::new();
    made.insert("type".to_owned(), "object".into());
    made.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        made.insert("required".to_owned(), Value::Array(required));
    }
    Ok(made)
}

fn schema(kind: &str, options: Option<&Value>) -> Option<Map<String, Value>> {
    let value = match (kind, options) {
        ("text" | "string" | "textarea", _) => json!({ "type": "string" }),
        ("enum" | "select", Some(options)) => json!({ "type": "string", "enum": options }),
        ("multiselect", Some(options)) => json!({ "type": "array", "items": { "type": "string", "enum": options } }),
        ("number" | "integer" | "boolean", _) => json!({ "type": kind }),
        ("date" | "email", _) => json!({ "type": "string", "format": kind }),
        ("datetime" | "date-time", _) => json!({ "type": "string", "format": "date-time" }),
        _ => return None,
    };
    value.as_object().cloned()
}
