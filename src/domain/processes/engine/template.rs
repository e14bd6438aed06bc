//! Templates: processes to begin from. A template is a definition with gaps, what fills them, and the cases that show that it does what it
//! says: each is tried out, and together they come to every node.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::definition::{Definition, expression_of};
use super::graph::Graph;
use super::interpreter::Facts;
use super::sandbox::{Answer, Ran, Sandbox};
use super::validation::{Soundness, Surroundings, judge};
use crate::kernel::time::Timestamp;
use crate::port::expressions::Expressions;

/// A template.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Template {
    /// Its id: the name of its file.
    #[serde(skip)]
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it does, and for whom.
    pub description: String,
    /// What part of the house it is of.
    pub category: String,
    /// What it is found by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What whoever takes it sets, by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// The nodes, with `{{name}}` where a parameter goes, as in all of the definition.
    nodes: Vec<Value>,
    /// The edges.
    edges: Vec<Value>,
    /// The variables.
    #[serde(default)]
    variables: Map<String, Value>,
    /// The lanes.
    #[serde(default)]
    lanes: Vec<Value>,
    /// What it comes to, by example.
    pub cases: Vec<Case>,
}

/// What is set once, when a process is made of a template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Parameter {
    /// What it is.
    pub description: String,
    /// The JSON Schema of its value.
    pub schema: Map<String, Value>,
    /// What it is when it is not given; it must be given where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// A value that it could have.
    pub example: Value,
}

/// What a template comes to with given answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// What happens in it.
    pub name: String,
    /// What the process is started with.
    #[serde(default)]
    pub variables: Map<String, Value>,
    /// What its nodes answer, as `process_sandbox` takes it.
    #[serde(default)]
    pub answers: BTreeMap<String, Vec<Answer>>,
    /// The ends that it comes to.
    pub ends: Vec<String>,
    /// Whether it fails there, by an end of the kind `error`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fails: bool,
    /// What the process answers, as far as it matters.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub result: Map<String, Value>,
}

/// What does not fit: the place among the parameters, and why.
pub type Unfit = (String, String);

impl Template {
    /// The template of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(id: &str, text: &str) -> Result<Self, String> {
        let mut template: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        id.clone_into(&mut template.id);
        for (name, one) in &template.parameters {
            for (what, value) in [("default", one.default.as_ref()), ("example", Some(&one.example))] {
                if let Some(Err(why)) = value.map(|value| fits(one, value)) {
                    return Err(format!("the {what} of the parameter '{name}': {why}"));
                }
            }
        }
        let told = |unfit: Vec<Unfit>| unfit.into_iter().map(|(at, why)| format!("{at} {why}")).collect::<Vec<_>>();
        template.filled(&template.example()).map_err(|unfit| told(unfit).join("; "))?;
        Ok(template)
    }

    /// A value for each parameter.
    #[must_use]
    pub fn example(&self) -> Map<String, Value> {
        self.parameters.iter().map(|(name, one)| (name.clone(), one.example.clone())).collect()
    }

    fn gapped(&self) -> Value {
        json!({ "nodes": self.nodes, "edges": self.edges, "variables": self.variables, "lanes": self.lanes })
    }

    /// The definition with its gaps filled.
    ///
    /// # Errors
    /// What is given and does not fit, or is missing.
    pub fn filled(&self, given: &Map<String, Value>) -> Result<Definition, Vec<Unfit>> {
        let mut unfit = Vec::new();
        let at = |name: &str| format!("/parameters/{}", super::nodes::escaped(name));
        for name in given.keys().filter(|name| !self.parameters.contains_key(*name)) {
            let known: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
            unfit.push((at(name), format!("is none of this template's: {}", known.join(", "))));
        }
        let mut values = BTreeMap::new();
        for (name, one) in &self.parameters {
            match given.get(name).or(one.default.as_ref()) {
                None => unfit.push((at(name), format!("must be given: {}", one.description))),
                Some(value) => match fits(one, value) {
                    Ok(()) => {
                        values.insert(name.as_str(), value);
                    }
                    Err(why) => unfit.push((at(name), why)),
                },
            }
        }
        if !unfit.is_empty() {
            return Err(unfit);
        }
        let filled = fill(&self.gapped(), &values).map_err(|why| vec![(String::new(), why)])?;
        let mut definition: Definition =
            serde_json::from_value(filled).map_err(|error| vec![(String::new(), error.to_string())])?;
        definition.name_edges();
        Ok(definition)
    }

    /// What a template does not keep of what it promises: it stands, is sound, each case comes to its ends, and all of them together to
    /// every node.
    #[must_use]
    pub fn unmet(&self, language: &Arc<dyn Expressions>) -> Vec<String> {
        let mut unmet: Vec<String> = Vec::new();
        let text = self.gapped().to_string();
        let idle = self.parameters.keys().filter(|name| !text.contains(&format!("{{{{{name}}}}}")));
        unmet.extend(idle.map(|name| format!("the parameter '{name}' goes nowhere")));
        let definition = match self.filled(&self.example()) {
            Ok(definition) => definition,
            Err(unfit) => return unfit.into_iter().map(|(at, why)| format!("{at} {why}")).collect(),
        };
        let judged = judge(&Arc::new(definition), &**language);
        unmet.extend(judged.findings.iter().map(|one| format!("{} at {}: {}", one.rule, one.at, one.say)));
        let Some(graph) = judged.graph.filter(|_| judged.sound == Some(Soundness::Sound)) else {
            unmet.push("it is not known to be sound".to_owned());
            return unmet;
        };
        let in_flow = (0..graph.nodes.len()).filter(|index| graph.in_flow(*index));
        let mut left: BTreeSet<String> = in_flow.map(|index| graph.node(index).id.clone()).collect();
        for case in &self.cases {
            match case.run(&graph, language) {
                Ok(ran) => {
                    left.retain(|node| !ran.visited.contains_key(node));
                    unmet.extend(case.missed(&graph, &ran).map(|why| format!("the case '{}': {why}", case.name)));
                }
                Err(why) => unmet.push(format!("the case '{}': {why}", case.name)),
            }
        }
        unmet.extend(left.into_iter().map(|node| format!("no case comes to '{node}'")));
        unmet
    }
}

