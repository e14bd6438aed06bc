//! What every tool must be, whatever it does: its name and texts, its schemas, its routes, and that it is what the catalogue
//! says.

use std::collections::BTreeMap;

use convoke::capability::outcome::Form;
use convoke::capability::spec::{Effect, Route, Verb};
use convoke::capability::tool::Tool;
use serde_json::{Map, Value};

use crate::tools::{built, catalogue};

const LONGEST_TEXT: usize = 400;

/// What an input schema may be made of: what the function calling of `OpenAI`, Anthropic and Gemini, and the clients of MCP
/// that pass schemas on to them, all take. Left out on purpose: `$ref` and `$defs` (some clients do not resolve them), unions
/// of types and `null` (Gemini has none), `oneOf`, `allOf`, `not`, `if` (refused by `OpenAI`'s strict mode and by Gemini),
/// `exclusiveMinimum`, `multipleOf`, `uniqueItems`, `patternProperties`, `propertyNames`, `const` (not in Gemini's schema).
/// `anyOf` is taken by all three, though not at the top.
const KEYWORDS: &[&str] = &[
    "additionalProperties",
    "anyOf",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
];

/// Formats that `OpenAI`'s strict mode knows; the others take them as a hint.
const FORMATS: &[&str] = &["date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

const TYPES: &[&str] = &["string", "integer", "number", "boolean", "array", "object"];

/// Runs a check on every tool and tells all that is wrong at once.
fn every_tool(check: impl Fn(&Tool, &mut Vec<String>)) {
    let mut wrong = Vec::new();
    for tool in built() {
        let mut found = Vec::new();
        check(&tool, &mut found);
        wrong.extend(found.into_iter().map(|text| format!("{}: {text}", tool.name)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_fit_every_client() {
    every_tool(|tool, wrong| {
        let letters = tool.name.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_');
        let fits = letters && tool.name.starts_with(|one: char| one.is_ascii_lowercase());
        if !fits || !(3..=48).contains(&tool.name.len()) {
            wrong.push("the name must fit ^[a-z][a-z0-9_]{2,47}$".to_owned());
        }
    });
}

#[test]
fn titles_and_descriptions_are_there_and_short() {
    every_tool(|tool, wrong| {
        for (what, text) in [("title", &tool.title), ("description", &tool.description)] {
            if text.trim().is_empty() || text.chars().count() > LONGEST_TEXT {
                wrong.push(format!("the {what} must have 1 to {LONGEST_TEXT} characters"));
            }
            if text.contains("  ") || text.contains('\n') || text.trim() != text {
                wrong.push(format!("the {what} is not one clean line: {text:?}"));
            }
        }
    });
}

#[test]
fn names_are_unique() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for tool in built() {
        *seen.entry(tool.name.to_string()).or_default() += 1;
    }
    seen.retain(|_, times| *times > 1);
    assert!(seen.is_empty(), "{seen:?}");
}

#[test]
fn every_field_says_what_it_is() {
    every_tool(|tool, wrong| {
        for (side, schema) in [("input", tool.input()), ("output", tool.output())] {
            undescribed(schema, side, wrong);
        }
    });
}

fn undescribed(schema: &Map<String, Value>, place: &str, wrong: &mut Vec<String>) {
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let place = format!("{place}/{name}");
        if property.get("description").and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()) {
            wrong.push(format!("{place} has no description"));
        }
        property.as_object().into_iter().for_each(|property| undescribed(property, &place, wrong));
    }
    for below in ["items", "additionalProperties"] {
        if let Some(Value::Object(below_it)) = schema.get(below) {
            undescribed(below_it, &format!("{place}/{below}"), wrong);
        }
    }
    for choice in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        choice.as_object().into_iter().for_each(|choice| undescribed(choice, place, wrong));
    }
}

#[test]
fn input_schemas_are_closed_objects_of_what_large_model_apis_take() {
    every_tool(|tool, wrong| {
        if tool.input().get("type").is_none_or(|kind| kind != "object") || !tool.input().contains_key("properties") {
            wrong.push("the input is no object with properties".to_owned());
        }
        if tool.input().get("additionalProperties") != Some(&Value::Bool(false)) {
            wrong.push("the input takes unknown fields".to_owned());
        }
        if tool.input().contains_key("anyOf") {
            wrong.push("a union at the top is refused by some model APIs".to_owned());
        }
        unusual(&Value::Object((**tool.input()).clone()), "", wrong);
    });
}

/// Every keyword, type and format in a schema that is not in the lists above.
fn unusual(schema: &Value, place: &str, wrong: &mut Vec<String>) {
    let Value::Object(schema) = schema else {
        wrong.push(format!("{place}: must be a schema object, not {schema}"));
        return;
    };
    if !schema.contains_key("type") && !schema.contains_key("anyOf") {
        wrong.push(format!("{place}: has no type"));
    }
    for (keyword, value) in schema {
        match (keyword.as_str(), value) {
            ("type", Value::String(kind)) if TYPES.contains(&kind.as_str()) => {}
            ("type", _) => wrong.push(format!("{place}: the type {value}")),
            ("format", Value::String(format)) if FORMATS.contains(&format.as_str()) => {}
            ("format", _) => wrong.push(format!("{place}: the format {value}")),
            ("enum", Value::Array(values)) if values.iter().all(Value::is_string) && !values.is_empty() => {}
            ("enum", _) => wrong.push(format!("{place}: the values {value}, which are not all strings")),
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    unusual(property, &format!("{place}/{name}"), wrong);
                }
            }
            ("items", _) => unusual(value, &format!("{place}/items"), wrong),
            ("additionalProperties", Value::Bool(_)) => {}
            ("additionalProperties", _) => unusual(value, &format!("{place}/additionalProperties"), wrong),
            ("anyOf", Value::Array(choices)) => {
                for choice in choices {
                    unusual(choice, &format!("{place}/anyOf"), wrong);
                }
            }
            (keyword, _) if KEYWORDS.contains(&keyword) => {}
            (keyword, _) => wrong.push(format!("{place}: the keyword {keyword}")),
        }
    }
}

