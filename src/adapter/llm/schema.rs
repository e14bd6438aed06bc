//! JSON Schemas of answers, as far as dialects differ by them.

use serde_json::Value;

/// Whether a schema is one that OpenAI holds a model to by the letter: every object closed, every property of it demanded.
/// Others are guidance, and saying that they are strict is refused by the vendor.
pub(super) fn is_closed(schema: &Value) -> bool {
    match schema {
        Value::Object(schema) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let is_object = properties.is_some() || schema.get("type").is_some_and(|one| names(one, "object"));
            if is_object {
                let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
                let required = schema.get("required").and_then(Value::as_array);
                let demanded = |name: &str| required.is_some_and(|all| all.iter().any(|one| one == name));
                if !closed || !properties.is_none_or(|all| all.keys().all(|name| demanded(name))) {
                    return false;
                }
            }
            schema.iter().all(|(name, below)| match name.as_str() {
                // Values, not schemas.
                "enum" | "const" | "default" | "examples" | "required" => true,
                "properties" | "$defs" | "definitions" => {
                    below.as_object().is_none_or(|all| all.values().all(is_closed))
                }
                _ => is_closed(below),
            })
        }
        Value::Array(all) => all.iter().all(is_closed),
        _ => true,
    }
}

/// Whether the keyword `type` names a type, alone or among others.
fn names(of: &Value, name: &str) -> bool {
    of == name || of.as_array().is_some_and(|all| all.iter().any(|one| one == name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_closed_schemas_are_held_to_by_the_letter() {
        let closed = json!({"type": "object", "properties": {"a": {"type": "string", "enum": ["type"]}}, "required": ["a"],
            "additionalProperties": false});
        assert!(is_closed(&closed));
        for (place, value) in [
            ("/additionalProperties", json!(true)),
            ("/required", json!([])),
            ("/properties/a", json!({"type": ["object", "null"]})),
            ("/properties/a", json!({"type": "array", "items": {"type": "object"}})),
            ("/properties/a", json!({"anyOf": [{"type": "object"}, {"type": "null"}]})),
        ] {
            let mut open = closed.clone();
            *open.pointer_mut(place).unwrap() = value;
            assert!(!is_closed(&open), "{place}");
        }
    }
}
