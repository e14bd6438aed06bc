//! The input of a call over REST, from path, query and body. Texts of path and query become what the schema wants; whether
//! the whole fits is judged by the gate.

use std::collections::HashMap;

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::kernel::codes;
use crate::kernel::fault::{Fault, Violation};

/// A query with more pairs is no input of a tool.
const MOST_PAIRS: usize = 1000;

/// Puts the input together. A property that two places give must be the same in both.
///
/// # Errors
/// `bad_input` where the places contradict each other, `malformed` where the query cannot be read.
pub fn of(
    schema: &Map<String, Value>,
    path: Vec<(String, String)>,
    query: Option<&str>,
    body: Option<Value>,
) -> Result<Value, Fault> {
    let mut input = match body {
        None => Map::new(),
        Some(Value::Object(properties)) => properties,
        Some(Value::Null) => return Err(Fault::bad_input("", "the body must be a JSON object, or left out")),
        Some(other) if path.is_empty() && query.is_none_or(str::is_empty) => return Ok(other),
        Some(_) => return Err(Fault::bad_input("", "the body must be a JSON object")),
    };
    let mut wrong = Vec::new();
    let mut add = |name: &str, value: Value, place: &str| match input.get(name) {
        Some(there) if *there != value => wrong.push(Violation {
            pointer: pointer(name),
            message: format!("the {place} says one thing and the rest of the request another; give it once"),
        }),
        Some(_) => {}
        None => {
            input.insert(name.to_owned(), value);
        }
    };
    for (name, values) in grouped(query)? {
        match coerce_all(property(schema, &name), &values)? {
            Some(value) => add(&name, value, "query"),
            None => return Err(Fault::bad_input(pointer(&name), "is given more than once in the query")),
        }
    }
    for (name, text) in path {
        add(&name, coerce(property(schema, &name), &text), "path");
    }
    if wrong.is_empty() { Ok(Value::Object(input)) } else { Err(Fault::violations(wrong)) }
}

/// The JSON of a body, `None` where there is no body.
///
/// # Errors
/// `unsupported_media` for another media type, `malformed` for what is no JSON or is nested too deeply.
pub fn body(headers: &HeaderMap, bytes: &[u8]) -> Result<Option<Value>, Fault> {
    if bytes.is_empty() {
        return Ok(None);
    }
    if let Some(essence) = media_type(headers).filter(|essence| !is_json(essence)) {
        return Err(Fault::new(&codes::UNSUPPORTED_MEDIA, format!("the body is '{essence}'; send application/json")));
    }
    serde_json::from_slice(bytes).map(Some).map_err(|error| {
        // serde_json stops at 128 levels, before the stack is in danger.
        Fault::new(&codes::MALFORMED, format!("the body is not JSON that can be read: {error}"))
    })
}

/// The media type of a body, without its parameters.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let media = headers.get(CONTENT_TYPE)?;
    Some(media.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn is_json(essence: &str) -> bool {
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// Whether a body is a file as it is, for a tool that takes one: it says that it is something, and that is neither JSON nor a form.
#[must_use]
pub fn is_file(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|essence| {
        !is_json(&essence) && !essence.starts_with("multipart/") && essence != "application/x-www-form-urlencoded"
    })
}

/// The pairs of the query by name, in order; values as they were written.
fn grouped(query: Option<&str>) -> Result<Vec<(String, Vec<&str>)>, Fault> {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (count, pair) in pairs.enumerate() {
        if count == MOST_PAIRS {
            return Err(Fault::bad_input(
                "",
                format!("the query has more than {MOST_PAIRS} pairs; send them as a body"),
            ));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name)?;
        let place = *places.entry(name.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    Ok(groups)
}

fn decode(text: &str) -> Result<String, Fault> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Fault::new(&codes::MALFORMED, "the query holds bytes that are not UTF-8"))
}

fn property<'a>(schema: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    schema.get("properties")?.get(name)
}

/// Several texts as one value; `None` when only one was wanted. A comma that was written as such separates the items of a
/// list, an encoded one belongs to its item.
fn coerce_all(schema: Option<&Value>, texts: &[&str]) -> Result<Option<Value>, Fault> {
    let is_list = schema.is_some_and(|schema| schema.get("type").is_some_and(|kind| kind == "array"));
    let items = schema.and_then(|schema| schema.get("items"));
    let list = |texts: &mut dyn Iterator<Item = &str>| {
        let values = texts.map(|text| Ok(coerce(items, decode(text)?.trim())));
        values.collect::<Result<_, Fault>>().map(Value::Array)
    };
    Ok(match texts {
        [""] if is_list => Some(Value::Array(Vec::new())),
        [only] if is_list => Some(list(&mut only.split(','))?),
        many if is_list => Some(list(&mut many.iter().copied())?),
        [only] => Some(coerce(schema, &decode(only)?)),
        _ => None,
    })
}

