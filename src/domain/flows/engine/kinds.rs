//! The types of flows: what each is for, the schema that its definitions fit, the rules beyond that. `structure` holds definitions to them.

use std::sync::LazyLock;

use jsonschema::Validator;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::capability::schema::compiled;

/// The type of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::flows) enum FlowType {
    /// A graph of steps with conditions and circles, as `LangGraph` runs it.
    LanggraphWorkflow,
    /// Rules that something is held to.
    AiBrainValidation,
    /// A chain of steps that hand fields on, without circles.
    ChainMapping,
    /// Anything else.
    Custom,
}

/// A rule.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub(in crate::domain::flows) struct Rule {
    /// Its id, as findings name it.
    pub id: &'static str,
    /// What it demands.
    pub about: &'static str,
}

const fn rule(id: &'static str, about: &'static str) -> Rule {
    Rule { id, about }
}

/// Rules of every type.
const COMMON: &[Rule] = &[
    rule("schema", "Nodes and edges fit the schema of the type."),
    rule("duplicate_node", "No two nodes have the same id."),
    rule("duplicate_edge", "No two edges have the same id."),
    rule("unknown_node", "Edges begin and end at nodes that there are."),
    rule("duplicate_credential", "No two credentials have the same key."),
    rule(
        "credential_name",
        "A credential's key, or the secret that it names, can be the name of a secret of the vault.",
    ),
    rule("credential_missing", "Warning: the vault has the credentials that the flow demands."),
    rule("own_dependency", "A flow does not depend on itself."),
    rule("duplicate_dependency", "A flow depends on another one once."),
    rule("unknown_dependency", "The flows that it depends on are registered and not archived."),
    rule("dependency_cycle", "Flows do not depend on each other in a circle."),
    rule("dependency_condition", "A condition is an expression; a conditional dependency has one."),
    rule("dependency_parameter", "Only dependencies of the type data have a parameter, each one of its own."),
    rule("process_missing", "Warning: the process that runs it here is published."),
];

const LANGGRAPH: &[Rule] = &[
    rule("reserved_node", "No node is called __start__ or __end__: edges say these for the beginning and the end."),
    rule(
        "no_entry",
        "It begins somewhere: at an edge from __start__, at metadata.entryPoint, or at a node that nothing leads to.",
    ),
    rule("unreachable_node", "Every node can be come to from where it begins."),
    rule("no_way_out", "From every node there is a way to the end: an edge to __end__, or a node that nothing leaves."),
];

const VALIDATION: &[Rule] = &[
    rule(
        "rule_without_check",
        "Every rule says in its config what is checked: rule, condition, threshold, schema or expected.",
    ),
    rule("cycle", "No way leads back to where it began."),
];

const CHAIN: &[Rule] = &[
    rule("cycle", "No way leads back to where it began."),
    rule("not_connected", "Every node hangs together with the others."),
    rule("mapping", "What an edge maps are texts: field of the target by field of the source."),
];

impl FlowType {
    /// All of them.
    pub(in crate::domain::flows) const ALL: [Self; 4] =
        [Self::LanggraphWorkflow, Self::AiBrainValidation, Self::ChainMapping, Self::Custom];

    /// The name.
    pub(in crate::domain::flows) const fn name(self) -> &'static str {
        match self {
            Self::LanggraphWorkflow => "langgraph_workflow",
            Self::AiBrainValidation => "ai_brain_validation",
            Self::ChainMapping => "chain_mapping",
            Self::Custom => "custom",
        }
    }

    /// What it is for.
    pub(in crate::domain::flows) const fn about(self) -> &'static str {
        match self {
            Self::LanggraphWorkflow => {
                "A LangGraph workflow: steps with types that its runner knows, edges with conditions, circles that have a way out."
            }
            Self::AiBrainValidation => {
                "A validation of the AI brain: its nodes are rules, each with what it checks and how grave a breach is; edges, if any, say \
                 which rule comes after which."
            }
            Self::ChainMapping => {
                "A chain mapping: at least two steps that hang together without circles; edges say which field goes where."
            }
            Self::Custom => {
                "Any other flow: steps and edges that its runner understands, or none where it names a process."
            }
        }
    }

    /// The rules beside the schema.
    pub(in crate::domain::flows) fn rules(self) -> Vec<Rule> {
        let own = match self {
            Self::LanggraphWorkflow => LANGGRAPH,
            Self::AiBrainValidation => VALIDATION,
            Self::ChainMapping => CHAIN,
            Self::Custom => &[],
        };
        COMMON.iter().chain(own).copied().collect()
    }

    /// The schema of nodes and edges.
    pub(in crate::domain::flows) fn schema(self) -> Map<String, Value> {
        let id =
            json!({ "type": "string", "minLength": 1, "maxLength": 100, "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.:-]*$" });
        let text = |most: u32| json!({ "type": "string", "maxLength": most });
        let mut node = json!({
            "type": "object",
            "required": ["id"],
            "properties": { "id": id, "name": text(200), "type": text(100), "description": text(2000), "config": { "type": "object" } },
        });
        let edge = json!({
            "type": "object",
            "required": ["source", "target"],
            "properties": {
                "id": text(220), "source": text(100), "target": text(100), "condition": text(2000),
                "mapping": { "type": "object" }, "config": { "type": "object" },
            },
        });
        let (fewest_nodes, fewest_edges) = match self {
            Self::LanggraphWorkflow => {
                node["required"] = json!(["id", "type"]);
                (1, 0)
            }
            Self::AiBrainValidation => {
                let severity = json!({ "type": "string", "enum": ["info", "warning", "error", "critical"] });
                node["properties"]["config"] = json!({
                    "type": "object",
                    "properties": {
                        "rule": text(10_000), "condition": text(10_000), "threshold": { "type": "number" },
                        "schema": { "type": "object" }, "severity": severity,
                    },
                });
                (1, 0)
            }
            Self::ChainMapping => (2, 1),
            Self::Custom => (0, 0),
        };
        let schema = json!({
            "type": "object",
            "required": ["nodes"],
            "properties": {
                "nodes": { "type": "array", "minItems": fewest_nodes, "maxItems": 1000, "items": node },
                "edges": { "type": "array", "minItems": fewest_edges, "maxItems": 4000, "items": edge },
            },
        });
        schema.as_object().cloned().unwrap_or_default()
    }

    /// The schema, compiled.
    pub(in crate::domain::flows) fn validator(self) -> Option<&'static Validator> {
        static ALL: LazyLock<Vec<(FlowType, Validator)>> = LazyLock::new(|| {
            let one = |kind: FlowType| compiled(&kind.schema(), 12).ok().map(|validator| (kind, validator));
            FlowType::ALL.into_iter().filter_map(one).collect()
        });
        ALL.iter().find(|(kind, _)| *kind == self).map(|(_, validator)| validator)
    }
}
