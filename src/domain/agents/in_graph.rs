//! Agents as nodes of the graph: with their persona, their prompt, the tools that they name and the agents that they may have run.

use serde_json::json;

use super::model::agent::{AGENT, Agent};
use super::topics::{REGISTERED, RETIRED, UPDATED};
use crate::kernel::reading;
use crate::port::graph::name_key;
use crate::port::graph_mirror::{Image, Mirrored, Tie};
use crate::port::records::Record;

/// Agents in the graph.
pub static IN_GRAPH: Mirrored = Mirrored {
    kind: &AGENT,
    of: "agent",
    topics: &[REGISTERED, UPDATED, RETIRED],
    record: |agent_id| Some(Agent::id(agent_id)),
    image,
};

fn image(record: &Record) -> Option<Image> {
    let agent: Agent = reading::read(record.body.clone()).ok()?;
    let profile = agent.profile;
    let tie = |of, to, key: String| Tie { of, to, key };
    let mut ties = Vec::new();
    // Named by id or by name, of which the id is made.
    let id = |named: &str| name_key(named).replace(' ', "-");
    ties.extend(profile.persona.map(|persona| tie("has_persona", "persona", id(&persona.id))));
    ties.extend(profile.prompt.map(|prompt| tie("has_prompt", "prompt", id(&prompt.id))));
    // A pattern names no tool: it is told as a property.
    let (patterns, names): (Vec<String>, Vec<String>) =
        profile.tools.names.into_iter().partition(|name| name.ends_with('*'));
    ties.extend(names.into_iter().map(|name| tie("uses", "tool", name)));
    let others = profile.tools.agents.into_iter().filter(|other| other != "*");
    ties.extend(others.map(|other| tie("may_run", "agent", other)));
    let properties = json!({
        "description": profile.description,
        "state": agent.state.name(),
        "version": agent.version,
        "tags": profile.tags,
        "model": profile.model.name,
        "toolPatterns": patterns,
        "toolDomains": profile.tools.domains,
    });
    let properties = properties.as_object().cloned().unwrap_or_default();
    Some(Image { key: agent.agent_id, name: profile.name, properties, ties })
}