/// A text as what the schema wants; what cannot become that stays a text, which the gate then refuses by name.
fn coerce(schema: Option<&Value>, text: &str) -> Value {
    let kind = schema.and_then(|schema| schema.get("type")).and_then(Value::as_str).unwrap_or("string");
    let read = match kind {
        "integer" => text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from)).ok(),
        "number" => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from),
        "boolean" => text.parse::<bool>().ok().map(Value::from),
        "object" => serde_json::from_str::<Value>(text).ok().filter(Value::is_object),
        _ => None,
    };
    read.unwrap_or_else(|| Value::from(text))
}

fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Map<String, Value> {
        let properties = json!({
            "id": { "type": "string" }, "limit": { "type": "integer" }, "share": { "type": "number" },
            "all": { "type": "boolean" }, "tags": { "type": "array", "items": { "type": "integer" } },
        });
        Map::from_iter([("properties".to_owned(), properties)])
    }

    #[test]
    fn texts_become_what_the_schema_wants() {
        let query = "limit=5&share=0.5&all=true&tags=1,2&id=a%20b+c&more=7";
        let input = of(&schema(), Vec::new(), Some(query), None).unwrap();
        let wanted = json!({ "limit": 5, "share": 0.5, "all": true, "tags": [1, 2], "id": "a b c", "more": "7" });
        assert_eq!(input, wanted);
        assert_eq!(of(&schema(), Vec::new(), Some("tags=1&tags=2"), None).unwrap(), json!({ "tags": [1, 2] }));
        assert_eq!(of(&schema(), Vec::new(), Some("limit=many"), None).unwrap(), json!({ "limit": "many" }));
        assert!(of(&schema(), Vec::new(), Some("limit=1&limit=2"), None).is_err());
        assert!(of(&schema(), Vec::new(), Some("id=%ff"), None).is_err());
    }

    #[test]
    fn an_encoded_comma_belongs_to_its_item() {
        let properties = json!({ "tags": { "type": "array", "items": { "type": "string" } } });
        let schema = Map::from_iter([("properties".to_owned(), properties)]);
        let of = |query: &str| of(&schema, Vec::new(), Some(query), None).unwrap()["tags"].clone();
        assert_eq!(of("tags=a%2Cb,c"), json!(["a,b", "c"]));
        assert_eq!(of("tags=a%2Cb"), json!(["a,b"]));
        assert_eq!(of("tags=a%2Cb&tags=c"), json!(["a,b", "c"]));
        assert_eq!(of("tags="), json!([]));
    }

    #[test]
    fn a_query_has_an_end() {
        let query = |pairs: usize| (0..pairs).map(|number| format!("n{number}=1")).collect::<Vec<_>>().join("&");
        assert!(of(&schema(), Vec::new(), Some(&query(MOST_PAIRS)), None).is_ok());
        assert!(of(&schema(), Vec::new(), Some(&query(MOST_PAIRS + 1)), None).unwrap_err().is(&codes::BAD_INPUT));
    }

    #[test]
    fn places_must_agree() {
        let path = vec![("id".to_owned(), "7".to_owned())];
        assert_eq!(
            of(&schema(), path.clone(), None, Some(json!({ "all": true }))).unwrap(),
            json!({ "all": true, "id": "7" })
        );
        assert!(of(&schema(), path.clone(), None, Some(json!({ "id": "7" }))).is_ok());
        let fault = of(&schema(), path.clone(), None, Some(json!({ "id": "8" }))).unwrap_err();
        assert_eq!(fault.places()[0].pointer, "/id");
        assert!(of(&schema(), path, None, Some(json!([1]))).is_err());
        assert_eq!(of(&schema(), Vec::new(), None, Some(json!([1]))).unwrap(), json!([1]));
    }

    #[test]
    fn files_are_neither_json_nor_forms() {
        for (media, file) in [
            ("application/pdf", true),
            ("text/plain; charset=utf-8", true),
            ("application/octet-stream", true),
            ("application/json", false),
            ("application/problem+json", false),
            ("multipart/form-data; boundary=x", false),
            ("application/x-www-form-urlencoded", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, media.parse().unwrap())]);
            assert_eq!(is_file(&headers), file, "{media}");
        }
        assert!(!is_file(&HeaderMap::new()));
    }

    #[test]
    fn bodies_are_json() {
        let with = |media: &str| HeaderMap::from_iter([(CONTENT_TYPE, media.parse().unwrap())]);
        assert_eq!(body(&with("application/json; charset=utf-8"), b"{}").unwrap(), Some(json!({})));
        assert!(body(&with("application/merge-patch+json"), b"{}").is_ok());
        assert!(body(&with("text/plain"), b"{}").unwrap_err().is(&codes::UNSUPPORTED_MEDIA));
        assert!(body(&with("application/json"), b"{").unwrap_err().is(&codes::MALFORMED));
        let deep = "[".repeat(100_000);
        assert!(body(&with("application/json"), deep.as_bytes()).unwrap_err().is(&codes::MALFORMED));
    }
}
