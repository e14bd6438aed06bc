//! What BPMN has no element for, as JSON within `extensionElements`, and which of two words counts: the file's own where somebody changed
//! it, else the one that was written here and may say what XML cannot.

use std::fmt::Write as _;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::OURS;
use super::xml::Element;
use crate::domain::processes::engine::pictures::texts::{is_sayable, xml};

/// A value as text that XML can say: what it cannot say stands escaped within the JSON's strings.
pub(super) fn written(value: &Value) -> String {
    let mut json = String::new();
    for one in value.to_string().chars() {
        if is_sayable(one) {
            json.push(one);
        } else {
            // Beyond those that JSON escapes itself only two are left, both in the first plane.
            let _ = write!(json, "\\u{:04x}", u32::from(one));
        }
    }
    xml(&json).into_owned()
}

/// What of ours an element carries, by the name that it has there.
pub(super) fn carried<T: DeserializeOwned>(element: &Element, name: &str) -> Option<T> {
    let ours =
        element.child("extensionElements")?.children.iter().find(|one| one.namespace == OURS && one.name == name)?;
    serde_json::from_str(ours.text.trim()).ok()
}

/// What a text is after XML: without what it cannot say, without space around it.
fn said(text: &str) -> String {
    let told: String = text.chars().map(|one| if is_sayable(one) { one } else { '\u{FFFD}' }).collect();
    told.replace("\r\n", "\n").replace('\r', "\n").trim().to_owned()
}

/// The text as it was written here where the file still says it, else what the file says.
pub(super) fn agreed(file: &str, ours: Option<&str>) -> String {
    match ours {
        Some(ours) if said(ours) == said(file) => ours.to_owned(),
        _ => file.trim().to_owned(),
    }
}

/// The same within a map of JSON.
pub(super) fn put(config: &mut Map<String, Value>, name: &str, file: &str) {
    let text = agreed(file, config.get(name).and_then(Value::as_str));
    config.insert(name.to_owned(), Value::String(text));
}
