//! What a flow says: its nodes and edges, the credentials that it needs, the flows that it depends on, and what runs it here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::kernel::id::UserId;

/// What an id of a flow looks like.
pub(in crate::domain::flows) const FLOW_ID: &str = "^[A-Za-z0-9][A-Za-z0-9_.-]*$";
/// What an id of a node looks like.
pub(in crate::domain::flows) const NODE_ID: &str = "^[A-Za-z0-9_][A-Za-z0-9_.:-]*$";

/// What a version looks like.
pub(in crate::domain::flows) const VERSION: &str = "^(0|[1-9][0-9]{0,8})[.](0|[1-9][0-9]{0,8})[.](0|[1-9][0-9]{0,8})$";

/// What a version of a flow says.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::flows) struct Definition {
    /// What people call it.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// What it is found by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Its nodes.
    pub nodes: Vec<Node>,
    /// Its edges.
    #[serde(default)]
    pub edges: Vec<Edge>,
    /// The credentials that it needs.
    #[serde(default)]
    pub credentials: Vec<Credential>,
    /// The flows that it depends on.
    #[serde(default)]
    pub dependencies: Vec<Dependency>,
    /// The process by which it runs here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_id: Option<String>,
    /// The version of that process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_version: Option<String>,
    /// The user whose runner carries it out elsewhere and reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<UserId>,
    /// What else is known of it.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// A step of a flow, or a rule of one that validates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::domain::flows) struct Node {
    /// Its id, by which edges name it.
    #[schemars(length(min = 1, max = 100), regex(pattern = NODE_ID))]
    pub id: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 200))]
    pub name: String,
    /// Its type, as the runner knows it, such as `data_source` or `analyzer`. One of the type `process` with `processId` in its config runs
    /// that process here.
    #[serde(rename = "type", default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 100))]
    pub kind: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 2000))]
    pub description: String,
    /// What its type asks for.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub config: Map<String, Value>,
}

/// What follows what.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::domain::flows) struct Edge {
    /// Its id; made of its ends when not said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 220))]
    pub id: String,
    /// The node that it leaves; `__start__` for where a `langgraph_workflow` begins.
    #[schemars(length(min = 1, max = 100))]
    pub source: String,
    /// The node that it leads to; `__end__` for where a `langgraph_workflow` ends.
    #[schemars(length(min = 1, max = 100))]
    pub target: String,
    /// When it is taken, in the words of the runner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub condition: Option<String>,
    /// What goes over it in a `chain_mapping`: field of the target by field of the source, each a text.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub mapping: Map<String, Value>,
    /// What else the runner wants to know.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub config: Map<String, Value>,
}

/// A credential that a flow needs. Never its text: that lies in the vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::domain::flows) struct Credential {
    /// What the flow calls it.
    #[schemars(length(min = 1, max = 64))]
    pub key: String,
    /// What it is, such as `api_key`, `oauth_token` or `certificate`.
    #[serde(rename = "type", default = "api_key")]
    #[schemars(length(min = 1, max = 40))]
    pub kind: String,
    /// Whether the flow cannot run without it.
    #[serde(default = "yes")]
    pub required: bool,
    /// The name that it has in the vault, where that is another than its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub secret: Option<String>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 500))]
    pub description: String,
}

/// Another flow that a flow depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names by which clients know them")]
pub(in crate::domain::flows) struct Dependency {
    /// The id of the other flow.
    #[schemars(length(min = 1, max = 100), regex(pattern = FLOW_ID))]
    pub depends_on_flow_id: String,
    /// How it depends on it.
    #[serde(default)]
    pub dependency_type: DependencyType,
    /// An expression over what the flow is given and the other's newest result, such as `risk_approved` or `result.score > 0.5`. Of a
    /// prerequisite or data it must hold of that result; of a conditional one it says whether the dependency counts this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub condition: Option<String>,
    /// Of data: the parameter that takes the other's newest result where the caller gives it nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub parameter: Option<String>,
}

/// How a flow depends on another one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::flows) enum DependencyType {
    /// The other's newest execution must have completed.
    #[default]
    Prerequisite,
    /// The same, where the condition holds.
    Conditional,
    /// The same, and its result is handed on.
    Data,
}

fn api_key() -> String {
    "api_key".to_owned()
}

const fn yes() -> bool {
    true
}

impl Credential {
    /// The name that it has in the vault.
    pub(in crate::domain::flows) fn secret(&self) -> &str {
        self.secret.as_deref().unwrap_or(&self.key)
    }
}

impl Definition {
    /// The process by which it runs here, and its version: the one that it names, or the one that its nodes come to.
    pub(in crate::domain::flows) fn process(&self) -> Option<(String, Option<String>)> {
        if let Some(process) = &self.process_id {
            return Some((process.clone(), self.process_version.clone()));
        }
        let frame = ["start", "end", "__start__", "__end__"];
        let mut steps = self.nodes.iter().filter(|node| !frame.contains(&node.kind.as_str()));
        let (Some(only), None) = (steps.next(), steps.next()) else { return None };
        let text = |name: &str| only.config.get(name).and_then(Value::as_str).map(str::to_owned);
        let process = text("processId").filter(|_| ["process", "sub_process"].contains(&only.kind.as_str()))?;
        Some((process, text("version")))
    }

    /// Gives each edge that has none an id.
    pub(in crate::domain::flows) fn name_edges(&mut self) {
        let mut taken: std::collections::HashSet<String> =
            self.edges.iter().filter(|edge| !edge.id.is_empty()).map(|edge| edge.id.clone()).collect();
        for edge in self.edges.iter_mut().filter(|edge| edge.id.is_empty()) {
            let plain = format!("{}--{}", edge.source, edge.target);
            let mut id = plain.clone();
            let mut number = 2;
            while !taken.insert(id.clone()) {
                id = format!("{plain}-{number}");
                number += 1;
            }
            edge.id = id;
        }
    }

    /// What it is found by in words.
    pub(in crate::domain::flows) fn words(&self, flow_id: &str) -> String {
        let mut words = vec![flow_id, &self.name, &self.description];
        words.extend(self.tags.iter().map(String::as_str));
        words.extend(self.nodes.iter().flat_map(|node| [node.id.as_str(), node.name.as_str()]));
        words.retain(|word| !word.is_empty());
        let text = words.join(" ");
        text.chars().take(20_000).collect()
    }

    /// The words for its tags and for what it depends on.
    pub(in crate::domain::flows) fn marks(&self) -> String {
        let tags = self.tags.iter().map(|tag| super::mark('t', tag));
        let others = self.dependencies.iter().map(|one| super::mark('d', &one.depends_on_flow_id));
        tags.chain(others).collect::<Vec<_>>().join(" ")
    }
}
