//! A page with a form, as a capability tells it and a door draws it: what there is to know, what is to be filled in, what can be decided, and how what
//! the person says becomes the input of the tool that takes it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A page with a form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FormPage {
    /// What it is about.
    pub title: String,
    /// For whom it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// More of it, in paragraphs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<String>,
    /// What there is to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// Why nothing can be said any more, or what was said; absent while the form is to be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
    /// What is to be filled in: a JSON Schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<Map<String, Value>>,
    /// The member of the tool's input that takes what is filled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form_as: Option<String>,
    /// What can be said besides, as properties of a JSON Schema: each a member of the tool's input.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub also: Map<String, Value>,
    /// By field of the form: how it is shown.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hints: BTreeMap<String, FieldHint>,
    /// The fields of the form in the order in which they are shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<String>,
    /// What can be decided: a button each; one that sends where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
    /// The member of the tool's input that takes the decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision_as: Option<String>,
    /// The other members of the tool's input.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub fixed: Map<String, Value>,
}

/// Something to know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// What it says.
    pub value: String,
    /// Where it leads, where it is an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// How a field is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldHint {
    /// As what: `text`, `textarea`, `select` or `radio`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub widget: Option<String>,
    /// What stands in it while it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// What stands below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// Something that can be decided.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// What the tool takes.
    pub value: String,
    /// What stands on the button.
    pub label: String,
}
