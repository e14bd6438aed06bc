//! The content of a version: what never changes once it is stored, and by whose digest it is addressed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::seal::sha256_hex;

/// Where a prompt or a persona comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// It came with the program, or lies in its folder.
    File,
    /// The tenant made it, or changed what came as a file.
    Tenant,
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Variable {
    /// Its name, as the template writes it.
    pub name: String,
    /// Whether it must be given.
    pub required: bool,
    /// What it must be: a JSON Schema, with `description` and `default` where it has them.
    pub schema: Map<String, Value>,
}

impl Variable {
    /// The value where none is given.
    #[must_use]
    pub fn default(&self) -> Option<&Value> {
        self.schema.get("default")
    }

    /// What it means.
    #[must_use]
    pub fn description(&self) -> &str {
        self.schema.get("description").and_then(Value::as_str).unwrap_or_default()
    }

    /// Its type, where it has one.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.schema.get("type").and_then(Value::as_str)
    }

    /// The values that it can have, where they are listed.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        let listed = self.schema.get("enum").and_then(Value::as_array).into_iter().flatten();
        let mut values: Vec<String> =
            listed.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
        if values.is_empty() && self.kind() == Some("boolean") {
            values = vec!["true".to_owned(), "false".to_owned()];
        }
        values
    }
}

/// What an assembled text must be: no model is asked.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Check {
    /// What it is about.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The variables that the text is assembled with.
    #[serde(default)]
    pub variables: Map<String, Value>,
    /// Texts that it must hold.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 2000)))]
    pub contains: Vec<String>,
    /// Texts that it must not hold.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 2000)))]
    pub lacks: Vec<String>,
    /// The most tokens (`o200k_base`) that it may have.
    #[serde(default, alias = "max_tokens", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_tokens: Option<u64>,
}

/// A contract case: what a caller gives, and what every answer to it must be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// What it is about.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The variables that the caller gives.
    #[serde(default)]
    pub variables: Map<String, Value>,
    /// An answer recorded from a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100_000))]
    pub answer: Option<String>,
    /// Texts that every answer must hold.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 2000)))]
    pub contains: Vec<String>,
    /// Texts that no answer may hold.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 2000)))]
    pub lacks: Vec<String>,
    /// The most tokens (`o200k_base`) that an answer may have.
    #[serde(default, alias = "max_tokens", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_tokens: Option<u64>,
    /// A JSON Schema that an answer must fit, which must be JSON then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Map<String, Value>>,
}

/// The content of a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// The text with its variables and blocks.
    pub template: String,
    /// The variables, by name.
    pub variables: Vec<Variable>,
    /// What the assembled text must be.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// What answers must be.
    #[serde(default)]
    pub cases: Vec<Case>,
}

impl Content {
    /// The variable of a name.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|one| one.name == name)
    }

    /// The SHA-256 of the content, whatever the order in which it was written.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut content = self.clone();
        content.variables.sort_by(|one, other| one.name.cmp(&other.name));
        // A content is strings, numbers and maps with names: it can always be written.
        let mut value = serde_json::to_value(&content).unwrap_or_default();
        value.sort_all_objects();
        sha256_hex(value.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_digest_is_of_what_is_said_and_not_of_its_order() {
        let read = |value: Value| serde_json::from_value::<Content>(value).unwrap();
        let one = json!({ "template": "{{ a }}{{ b }}", "variables": [
            { "name": "a", "required": true, "schema": { "type": "string", "description": "A" } },
            { "name": "b", "required": true, "schema": {} } ] });
        let other = json!({ "variables": [
            { "required": true, "name": "b", "schema": {} },
            { "schema": { "description": "A", "type": "string" }, "name": "a", "required": true } ],
            "template": "{{ a }}{{ b }}" });
        assert_eq!(read(one.clone()).digest(), read(other).digest());
        let mut changed = read(one.clone());
        changed.template.push(' ');
        assert_ne!(read(one).digest(), changed.digest());
    }
}
