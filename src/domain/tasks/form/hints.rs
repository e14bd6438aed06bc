//! How a form is shown: in which order, and each field in which way. Hints change nothing of what fits.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::fault::Violation;

/// How a form is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Hints {
    /// The fields at the top in the order in which they are shown; those that are not named come after, in the schema's order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 60), inner(length(min = 1, max = 64)))]
    pub order: Vec<String>,
    /// By field at the top: how it is shown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Hint>,
}

/// How a field is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Hint {
    /// As what it is shown; what fits its type when not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub widget: Option<Widget>,
    /// What stands in it while it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub placeholder: Option<String>,
    /// What stands below it, to help.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 500))]
    pub help: Option<String>,
}

/// As what a field is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Widget {
    /// One line.
    Text,
    /// Several lines.
    Textarea,
    /// A list to choose from.
    Select,
    /// Choices side by side.
    Radio,
}

impl Hints {
    /// What of it is of no field of the form, or not of the field's type.
    #[must_use]
    pub fn unfit(&self, form: Option<&Map<String, Value>>) -> Vec<Violation> {
        let properties = form.and_then(|form| form.get("properties")).and_then(Value::as_object);
        let there = |name: &str| properties.and_then(|properties| properties.get(name));
        let mut wrong = Vec::new();
        let mut seen = Vec::new();
        for (place, name) in self.order.iter().enumerate() {
            let message = if there(name).is_none() {
                "is no field of the form"
            } else if seen.contains(&name) {
                "is named before"
            } else {
                seen.push(name);
                continue;
            };
            wrong.push(Violation { pointer: format!("/ui/order/{place}"), message: message.to_owned() });
        }
        for (name, hint) in &self.fields {
            let pointer = format!("/ui/fields/{}", name.replace('~', "~0").replace('/', "~1"));
            let Some(field) = there(name) else {
                wrong.push(Violation { pointer, message: "is no field of the form".to_owned() });
                continue;
            };
            let is_choice = field.get("enum").is_some();
            let is_text = field.get("type").is_some_and(|kind| kind == "string") && !is_choice;
            let fits = match hint.widget {
                None => true,
                Some(Widget::Text | Widget::Textarea) => is_text,
                Some(Widget::Select | Widget::Radio) => is_choice,
            };
            if !fits {
                let message = "text and textarea are for texts, select and radio for choices".to_owned();
                wrong.push(Violation { pointer: format!("{pointer}/widget"), message });
            }
        }
        wrong
    }

    /// The names of the fields at the top in the order in which they are shown.
    #[must_use]
    pub fn ordered<'a>(&'a self, properties: &'a Map<String, Value>) -> Vec<&'a str> {
        let named = self.order.iter().map(String::as_str).filter(|name| properties.contains_key(*name));
        let rest = properties.keys().map(String::as_str).filter(|name| !self.order.iter().any(|one| one == name));
        named.chain(rest).collect()
    }
}
