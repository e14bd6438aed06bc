//! What a definition names outside of itself: tools, agents, prompts, rules, other processes. Whoever judges looks them up first and brings
//! what was found.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::findings::{Findings, Place};
use crate::capability::schema::SharedSchema;
use crate::domain::processes::engine::graph::Graph;
use crate::domain::processes::engine::nodes::{Config, Named};

/// What was found of what a definition names.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// By what was named; what is missing here was not looked up.
    pub found: BTreeMap<(&'static str, String), Option<Found>>,
}

/// What is known of something that was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The schema of what it is given, where it has one.
    pub input: Option<SharedSchema>,
    /// The schema of what it answers, where it has one.
    pub output: Option<SharedSchema>,
    /// Whether it changes something that would have to be undone.
    pub writes: bool,
    /// Why it cannot be used as it is.
    pub unusable: Option<String>,
}

impl Surroundings {
    /// What was found of a name.
    #[must_use]
    pub fn of(&self, named: &Named) -> Option<&Option<Found>> {
        self.found.get(&key(named)?)
    }
}

/// The kind of what is named, and its name with the version or part of it that is meant; none of what the definition itself has.
#[must_use]
pub fn key(named: &Named) -> Option<(&'static str, String)> {
    Some(match named {
        Named::Tool(name) => ("tool", name.clone()),
        Named::Agent(id) => ("agent", id.clone()),
        Named::Prompt(id) => ("prompt", id.clone()),
        Named::Rules(id, decision, version) => {
            let version = version.map(|version| format!(" {version}")).unwrap_or_default();
            let decision = decision.as_ref().map(|decision| format!("/{decision}")).unwrap_or_default();
            ("rule set", format!("{id}{version}{decision}"))
        }
        Named::Process(id, None) => ("process", id.clone()),
        Named::Process(id, Some(version)) => ("process", format!("{id} {version}")),
        Named::Body(_) => return None,
    })
}

/// Looks at every name.
pub(super) fn named(graph: &Graph, around: &Surroundings, findings: &mut Findings) {
    let takes_back =
        graph.nodes.iter().any(|node| matches!(node.config, Config::Compensate(_)) || node.undone_by.is_some());
    for index in 0..graph.nodes.len() {
        let node = &graph.nodes[index];
        let mut writes = matches!(&node.config, Config::Integration(one) if one.method != Some(crate::domain::processes::engine::nodes::work::Method::Get));
        for (at, named) in node.config.names() {
            let Some((kind, name)) = key(&named) else { continue };
            let place = || Place::of(graph, index, &format!("/config{at}"));
            match around.of(&named) {
                None => {}
                Some(None) => findings.error(
                    &format!("unknown_{}", kind.replace(' ', "_")),
                    place(),
                    format!("there is no {kind} '{name}'"),
                    mend(kind),
                ),
                Some(Some(found)) => {
                    writes |= found.writes;
                    if let Some(why) = &found.unusable {
                        findings.error(
                            &format!("unusable_{}", kind.replace(' ', "_")),
                            place(),
                            format!("the {kind} '{name}' {why}"),
                            mend(kind),
                        );
                    }
                }
            }
        }
        let undoes = matches!(node.run_by.map(|by| &graph.nodes[by].config), Some(Config::Compensation(_)));
        if takes_back && writes && !undoes && node.undone_by.is_none() {
            let id = &graph.node(index).id;
            findings.warning(
                "compensation_missing",
                Place::of(graph, index, ""),
                format!(
                    "'{id}' changes something, and nothing says how that is taken back, while other activities can be"
                ),
                "Add a node of the type compensation for it, or live with it.",
            );
        }
    }
}

fn mend(kind: &str) -> &'static str {
    match kind {
        "tool" => "Look for it with tool_search, or register it.",
        "agent" => "Look for it with agent_list, or make it with agent_register.",
        "prompt" => "Look for it with prompt_list, or make it with prompt_create.",
        "rule set" => "Make it with rule_create, or correct the id.",
        _ => "Look for it with process_list, and publish it with process_publish.",
    }
}

/// A schema's properties.
pub(super) fn properties(schema: &Map<String, Value>) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}
