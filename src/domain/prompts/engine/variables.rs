//! Variables: filling them in, and whether those of a new version take everything that callers of the present one give.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::content::Variable;
use crate::capability::schema;
use crate::kernel::fault::Violation;

/// Places of a value that are told.
const MOST_VIOLATIONS: usize = 16;
/// The deepest that a schema may be.
const DEEPEST: usize = 16;
/// The most bytes of a schema.
const LONGEST: usize = 16_384;
/// The most variables of a template.
pub const MOST: usize = 64;

/// Words that only explain.
const EXPLAIN: &[&str] = &["$comment", "title", "description", "default", "examples", "deprecated"];
/// Lower bounds: a smaller one takes more.
const LOWER: &[&str] = &["minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties", "minContains"];
/// Upper bounds: a larger one takes more.
const UPPER: &[&str] = &["maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties", "maxContains"];

/// Whether a name can be written in a template.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let begins = name.starts_with(|one: char| one.is_ascii_alphabetic() || one == '_');
    begins && name.len() <= 64 && name.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'_')
}

/// Compiles the schema of a variable.
///
/// # Errors
/// Why it is none.
pub fn compiled(schema: &Map<String, Value>) -> Result<Validator, String> {
    let bytes = serde_json::to_string(schema).map_or(0, |text| text.len());
    if bytes > LONGEST {
        return Err(format!("it has more than {LONGEST} bytes"));
    }
    schema::compiled(schema, DEEPEST)
}

/// The values that a template is assembled with: those that are given, and the defaults of those that are not.
///
/// # Errors
/// Everything that is missing, unknown or does not fit; `below` is where in the input the values lie.
pub fn filled(
    variables: &[Variable],
    given: &Map<String, Value>,
    below: &str,
) -> Result<Map<String, Value>, Vec<Violation>> {
    let mut wrong = Vec::new();
    let mut tell = |name: &str, message: String| {
        let name = name.replace('~', "~0").replace('/', "~1");
        wrong.push(Violation { pointer: format!("{below}/{name}"), message });
    };
    for name in given.keys().filter(|name| !variables.iter().any(|one| one.name == **name)) {
        let known: Vec<&str> = variables.iter().map(|one| one.name.as_str()).collect();
        let all = if known.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", known.join(", ")) };
        tell(name, format!("is no variable of this prompt: {all}"));
    }
    let mut filled = Map::new();
    for variable in variables {
        let Some(value) = given.get(&variable.name) else {
            match variable.default() {
                Some(value) => drop(filled.insert(variable.name.clone(), value.clone())),
                None if variable.required => {
                    let means = variable.description();
                    let what = if means.is_empty() { String::new() } else { format!(": {means}") };
                    tell(&variable.name, format!("is missing{what}"));
                }
                None => {}
            }
            continue;
        };
        match compiled(&variable.schema) {
            Ok(validator) => {
                let mut fits = true;
                for error in validator.iter_errors(value).take(MOST_VIOLATIONS) {
                    fits = false;
                    let place = error.instance_path().to_string();
                    let within = if place.is_empty() { String::new() } else { format!(" at {place}") };
                    tell(&variable.name, format!("does not fit{within}: {error}"));
                }
                if fits {
                    filled.insert(variable.name.clone(), value.clone());
                }
            }
            Err(why) => tell(&variable.name, format!("cannot be judged, its schema is none: {why}")),
        }
    }
    if wrong.is_empty() { Ok(filled) } else { Err(wrong) }
}

/// What of the new variables refuses what callers of the present ones give: each as a sentence.
#[must_use]
pub fn breaks(present: &[Variable], new: &[Variable]) -> Vec<String> {
    let of: BTreeMap<&str, &Variable> = new.iter().map(|one| (one.name.as_str(), one)).collect();
    let mut found = Vec::new();
    for old in present {
        let Some(now) = of.get(old.name.as_str()) else {
            found.push(format!("the variable '{}' is gone", old.name));
            continue;
        };
        let was_optional = !old.required || old.default().is_some();
        if was_optional && now.required && now.default().is_none() {
            found.push(format!("the variable '{}' must be given now", old.name));
        }
        narrower(&Value::Object(old.schema.clone()), &Value::Object(now.schema.clone()), &old.name, &mut found);
    }
    for now in new.iter().filter(|now| now.required && now.default().is_none()) {
        if !present.iter().any(|old| old.name == now.name) {
            found.push(format!("the variable '{}' is new and must be given", now.name));
        }
    }
    found
}

