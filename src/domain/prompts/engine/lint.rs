//! What can be said of a prompt without assembling it: faults that keep it from being used, and what a reader would remark.
//! Each rule has an id that never changes its meaning.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::blocks::BlockFault;
use super::content::{Content, Variable};
use super::tags::{line_of, references};
use super::template::{Wrong, WrongKind, names};
use super::variables::{MOST, compiled, is_name};
use crate::kernel::redact::redact;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It cannot be used so.
    Error,
    /// Somebody should look at it.
    Warning,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule, such as `P002`.
    pub rule: &'static str,
    /// How much it matters.
    pub level: Level,
    /// The line of the template, where it is at one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What it is and how to mend it.
    pub message: String,
}

/// Every rule: its id, what it is about.
pub const RULES: &[(&str, &str)] = &[
    ("P001", "the template is well formed"),
    ("P002", "every name that the template uses is a variable"),
    ("P003", "every variable is used"),
    ("P004", "every block that is included is there, and by its name in quotes"),
    ("P005", "blocks do not include each other"),
    ("P006", "the template, its blocks and variables are not too large"),
    ("P007", "the schema of a variable is a JSON Schema"),
    ("P008", "a default fits its own schema"),
    ("P009", "every variable says what it means"),
    ("P010", "the template holds no secret"),
    ("P011", "the template is not empty"),
    ("P012", "the checks hold"),
    ("P013", "blocks that are declared are included"),
    ("P014", "the name of a variable can be written in a template, and is given once"),
];

impl Finding {
    /// An error.
    #[must_use]
    pub fn error(rule: &'static str, line: Option<usize>, message: String) -> Self {
        Self { rule, level: Level::Error, line, message }
    }

    /// A warning.
    #[must_use]
    pub fn warning(rule: &'static str, line: Option<usize>, message: String) -> Self {
        Self { rule, level: Level::Warning, line, message }
    }

    /// What is wrong with a template, as a finding.
    #[must_use]
    pub fn of_template(wrong: &Wrong) -> Self {
        let rule = match wrong.kind {
            WrongKind::Syntax | WrongKind::Failed => "P001",
            WrongKind::TooMuch => "P006",
            WrongKind::Undefined => "P002",
        };
        match &wrong.block {
            Some(block) => Self::error(rule, None, format!("in the block '{block}': {}", wrong.say)),
            None => Self::error(rule, wrong.line, wrong.say.clone()),
        }
    }

    /// What is wrong with its blocks, as a finding.
    #[must_use]
    pub fn of_block(fault: &BlockFault) -> Self {
        match fault {
            BlockFault::Missing { within: None, line, name } => {
                let message = format!("there is no block '{name}': make it with prompt_create, or take it out");
                Self::error("P004", Some(*line), message)
            }
            BlockFault::Refused { within: None, line, word } => {
                let message = format!("'{word}' is not served: include a block by its name in quotes");
                Self::error("P004", Some(*line), message)
            }
            BlockFault::Missing { .. } | BlockFault::Refused { .. } => Self::error("P004", None, fault.to_string()),
            BlockFault::Loop(_) => Self::error("P005", None, fault.to_string()),
            BlockFault::TooMany => Self::error("P006", None, fault.to_string()),
        }
    }
}

/// Findings about a content. `joined` are its variables with those of its blocks; while the blocks are not known, a name that
/// none of its own variables has may be theirs, and is not judged where it includes any.
#[must_use]
pub fn findings(content: &Content, joined: Option<&[Variable]>) -> Vec<Finding> {
    let mut found = of_variables(&content.variables);
    if content.template.trim().is_empty() {
        found.push(Finding::error("P011", None, "the template is empty: write what the model is to do".to_owned()));
    }
    let used = match names(&content.template) {
        Ok(used) => used,
        Err(wrong) => {
            found.push(Finding::of_template(&wrong));
            return found;
        }
    };
    let known = joined.unwrap_or(&content.variables);
    if joined.is_some() || references(&content.template).is_empty() {
        let strange = used.iter().filter(|name| !known.iter().any(|variable| variable.name == **name));
        found.extend(strange.map(|name| unknown(&content.template, name)));
    }
    if redact(&content.template) != content.template {
        let message = "it holds what looks like a password or key: take it out, and change it where it was used";
        found.push(Finding::warning("P010", None, message.to_owned()));
    }
    found
}