#[test]
fn text_and_lists_in_inputs_have_a_limit() {
    every_tool(|tool, wrong| unlimited(tool.input(), "", wrong));
}

fn unlimited(schema: &Map<String, Value>, place: &str, wrong: &mut Vec<String>) {
    let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
    let limited = match kind {
        "string" => ["maxLength", "enum", "format"].iter().any(|limit| schema.contains_key(*limit)),
        "array" => schema.contains_key("maxItems"),
        _ => true,
    };
    if !limited {
        wrong.push(format!("{place}: the {kind} has no limit"));
    }
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        property.as_object().into_iter().for_each(|one| unlimited(one, &format!("{place}/{name}"), wrong));
    }
    if let Some(Value::Object(items)) = schema.get("items") {
        unlimited(items, &format!("{place}/items"), wrong);
    }
}

#[test]
fn values_are_answered_as_objects() {
    every_tool(|tool, wrong| {
        if tool.form == Form::Value && tool.output().get("type").is_none_or(|kind| kind != "object") {
            wrong.push(format!("the output is {:?}, no object", tool.output().get("type")));
        }
    });
}

#[test]
fn what_a_route_names_is_a_required_input() {
    every_tool(|tool, wrong| {
        let required = tool.input().get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        for (route, name) in tool.routes.iter().flat_map(|route| parameters(route).map(move |name| (route, name))) {
            let property = tool.input().get("properties").and_then(|properties| properties.get(name));
            match property.and_then(|property| property.get("type")).and_then(Value::as_str) {
                None => wrong.push(format!("{}: there is no input {name}", route.path)),
                Some("array" | "object") => wrong.push(format!("{}: {name} is no scalar", route.path)),
                Some(_) if !required.iter().any(|one| one == name) => {
                    wrong.push(format!("{}: {name} is not required", route.path));
                }
                Some(_) => {}
            }
        }
    });
}

#[test]
fn what_is_read_by_get_fits_a_query() {
    every_tool(|tool, wrong| {
        if !tool.routes.iter().any(|route| route.verb == Verb::Get) {
            return;
        }
        for (name, property) in tool.input().get("properties").and_then(Value::as_object).into_iter().flatten() {
            let kind = |schema: &Value| schema.get("type").and_then(Value::as_str).map(str::to_owned);
            let flat = match kind(property).as_deref() {
                Some("array") => {
                    property.get("items").and_then(kind).is_some_and(|kind| kind != "array" && kind != "object")
                }
                Some("object") | None => false,
                Some(_) => true,
            };
            if !flat {
                wrong.push(format!("{name} cannot be written in a query: only scalars and lists of scalars can"));
            }
        }
    });
}

#[test]
fn methods_fit_effects() {
    every_tool(|tool, wrong| {
        for route in &tool.routes {
            let fits = match route.verb {
                Verb::Get => tool.effect == Effect::Read,
                // Reads with an input that fits no query are posted; so is much that changes or ends something.
                Verb::Post => true,
                Verb::Put | Verb::Patch => matches!(tool.effect, Effect::Create | Effect::Change | Effect::Remove),
                Verb::Delete => tool.effect == Effect::Remove || tool.effect == Effect::Change,
            };
            if !fits {
                wrong.push(format!("{} {} does not fit {}", route.verb.name(), route.path, tool.effect.name()));
            }
        }
    });
}

#[test]
fn routes_belong_to_one_tool() {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for tool in built() {
        for route in &tool.routes {
            assert!(route.path.starts_with('/') && !route.path.ends_with('/'), "{}: {}", tool.name, route.path);
            owners.entry(shape(&written(route))).or_default().push(tool.name.to_string());
        }
    }
    owners.retain(|_, tools| tools.len() > 1);
    assert!(owners.is_empty(), "routes of more than one tool: {owners:?}");
}

#[test]
fn tools_are_what_the_catalogue_says() {
    let planned: BTreeMap<String, _> = catalogue().into_iter().map(|row| (row.name.clone(), row)).collect();
    every_tool(|tool, wrong| {
        let Some(row) = planned.get(&*tool.name) else {
            wrong.push("is not in tests/fixtures/catalogue.psv".to_owned());
            return;
        };
        if row.domain != tool.domain.name() {
            wrong.push(format!("belongs to {}, not {}", row.domain, tool.domain.name()));
        }
        let effect = match tool.effect {
            Effect::Read => "r",
            Effect::Create | Effect::Change => "w",
            Effect::Remove => "d",
        };
        if row.effect != effect {
            wrong.push(format!("the effect is {} ({effect}), the catalogue says {}", tool.effect.name(), row.effect));
        }
        let routes: Vec<String> = tool.routes.iter().map(|route| shape(&written(route))).collect();
        let expected: Vec<String> = row.routes.iter().map(|route| shape(route)).collect();
        if routes != expected {
            wrong.push(format!("the routes are {routes:?}, the catalogue says {expected:?}"));
        }
    });
}

/// `GET /users/{id}`.
fn written(route: &Route) -> String {
    format!("{} {}", route.verb.name(), route.path)
}

/// A route without the names of its parameters, as a router tells routes apart.
fn shape(route: &str) -> String {
    let parts = route.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

fn parameters(route: &Route) -> impl Iterator<Item = &'static str> {
    route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}
