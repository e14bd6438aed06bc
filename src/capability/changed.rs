//! What a write changed of a document, as its audit entry tells it.

use serde_json::{Map, Value};

use crate::port::records::Kind;

/// The properties that differ, private ones masked.
pub(super) fn difference(kind: &Kind, before: Option<Value>, after: &Value) -> (Option<Value>, Option<Value>) {
    let Some(Value::Object(before)) = before else { return (None, Some(without_private(kind, after.clone()))) };
    let Value::Object(after) = after else { return (None, None) };
    let changed = |one: &Map<String, Value>, other: &Map<String, Value>| {
        let kept = one.iter().filter(|(name, value)| other.get(*name) != Some(value));
        Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    let (gone, come) = (changed(&before, after), changed(after, &before));
    (Some(without_private(kind, gone)), Some(without_private(kind, come)))
}

/// What of a document may be told: private properties are masked.
pub(super) fn without_private(kind: &Kind, mut value: Value) -> Value {
    if let Value::Object(properties) = &mut value {
        for name in kind.private {
            if let Some(value) = properties.get_mut(*name) {
                *value = "***".into();
            }
        }
    }
    value
}
