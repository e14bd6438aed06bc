//! Schemas as the large model APIs accept them: one self-contained object, no references, no null types, no unions at the
//! top, no number formats of ours. Derived from the types; nothing is written by hand.

use std::sync::Arc;

use jsonschema::{PatternOptions, Validator};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// A JSON Schema object, shared.
pub type SharedSchema = Arc<Map<String, Value>>;

/// The schema of an input: what `deserialize` takes, closed against unknown properties.
#[must_use]
pub fn of_input<T: JsonSchema>() -> SharedSchema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = object(settings.for_deserialize().into_generator().into_root_schema_for::<T>().to_value());
    close(&mut schema);
    Arc::new(schema)
}

/// The schema of an output: what `serialize` gives.
#[must_use]
pub fn of_output<T: JsonSchema>() -> SharedSchema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    Arc::new(object(settings.for_serialize().into_generator().into_root_schema_for::<T>().to_value()))
}

/// Compiles a schema that is at most so deep.
///
/// # Errors
/// Why it is none.
pub fn compiled(schema: &Map<String, Value>, deepest: usize) -> Result<Validator, String> {
    let schema = Value::Object(schema.clone());
    if depth(&schema) > deepest {
        return Err(format!("it is more than {deepest} levels deep"));
    }
    jsonschema::options()
        .should_validate_formats(true)
        // Of two engines the one whose time grows with the text only.
        .with_pattern_options(PatternOptions::regex())
        .build(&schema)
        .map_err(|error| error.to_string())
}

