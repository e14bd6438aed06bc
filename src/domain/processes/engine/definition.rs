//! A process as data: nodes, edges between them, variables, lanes. One form for whatever side it comes from; what stands in a node's `config`
//! is said by its type (`nodes`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::schema::anything;

/// What an id of a node, an edge or a lane looks like.
pub const ID: &str = "^[A-Za-z][A-Za-z0-9_-]{0,63}$";
/// What a variable is called: a name that an expression can say.
pub const NAME: &str = "^[A-Za-z_][A-Za-z0-9_]{0,63}$";
/// The most nodes of a process.
pub const MOST_NODES: usize = 1_000;
/// The most edges of a process.
pub const MOST_EDGES: usize = 4_000;

/// A process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Definition {
    /// The nodes, in any order: edges say what follows what.
    #[schemars(length(min = 1, max = 1000))]
    pub nodes: Vec<Node>,
    /// What follows what.
    #[serde(default)]
    #[schemars(length(max = 4000))]
    pub edges: Vec<Edge>,
    /// What the process knows while it runs, by name. Nothing else can be written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, Variable>,
    /// Who does what: nodes name theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub lanes: Vec<Lane>,
}

/// A step of a process, or where its ways part and meet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Node {
    /// Its id, which stays when it is called or drawn otherwise.
    #[schemars(length(min = 1, max = 64), regex(pattern = ID))]
    pub id: String,
    /// Its type, such as `tool`, `human_task` or `exclusive`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 40))]
    pub kind: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 200))]
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 2000))]
    pub description: String,
    /// The id of its lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub lane: Option<String>,
    /// What its type asks for.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub config: Map<String, Value>,
    /// What it is given, by name. A text that begins with `=` is an expression over the variables, such as `= amount * 2`; all else is
    /// meant as it stands.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub input: Map<String, Value>,
    /// What is kept of its result: variable and expression, which reads the variables and `result`, such as `= result.total`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub output: Map<String, Value>,
    /// What happens when it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// How long it may take, and what comes of it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
    /// An expression whose value names what must happen once: with the same value it is not done a second time. When not said it is made of
    /// the execution, the node and the turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub idempotency_key: Option<String>,
    /// The permissions that it may use at most, such as `memory:read`; all of whoever started the execution when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 100)))]
    pub permissions: Option<Vec<String>>,
}

/// What follows what.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Edge {
    /// Its id; made of its ends when not said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 140))]
    pub id: String,
    /// The node that it leaves.
    #[schemars(length(min = 1, max = 64))]
    pub from: String,
    /// The node that it leads to.
    #[schemars(length(min = 1, max = 64))]
    pub to: String,
    /// What it is called in the picture.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 200))]
    pub name: String,
    /// When it is taken: an expression over the variables. Only edges that leave an exclusive or inclusive gateway have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub condition: Option<String>,
    /// Whether it is taken when no other of the gateway is.
    #[serde(default, skip_serializing_if = "is_false")]
    pub default: bool,
}

/// What the process knows by a name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variable {
    /// The JSON Schema of its value; anything when not said.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub schema: Map<String, Value>,
    /// What it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1000))]
    pub description: String,
    /// Whether it must be given at the start.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// What it is at the start where nothing is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "anything")]
    pub default: Option<Value>,
}

/// Somebody, or a part of the house, who does a part of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lane {
    /// Its id.
    #[schemars(length(min = 1, max = 64), regex(pattern = ID))]
    pub id: String,
    /// What it is called.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 200))]
    pub name: String,
}

