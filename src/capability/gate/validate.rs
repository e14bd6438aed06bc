//! Whether the input fits the tool's schema. All places that do not fit are told at once, each with how to mend it.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::{Map, Value};

use crate::capability::tool::Tool;
use crate::kernel::fault::{Fault, Violation};

/// More places than this are not told: an input that is wrong in so many is wrong as a whole.
const MOST_VIOLATIONS: usize = 32;

/// Holds the input against the schema. A null for an optional property counts as left out, as models often write it, and a
/// whole number is one however it is written: `7.0` is an integer to a schema.
///
/// # Errors
/// `bad_input` with every place that does not fit.
pub fn validate(tool: &Tool, mut input: Value) -> Result<Value, Fault> {
    if input.is_null() {
        input = Value::Object(Map::new());
    }
    settle(&mut input, tool.input());
    if holds_nul(&input) {
        let mut nuls = Vec::new();
        find_nuls(&input, &mut String::new(), &mut nuls);
        return Err(Fault::violations(nuls));
    }
    let validator = tool.validator()?;
    if validator.is_valid(&input) {
        return Ok(input);
    }
    let all = validator.iter_errors(&input).flat_map(|error| violations(tool, &error));
    let mut told: Vec<Violation> = all.take(MOST_VIOLATIONS + 1).collect();
    if told.len() > MOST_VIOLATIONS {
        told.truncate(MOST_VIOLATIONS - 1);
        told.push(Violation { pointer: String::new(), message: "more places do not fit; mend these first".to_owned() });
    }
    Err(Fault::violations(told))
}

/// Takes out nulls that stand for optional properties and writes whole numbers as integers, nested ones too.
fn settle(input: &mut Value, schema: &Map<String, Value>) {
    match input {
        Value::Object(properties) => {
            let named = schema.get("properties").and_then(Value::as_object);
            let required = schema.get("required").and_then(Value::as_array);
            let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|one| one == name));
            let is_named = |name: &str| named.is_some_and(|named| named.contains_key(name));
            if properties.values().any(Value::is_null) {
                properties.retain(|name, value| !value.is_null() || is_required(name) || !is_named(name));
            }
            for (name, value) in
                properties.iter_mut().filter(|(_, value)| value.is_object() || value.is_array() || value.is_f64())
            {
                if let Some(Value::Object(below)) = named.and_then(|named| named.get(name)) {
                    settle(value, below);
                }
            }
        }
        Value::Array(items) => {
            if let Some(Value::Object(below)) = schema.get("items") {
                for item in items {
                    settle(item, below);
                }
            }
        }
        Value::Number(number) if schema.get("type").is_some_and(|kind| kind == "integer") => {
            if let Some(whole) = number.as_f64().filter(|_| number.is_f64()).and_then(whole) {
                *number = whole.into();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether any text holds the character U+0000. Nearly none does: where it is need not be known then.
fn holds_nul(input: &Value) -> bool {
    match input {
        Value::String(text) => text.contains('\0'),
        Value::Object(properties) => properties.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Texts that hold the character U+0000, which no text of people's needs and not every store can keep.
fn find_nuls(input: &Value, at: &mut String, found: &mut Vec<Violation>) {
    if found.len() >= MOST_VIOLATIONS {
        return;
    }
    let mut refuse = |pointer: &str| {
        let message = "must not hold the character U+0000: leave it out".to_owned();
        found.push(Violation { pointer: pointer.to_owned(), message });
    };
    match input {
        Value::String(text) if text.contains('\0') => refuse(at),
        Value::Object(properties) => {
            if properties.keys().any(|name| name.contains('\0')) {
                refuse(at);
            }
            let below =
                properties.iter().filter(|(_, value)| value.is_string() || value.is_object() || value.is_array());
            for (name, value) in below {
                let length = at.len();
                at.push('/');
                at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                find_nuls(value, at, found);
                at.truncate(length);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                let length = at.len();
                at.push('/');
                at.push_str(&place.to_string());
                find_nuls(value, at, found);
                at.truncate(length);
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The integer that a number is, up to what a double holds exactly.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() != 0.0 || number.abs() > EXACT {
        return None;
    }
    format!("{number:.0}").parse().ok()
}

/// What does not fit by one error: one place, or every property that is not known.
fn violations(tool: &Tool, error: &ValidationError<'_>) -> Vec<Violation> {
    let at = error.instance_path().as_str();
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => unexpected
            .iter()
            .take(MOST_VIOLATIONS)
            .enumerate()
            .map(|(number, name)| {
                // The names come from the caller and may be long; what is known is told once.
                let name = short(name);
                let known = if number == 0 { known(tool, at) } else { "leave it out".to_owned() };
                Violation { pointer: below(at, &name), message: format!("'{name}' is not known here; {known}") }
            })
            .collect(),
        _ => vec![violation(tool, at, error)],
    }
}

fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn violation(tool: &Tool, at: &str, error: &ValidationError<'_>) -> Violation {
    let (pointer, message) = match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            (below(at, name), format!("'{name}' is missing{}", described(tool, at, name)))
        }
        ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
            (at.to_owned(), "fits none of the forms that the schema allows here".to_owned())
        }
        ValidationErrorKind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(kind) => kind.to_string(),
                TypeKind::Multiple(kinds) => kinds.iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or "),
            };
            (at.to_owned(), format!("must be of type {wanted}, not {}", type_of(error.instance())))
        }
        ValidationErrorKind::Enum { options } => (at.to_owned(), format!("must be one of {options}")),
        // The instance can be long or secret: only its limits are told.
        ValidationErrorKind::MaxLength { limit } => (at.to_owned(), format!("must have at most {limit} characters")),
        ValidationErrorKind::MinLength { limit } => (at.to_owned(), format!("must have at least {limit} characters")),
        ValidationErrorKind::MaxItems { limit } => (at.to_owned(), format!("must have at most {limit} items")),
        ValidationErrorKind::MinItems { limit } => (at.to_owned(), format!("must have at least {limit} items")),
        ValidationErrorKind::Maximum { limit } => (at.to_owned(), format!("must be at most {limit}")),
        ValidationErrorKind::Minimum { limit } => (at.to_owned(), format!("must be at least {limit}")),
        ValidationErrorKind::Pattern { pattern } => (at.to_owned(), format!("must match the pattern {pattern}")),
        ValidationErrorKind::Format { format } => (at.to_owned(), format!("must be of the format {format}")),
        _ => (at.to_owned(), short(&error.to_string())),
    };
    Violation { pointer, message }
}

/// What the schema says of a missing property.
fn described(tool: &Tool, at: &str, name: &str) -> String {
    let told = (at.is_empty())
        .then(|| tool.input().get("properties")?.get(name)?.get("description")?.as_str())
        .flatten()
        .and_then(|text| text.split_once('.').map_or(Some(text), |(first, _)| Some(first)));
    told.map_or_else(String::new, |text| format!(": {text}"))
}

fn known(tool: &Tool, at: &str) -> String {
    let names = (at.is_empty()).then(|| tool.input().get("properties")?.as_object()).flatten();
    names.map_or_else(
        || "leave it out".to_owned(),
        |names| {
            if names.is_empty() {
                "the tool takes no input".to_owned()
            } else {
                format!("known are {}", names.keys().cloned().collect::<Vec<_>>().join(", "))
            }
        },
    )
}

const fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