/// The schema of a property that may be anything: said by type in inputs, since some clients refuse what has none. Lists in lists end at the third.
pub fn anything(generator: &mut SchemaGenerator) -> Schema {
    if generator.contract().is_serialize() {
        return Schema::default();
    }
    let plain = || {
        vec![
            json!({ "type": "string" }),
            json!({ "type": "number" }),
            json!({ "type": "boolean" }),
            json!({ "type": "object" }),
        ]
    };
    let or_list = |items: Vec<Value>| {
        let list = json!({ "type": "array", "items": { "anyOf": items }, "maxItems": 10_000 });
        let mut all = plain();
        all.push(list);
        all
    };
    json_schema!({ "anyOf": or_list(or_list(plain())) })
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn object(value: Value) -> Map<String, Value> {
    let mut value = value;
    portable(&mut value);
    match value {
        Value::Object(mut schema) => {
            schema.remove("title");
            schema.remove("description");
            schema.entry("type").or_insert_with(|| "object".into());
            if schema.get("type").is_some_and(|kind| kind == "object") {
                schema.entry("properties").or_insert_with(|| Value::Object(Map::new()));
            }
            schema
        }
        // `true` is the schema of anything.
        _ => Map::new(),
    }
}

/// Closes every object that names its properties, nested ones too: a misspelt name is told, not ignored.
fn close(schema: &mut Map<String, Value>) {
    if schema.get("type").is_some_and(|kind| kind == "object") && schema.contains_key("properties") {
        schema.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    for (name, below) in schema.iter_mut() {
        match (name.as_str(), below) {
            ("properties", Value::Object(named)) => named.values_mut().filter_map(Value::as_object_mut).for_each(close),
            ("items" | "additionalProperties", Value::Object(below)) => close(below),
            ("anyOf" | "oneOf", Value::Array(choices)) => {
                choices.iter_mut().filter_map(Value::as_object_mut).for_each(close);
            }
            _ => {}
        }
    }
}

/// Rewrites a schema in place: `["string","null"]` becomes `"string"`, `anyOf` of something and null becomes the something,
/// formats that name Rust's integers go, `const` alternatives become an `enum`.
fn portable(value: &mut Value) {
    match value {
        Value::Object(schema) => {
            schema.remove("$schema");
            if let Some(Value::Array(kinds)) = schema.get_mut("type") {
                kinds.retain(|kind| kind != "null");
                if let [only] = kinds.as_slice() {
                    let only = only.clone();
                    schema.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(values)) = schema.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            if let Some(Value::String(told)) = schema.get_mut("description")
                && told.contains('\n')
            {
                // Where a doc comment breaks its lines says nothing to a reader of the schema.
                *told = told.split("\n\n").map(|part| part.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
            }
            if schema.get("default").is_some_and(Value::is_null) {
                schema.remove("default");
            }
            if schema.get("format").and_then(Value::as_str).is_some_and(is_number_format) {
                schema.remove("format");
            }
            for union in ["anyOf", "oneOf"] {
                flatten(schema, union);
            }
            // Properties are named by people: only what lies below a name is a schema.
            for (name, below) in schema.iter_mut() {
                match (name.as_str(), below) {
                    ("properties" | "patternProperties" | "$defs", Value::Object(named)) => {
                        for below in named.values_mut() {
                            portable(below);
                            // "Anything" is `true` to JSON Schema, and older MCP revisions want an object.
                            if *below == Value::Bool(true) {
                                *below = Value::Object(Map::new());
                            }
                        }
                    }
                    ("default" | "examples" | "enum" | "const", _) => {}
                    ("items", below) if *below == Value::Bool(true) => *below = Value::Object(Map::new()),
                    (_, below) => portable(below),
                }
            }
        }
        Value::Array(many) => many.iter_mut().for_each(portable),
        _ => {}
    }
}

fn flatten(schema: &mut Map<String, Value>, union: &str) {
    let Some(Value::Array(choices)) = schema.get_mut(union) else { return };
    choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
    // Documented alternatives are constants, undocumented ones of the same type come together as an enum.
    let named = |choice: &Value| match (choice.get("const"), choice.get("enum")) {
        (Some(Value::String(name)), _) => Some(vec![Value::String(name.clone())]),
        (None, Some(Value::Array(names))) if names.iter().all(Value::is_string) => Some(names.clone()),
        _ => None,
    };
    let constants: Option<Vec<Vec<Value>>> = choices.iter().map(named).collect();
    let constants = constants.map(|constants| constants.concat());
    if let Some(constants) = constants.filter(|constants| !constants.is_empty()) {
        let told: Vec<String> = choices
            .iter()
            .filter_map(|choice| {
                let name = choice.get("const")?.as_str()?;
                Some(format!("{name}: {}", choice.get("description")?.as_str()?))
            })
            .collect();
        schema.remove(union);
        schema.insert("type".to_owned(), "string".into());
        schema.insert("enum".to_owned(), Value::Array(constants));
        if !told.is_empty() {
            let before = schema.get("description").and_then(Value::as_str).map(|text| format!("{text} "));
            let description = format!("{}{}", before.unwrap_or_default(), told.join("; "));
            schema.insert("description".to_owned(), description.into());
        }
        return;
    }
    if let [_] = choices.as_slice()
        && let Some(Value::Array(mut choices)) = schema.remove(union)
        && let Some(Value::Object(only)) = choices.pop()
    {
        for (name, value) in only {
            schema.entry(name).or_insert(value);
        }
    }
}

fn is_number_format(format: &str) -> bool {
    matches!(
        format,
        "int8"
            | "int16"
            | "int32"
            | "int64"
            | "uint"
            | "uint8"
            | "uint16"
            | "uint32"
            | "uint64"
            | "int"
            | "float"
            | "double"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema is used")]
    enum Mode {
        /// Off it goes.
        Fast,
        Slow,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    struct Sample {
        /// How many.
        count: Option<u32>,
        /// Which way.
        mode: Option<Mode>,
        format: String,
    }

    #[test]
    fn is_portable() {
        let schema = Value::Object((*of_input::<Sample>()).clone());
        let text = schema.to_string();
        assert!(!text.contains("null") && !text.contains("uint32") && !text.contains("anyOf"), "{text}");
        assert_eq!(schema["properties"]["count"]["type"], "integer");
        assert_eq!(schema["properties"]["mode"]["type"], "string");
        assert_eq!(schema["properties"]["format"]["type"], "string");
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["required"], serde_json::json!(["format"]));
    }
}