impl Case {
    fn run(&self, graph: &Graph, language: &Arc<dyn Expressions>) -> Result<Ran, String> {
        let now = Timestamp::from_millis(1_767_225_600_000);
        let facts = Facts {
            id: "case".to_owned(),
            process: "template".to_owned(),
            version: "1.0.0".to_owned(),
            started_at: now,
            started_by: "somebody".to_owned(),
        };
        let (answers, around) = (self.answers.clone(), Surroundings::default());
        let sandbox = Sandbox { graph: graph.clone(), language: language.clone(), around, facts, answers, now };
        sandbox.run(self.variables.clone()).map_err(|failure| format!("{}: {}", failure.code, failure.message))
    }

    /// What came of it and was not to, or the other way round.
    #[must_use]
    pub fn missed(&self, graph: &Graph, ran: &Ran) -> Option<String> {
        let end = |id: &&String| graph.find(id).is_some_and(|index| graph.nodes[index].role == super::nodes::Role::End);
        let ends: BTreeSet<&String> = ran.visited.keys().filter(end).collect();
        let status = if self.fails { "failed" } else { "completed" };
        if ran.status != status || ends != self.ends.iter().collect::<BTreeSet<_>>() {
            let why = ran.failure.as_ref().map(|one| format!(" ({}: {})", one.code, one.message)).unwrap_or_default();
            return Some(format!("it is {}{why} at {ends:?}, not {status} at {:?}", ran.status, self.ends));
        }
        if let Some(unknown) =
            self.answers.keys().find(|node| !ran.visited.contains_key(*node) && graph.find(node).is_none())
        {
            return Some(format!("it answers for '{unknown}', which is no node"));
        }
        let result = ran.result.clone().unwrap_or_default();
        let other = self.result.iter().find(|(name, value)| result.get(*name) != Some(*value));
        other.map(|(name, value)| format!("'{name}' is {}, not {value}", result.get(name).unwrap_or(&json!(null))))
    }
}

fn fits(parameter: &Parameter, value: &Value) -> Result<(), String> {
    let schema = Value::Object(parameter.schema.clone());
    let validator =
        jsonschema::validator_for(&schema).map_err(|error| format!("has a schema that is none: {error}"))?;
    validator.validate(value).map_err(|error| error.to_string())
}

/// A value with its gaps filled: a text that is nothing but a gap becomes the value itself, whatever it is.
fn fill(value: &Value, with: &BTreeMap<&str, &Value>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => match text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
            Some(name) if !name.contains("{{") => known(name, with)?.clone(),
            _ => Value::String(fill_text(text, with)?),
        },
        Value::Array(items) => Value::Array(items.iter().map(|item| fill(item, with)).collect::<Result<_, _>>()?),
        Value::Object(members) => {
            let filled = members.iter().map(|(name, value)| Ok((name.clone(), fill(value, with)?)));
            Value::Object(filled.collect::<Result<_, String>>()?)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    })
}

/// Within an expression a text becomes one in quotes, so that it cannot be read as anything else; elsewhere it stands as it is.
fn fill_text(text: &str, with: &BTreeMap<&str, &Value>) -> Result<String, String> {
    let quoted = expression_of(text).is_some();
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").ok_or_else(|| format!("a gap of '{text}' is not closed"))?;
        filled.push_str(before);
        match known(name, with)? {
            Value::String(value) if !quoted => filled.push_str(value),
            value => filled.push_str(&value.to_string()),
        }
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn known<'v>(name: &str, with: &BTreeMap<&str, &'v Value>) -> Result<&'v Value, String> {
    with.get(name.trim()).copied().ok_or_else(|| format!("there is no parameter '{name}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_become_values_texts_and_parts_of_expressions() {
        let (limit, name, list) = (json!(500), json!("O\"Hara"), json!(["a"]));
        let with = BTreeMap::from([("limit", &limit), ("name", &name), ("list", &list)]);
        let fill = |value: Value| fill(&value, &with).unwrap();
        assert_eq!(fill(json!(["{{limit}}", "{{list}}", "{{name}}"])), json!([500, ["a"], "O\"Hara"]));
        assert_eq!(fill(json!("up to {{limit}} by {{name}}")), json!("up to 500 by O\"Hara"));
        assert_eq!(fill(json!("= n > {{limit}} and who = {{name}}")), json!("= n > 500 and who = \"O\\\"Hara\""));
        assert!(super::fill(&json!("{{other}}"), &with).is_err());
        assert!(super::fill(&json!("= {{limit"), &with).is_err());
    }
}