/// Where a new schema takes less than the old one. What cannot be compared word by word counts as less.
fn narrower(old: &Value, new: &Value, place: &str, found: &mut Vec<String>) {
    let (Value::Object(old), Value::Object(new)) = (old, new) else {
        if old != new && *new != Value::Bool(true) {
            found.push(format!("'{place}' was {old} and is {new}"));
        }
        return;
    };
    for (word, now) in new {
        let was = old.get(word);
        let number = |value: Option<&Value>| value.and_then(Value::as_f64);
        match (word.as_str(), was) {
            (word, _) if EXPLAIN.contains(&word) => {}
            (_, Some(was)) if was == now => {}
            (word, was) if LOWER.contains(&word) => {
                if number(was).is_none_or(|was| number(Some(now)).is_none_or(|now| now > was)) {
                    found.push(format!("'{place}' has the bound {word} {now} now"));
                }
            }
            (word, was) if UPPER.contains(&word) => {
                if number(was).is_none_or(|was| number(Some(now)).is_none_or(|now| now < was)) {
                    found.push(format!("'{place}' has the bound {word} {now} now"));
                }
            }
            ("enum" | "type", Some(was)) => {
                let list = |value: &Value| match value {
                    Value::Array(values) => values.clone(),
                    one => vec![one.clone()],
                };
                let takes = list(now);
                for gone in list(was).iter().filter(|value| !takes.contains(value)) {
                    // Whole numbers are numbers.
                    if !(word == "type" && *gone == "integer" && takes.iter().any(|one| one == "number")) {
                        found.push(format!("'{place}' does not take the {word} {gone} any more"));
                    }
                }
            }
            ("properties", was) => {
                let empty = Map::new();
                let (was, now) = (was.and_then(Value::as_object).unwrap_or(&empty), now.as_object().unwrap_or(&empty));
                for (name, schema) in now {
                    let before = was.get(name).cloned().unwrap_or_else(|| Value::Object(Map::new()));
                    narrower(&before, schema, &format!("{place}.{name}"), found);
                }
            }
            ("required", was) => {
                let had = was.and_then(Value::as_array).cloned().unwrap_or_default();
                for name in now.as_array().into_iter().flatten().filter(|name| !had.contains(name)) {
                    found.push(format!("'{place}' must have {name} now"));
                }
            }
            ("items" | "additionalProperties", Some(was)) => narrower(was, now, &format!("{place}[]"), found),
            ("additionalProperties", None) if *now == Value::Bool(true) => {}
            (word, _) => found.push(format!("'{place}' has another {word} now: {now}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn variable(name: &str, required: bool, schema: &Value) -> Variable {
        Variable { name: name.to_owned(), required, schema: schema.as_object().unwrap().clone() }
    }

    #[test]
    fn what_is_missing_unknown_or_wrong_is_told_at_its_place_all_at_once() {
        let variables = [
            variable("notes", true, &json!({ "type": "string", "minLength": 2, "description": "The notes." })),
            variable("count", true, &json!({ "type": "integer", "default": 3 })),
            variable("extra", false, &json!({ "type": "string" })),
            variable("data", true, &json!({ "type": "object", "required": ["a"] })),
        ];
        let given = json!({ "notes": "x", "data": {}, "noets": "y" });
        let wrong = filled(&variables, given.as_object().unwrap(), "/variables").unwrap_err();
        let places: Vec<(&str, bool)> =
            wrong.iter().map(|one| (one.pointer.as_str(), one.message.contains("is no variable"))).collect();
        assert_eq!(places, [("/variables/noets", true), ("/variables/notes", false), ("/variables/data", false)]);
        let wrong = filled(&variables, &Map::new(), "/variables").unwrap_err();
        assert_eq!(wrong[0].message, "is missing: The notes.");
        let given = json!({ "notes": "yes", "data": { "a": 1 } });
        let full = filled(&variables, given.as_object().unwrap(), "").unwrap();
        assert_eq!(Value::Object(full), json!({ "notes": "yes", "count": 3, "data": { "a": 1 } }));
    }

    #[test]
    fn what_takes_as_much_as_before_breaks_nobody() {
        let old = [
            variable("a", true, &json!({ "type": "string", "minLength": 5, "maxLength": 10, "description": "old" })),
            variable("b", true, &json!({ "type": "integer", "enum": [1, 2] })),
            variable(
                "c",
                true,
                &json!({ "type": "object", "properties": { "x": { "type": "string" } }, "required": ["x"] }),
            ),
        ];
        let new = [
            variable("a", true, &json!({ "type": "string", "minLength": 2, "description": "new" })),
            variable("b", false, &json!({ "type": "number", "enum": [1, 2, 3] })),
            variable("c", true, &json!({ "type": "object", "properties": { "x": { "type": "string" } } })),
            variable("d", true, &json!({ "type": "string", "default": "" })),
            variable("e", false, &json!({ "type": "string" })),
        ];
        assert_eq!(breaks(&old, &new), Vec::<String>::new());
        assert_eq!(breaks(&old, &old), Vec::<String>::new());
    }

    #[test]
    fn what_takes_less_breaks_callers() {
        let breaks_of =
            |old: Value, new: Value| breaks(&[variable("v", true, &old)], &[variable("v", true, &new)]).len();
        for (old, new) in [
            (json!({}), json!({ "type": "string" })),
            (json!({ "type": "string" }), json!({ "type": "integer" })),
            (json!({ "type": "number" }), json!({ "type": "integer" })),
            (json!({ "enum": ["a", "b"] }), json!({ "enum": ["a"] })),
            (json!({ "maxLength": 10 }), json!({ "maxLength": 9 })),
            (json!({}), json!({ "minLength": 1 })),
            (json!({}), json!({ "pattern": "x" })),
            (json!({ "items": { "type": "string" } }), json!({ "items": { "type": "integer" } })),
            (json!({ "properties": { "x": {} } }), json!({ "properties": { "x": { "type": "string" } } })),
            (json!({ "type": "object" }), json!({ "type": "object", "required": ["x"] })),
            (json!({}), json!({ "additionalProperties": false })),
        ] {
            assert_eq!(breaks_of(old.clone(), new.clone()), 1, "{old} {new}");
        }
        let old = [variable("gone", true, &json!({})), variable("kept", false, &json!({}))];
        let new = [variable("kept", true, &json!({})), variable("new", true, &json!({}))];
        let all = [
            "the variable 'gone' is gone",
            "the variable 'kept' must be given now",
            "the variable 'new' is new and must be given",
        ];
        assert_eq!(breaks(&old, &new), all);
    }

    #[test]
    fn names_are_what_a_template_can_write() {
        assert!(["a", "_a1", "customer_data"].into_iter().all(is_name));
        assert!(!["", "1a", "a-b", "a b", "ä"].into_iter().any(is_name));
    }
}
