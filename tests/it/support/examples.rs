//! The cards' worked examples: which there are, and whether an answer is what one says.

use std::sync::Arc;

use convoke::capability::tool::{Example, Tool};
use serde_json::Value;

/// What of an example's output an answer lacks; empty when it has all of it. The answer may hold more: an object more
/// properties, a list more items before, between and after.
pub(crate) fn lacks(expected: &Value, actual: &Value) -> Vec<String> {
    let mut missing = Vec::new();
    compare(expected, actual, "", &mut missing);
    missing
}

fn compare(expected: &Value, actual: &Value, place: &str, missing: &mut Vec<String>) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (name, value) in expected {
                match actual.get(name) {
                    Some(there) => compare(value, there, &format!("{place}/{name}"), missing),
                    None => missing.push(format!("{place}/{name} is not there")),
                }
            }
        }
        (Value::Array(expected), Value::Array(actual)) => {
            let mut rest = actual.iter();
            for (number, item) in expected.iter().enumerate() {
                if !rest.any(|there| lacks(item, there).is_empty()) {
                    missing.push(format!("{place}/{number}: no item fits {item}"));
                }
            }
        }
        _ if expected == actual => {}
        _ => missing.push(format!("{place} is {actual}, not {expected}")),
    }
}

/// Every example of every tool.
pub(crate) fn all() -> Vec<(Arc<Tool>, Example)> {
    let tools = crate::tools::built();
    tools
        .into_iter()
        .flat_map(|tool| tool.card.examples.clone().into_iter().map(move |one| (tool.clone(), one)))
        .collect()
}

#[test]
fn an_answer_may_hold_more_and_not_less() {
    use serde_json::json;
    let answer = json!({ "items": [{ "id": 1, "name": "a" }, { "id": 2, "name": "b" }], "more": true });
    assert!(lacks(&json!({ "items": [{ "name": "b" }] }), &answer).is_empty());
    assert!(lacks(&json!({ "items": [{ "name": "b" }, { "name": "a" }] }), &answer).len() == 1);
    assert!(lacks(&json!({ "items": [], "none": 1 }), &answer) == ["/none is not there"]);
    assert!(lacks(&json!({ "more": false }), &answer) == ["/more is true, not false"]);
}