/// How a step that failed is tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retry {
    /// How often it is tried at most, the first time included.
    #[schemars(range(min = 1, max = 100))]
    pub attempts: u32,
    /// How long is waited before the second time: an ISO 8601 duration such as `PT5S`, which it is when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 40))]
    pub wait: Option<String>,
    /// By how much each wait is longer than the one before; 2 when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1.0, max = 10.0))]
    pub factor: Option<f64>,
    /// The longest wait; `PT1H` when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 40))]
    pub longest: Option<String>,
    /// The part of each wait that is left to chance, so that not all come back at once: 0 to 1; 0.2 when not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub jitter: Option<f64>,
    /// The codes of faults after which it is tried again; when not said those that say themselves that they may pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50), inner(length(min = 1, max = 64)))]
    pub on: Option<Vec<String>>,
}

/// How long a step may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeout {
    /// An ISO 8601 duration such as `PT1H`, or an expression that gives one.
    #[schemars(length(min = 2, max = 2000))]
    pub after: String,
    /// What comes of the step then.
    pub outcome: TimeoutOutcome,
    /// Its result, where it counts as done: what `output` reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "anything")]
    pub result: Option<Value>,
}

/// What comes of a step whose time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeoutOutcome {
    /// It failed, with the code `step_timed_out`: retries, boundary errors and compensation follow from that.
    Fail,
    /// It is done, with `result`.
    Complete,
    /// It is left out: nothing is kept of it, and what follows follows.
    Skip,
}

impl Definition {
    /// The node of an id.
    #[must_use]
    pub fn node(&self, id: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// Gives every edge without an id one that is made of its ends and is there once.
    pub fn name_edges(&mut self) {
        let mut taken: std::collections::BTreeSet<String> =
            self.edges.iter().filter(|edge| !edge.id.is_empty()).map(|edge| edge.id.clone()).collect();
        for edge in self.edges.iter_mut().filter(|edge| edge.id.is_empty()) {
            let plain = format!("{}--{}", edge.from, edge.to);
            let mut id = plain.clone();
            let mut number = 2;
            while !taken.insert(id.clone()) {
                id = format!("{plain}-{number}");
                number += 1;
            }
            edge.id = id;
        }
    }
}

/// The expression that a value is, without its `=`; none where the value is meant as it stands.
#[must_use]
pub fn expression(value: &Value) -> Option<&str> {
    value.as_str().and_then(expression_of)
}

/// The expression that a text is, without its `=`.
#[must_use]
pub fn expression_of(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix('=').map(str::trim)
}

/// A condition without the `=` that it may begin with.
#[must_use]
pub fn condition_of(text: &str) -> &str {
    expression_of(text).unwrap_or_else(|| text.trim())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn edges_without_an_id_get_one_of_their_own() {
        let edge = |id: &str, from: &str, to: &str| Edge {
            id: id.into(),
            from: from.into(),
            to: to.into(),
            ..Edge::default()
        };
        let mut definition = Definition {
            edges: vec![edge("a--b-2", "x", "y"), edge("", "a", "b"), edge("", "a", "b"), edge("mine", "b", "c")],
            ..Definition::default()
        };
        definition.name_edges();
        let ids: Vec<_> = definition.edges.iter().map(|edge| edge.id.as_str()).collect();
        assert_eq!(ids, ["a--b-2", "a--b", "a--b-3", "mine"]);
    }

    #[test]
    fn a_text_that_begins_with_an_equals_sign_is_an_expression() {
        assert_eq!(expression(&json!("= amount * 2")), Some("amount * 2"));
        assert_eq!(expression(&json!("amount")), None);
        assert_eq!(expression(&json!(3)), None);
        assert_eq!(condition_of(" amount > 3 "), "amount > 3");
        assert_eq!(condition_of("=amount > 3"), "amount > 3");
    }

    #[test]
    fn what_is_written_is_read_back_and_unknown_properties_are_refused() {
        let text = json!({ "nodes": [{ "id": "ask", "type": "human_task", "config": { "assignee": "manager" } }] });
        let definition: Definition = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(serde_json::to_value(&definition).unwrap(), json!({ "nodes": text["nodes"], "edges": [] }));
        assert!(serde_json::from_value::<Definition>(json!({ "nodes": [], "edgess": [] })).is_err());
    }
}
