//! Values that are made up to fit a schema, always the same for the same schema.

use serde_json::{Map, Value, json};

/// How deep a value is made up.
const DEEPEST: usize = 8;

/// A value that fits a schema as far as it says what it wants: the first of a list of values, an example, a default, else the simplest one
/// of its type. `name` stands in texts.
#[must_use]
pub fn made_up(schema: &Value, name: &str) -> Value {
    at(schema, name, 0)
}

fn at(schema: &Value, name: &str, depth: usize) -> Value {
    let Some(schema) = schema.as_object() else { return Value::Null };
    for given in ["const", "default"] {
        if let Some(value) = schema.get(given) {
            return value.clone();
        }
    }
    for given in ["enum", "examples"] {
        if let Some(first) = schema.get(given).and_then(Value::as_array).and_then(|all| all.first()) {
            return first.clone();
        }
    }
    for either in ["oneOf", "anyOf"] {
        if let Some(first) = schema.get(either).and_then(Value::as_array).and_then(|all| all.first()) {
            return at(first, name, depth);
        }
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let mut whole = Map::new();
        for part in parts {
            if let Value::Object(members) = at(part, name, depth) {
                whole.extend(members);
            }
        }
        return Value::Object(whole);
    }
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.as_str(),
        Some(Value::Array(kinds)) => kinds.iter().find_map(Value::as_str).unwrap_or("null"),
        _ if schema.contains_key("properties") => "object",
        _ => return Value::Null,
    };
    match kind {
        "object" => object(schema, depth),
        "array" => array(schema, name, depth),
        "string" => Value::String(text(schema, name)),
        "integer" => {
            let least = bound(schema, "minimum").or_else(|| bound(schema, "exclusiveMinimum").map(|least| least + 1.0));
            let most = bound(schema, "maximum");
            let value = least.unwrap_or(1.0).ceil().min(most.unwrap_or(f64::MAX));
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a bound beyond 64 bits is no integer that anybody can give"
            )]
            let value = value as i64;
            json!(value)
        }
        "number" => {
            let least = bound(schema, "minimum").or_else(|| bound(schema, "exclusiveMinimum").map(|least| least + 1.0));
            json!(least.unwrap_or(1.0).min(bound(schema, "maximum").unwrap_or(f64::MAX)))
        }
        "boolean" => Value::Bool(true),
        _ => Value::Null,
    }
}

fn object(schema: &Map<String, Value>, depth: usize) -> Value {
    if depth >= DEEPEST {
        return json!({});
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let made = properties.into_iter().flatten().map(|(name, schema)| (name.clone(), at(schema, name, depth + 1)));
    Value::Object(made.collect())
}

fn array(schema: &Map<String, Value>, name: &str, depth: usize) -> Value {
    let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).clamp(0, 20);
    if depth >= DEEPEST {
        return json!([]);
    }
    let one = schema.get("items").map_or(Value::Null, |items| at(items, name, depth + 1));
    Value::Array((0..least).map(|_| one.clone()).collect())
}

fn text(schema: &Map<String, Value>, name: &str) -> String {
    let made = match schema.get("format").and_then(Value::as_str) {
        Some("date") => "2026-01-15".to_owned(),
        Some("date-time") => "2026-01-15T09:00:00Z".to_owned(),
        Some("time") => "09:00:00Z".to_owned(),
        Some("email") => "somebody@example.com".to_owned(),
        Some("uri" | "url") => "https://example.com/".to_owned(),
        Some("uuid") => "00000000-0000-4000-8000-000000000000".to_owned(),
        _ => format!("Some {name}"),
    };
    let count = |limit: &str| schema.get(limit).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
    let mut made: String = made.chars().take(count("maxLength").unwrap_or(usize::MAX)).collect();
    while made.chars().count() < count("minLength").unwrap_or(0).min(1_000) {
        made.push('x');
    }
    made
}

fn bound(schema: &Map<String, Value>, name: &str) -> Option<f64> {
    schema.get(name).and_then(Value::as_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_up_fits_its_schema() {
        for schema in [
            json!({ "type": "object", "properties": { "decision": { "enum": ["approve", "reject"] }, "note": { "type": "string", "maxLength": 3 } } }),
            json!({ "type": "array", "minItems": 2, "items": { "type": "integer", "minimum": 5 } }),
            json!({ "type": "string", "minLength": 40 }),
            json!({ "type": "string", "format": "date-time" }),
            json!({ "type": ["boolean", "null"] }),
            json!({ "type": "number", "exclusiveMinimum": 2, "maximum": 9 }),
            json!({ "allOf": [{ "properties": { "a": { "type": "string" } } }, { "properties": { "b": { "const": 7 } }, "required": ["b"] }] }),
        ] {
            let made = made_up(&schema, "thing");
            assert!(jsonschema::is_valid(&schema, &made), "{schema} {made}");
        }
    }
}