/// A name that is no variable.
fn unknown(template: &str, name: &str) -> Finding {
    let message = format!("'{name}' is no variable: declare it, or write text instead");
    Finding::error("P002", line_of(template, name), message)
}

/// Variables that neither the template nor one of its blocks uses.
#[must_use]
pub fn unused(content: &Content, used: &BTreeSet<String>) -> Vec<Finding> {
    let unused = content.variables.iter().filter(|variable| !used.contains(&variable.name));
    let message = |name: &str| format!("the variable '{name}' is used nowhere: take it out, or use it");
    unused.map(|variable| Finding::warning("P003", None, message(&variable.name))).collect()
}

fn of_variables(variables: &[Variable]) -> Vec<Finding> {
    let mut found = Vec::new();
    if variables.len() > MOST {
        found.push(Finding::error("P006", None, format!("it has more than {MOST} variables")));
    }
    let mut seen = BTreeSet::new();
    for variable in variables {
        let name = &variable.name;
        if !is_name(name) {
            let message = format!("'{name}' is no name: letters, digits and '_' only, beginning with no digit");
            found.push(Finding::error("P014", None, message));
        }
        if !seen.insert(name) {
            found.push(Finding::error("P014", None, format!("the variable '{name}' is declared twice")));
        }
        match compiled(&variable.schema) {
            Err(why) => {
                found.push(Finding::error("P007", None, format!("the variable '{name}' has no JSON Schema: {why}")));
            }
            Ok(validator) => {
                if let Some(error) = variable.default().and_then(|value| validator.validate(value).err()) {
                    let message = format!("the default of '{name}' does not fit its own schema: {error}");
                    found.push(Finding::error("P008", None, message));
                }
            }
        }
        if variable.description().trim().is_empty() {
            let message = format!("the variable '{name}' does not say what it means: add a description");
            found.push(Finding::warning("P009", None, message));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rules(template: &str, variables: &Value) -> Vec<(&'static str, Option<usize>)> {
        let content = json!({ "template": template, "variables": variables });
        let content: Content = serde_json::from_value(content).unwrap();
        findings(&content, None).iter().map(|one| (one.rule, one.line)).collect()
    }

    #[test]
    fn each_rule_finds_what_it_is_about() {
        let variable = |name: &str, schema: Value| json!({ "name": name, "required": true, "schema": schema });
        let good = variable("a", json!({ "type": "string", "description": "A." }));
        assert_eq!(rules("{{ a }}", &json!([good])), []);
        assert_eq!(rules("x\n{{ a", &json!([good])), [("P001", Some(2))]);
        assert_eq!(rules("{{ a }}\n\n{{ b }}", &json!([good])), [("P002", Some(3))]);
        assert_eq!(rules("  ", &json!([good])), [("P011", None)]);
        assert_eq!(rules("{{ a }} password = hunter22", &json!([good])), [("P010", None)]);
        assert_eq!(rules("{{ a }}", &json!([good, good])), [("P014", None)]);
        assert_eq!(rules("x", &json!([variable("a-b", json!({ "description": "A." }))])), [("P014", None)]);
        let schema = json!({ "type": "strang", "description": "A." });
        assert_eq!(rules("{{ a }}", &json!([variable("a", schema)])), [("P007", None)]);
        let schema = json!({ "type": "string", "description": "A.", "default": 3 });
        assert_eq!(rules("{{ a }}", &json!([variable("a", schema)])), [("P008", None)]);
        assert_eq!(rules("{{ a }}", &json!([variable("a", json!({}))])), [("P009", None)]);
        let many: Vec<Value> =
            (0..=MOST).map(|at| variable(&format!("v{at}"), json!({ "description": "V." }))).collect();
        assert_eq!(rules("x", &json!(many)), [("P006", None)]);
        let ids: BTreeSet<&str> = RULES.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), RULES.len());
    }
}
