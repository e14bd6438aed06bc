//! An agent of a tenant: who it is, what it asks, what it may do and how far it may go. Every version of it is kept.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::capability::owned::Owned;
use crate::capability::permit::Resource;
use crate::capability::spec::{Domain, Effect};
use crate::capability::tool::Tool;
use crate::domain::memory::recalling::Scope;
use crate::kernel::id::UserId;
use crate::kernel::seal::sha256;
use crate::port::records::{Document, Field, FieldType, Kind};

/// The kind of agents.
pub(crate) static AGENT: Kind = Kind {
    fields: &[Field { name: "agentId", of: FieldType::Text }, Field { name: "state", of: FieldType::Text }],
    history: true,
    // What it may do is for everybody to see who reads the audit log; what it is told is not.
    private: &["instructions", "prompt"],
    ..Kind::new("agent")
};

/// Whether an agent works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It runs when it is asked.
    #[default]
    Active,
    /// It is kept from running for a while.
    Paused,
    /// It does not run any more; its versions and runs stay readable.
    Retired,
}

impl State {
    /// Its word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Retired => "retired",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The persona that an agent is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PersonaChoice {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    pub(crate) id: String,
    /// The version, such as `1.2.0`; the present one when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub(crate) version: Option<String>,
}

/// The prompt that tells an agent its task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PromptChoice {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    pub(crate) id: String,
    /// The version that this label stands for; `production` when neither label nor version is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub(crate) label: Option<String>,
    /// This version, whatever labels stand for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub(crate) version: Option<String>,
    /// Values of its variables; a run may bring others.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(crate) variables: Map<String, Value>,
}

/// Which model an agent asks, and how.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelPolicy {
    /// A route, or a model as `provider/model`; the route `default` when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub(crate) name: Option<String>,
    /// Other routes and models that whoever runs it may choose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 200)))]
    pub(crate) choices: Vec<String>,
    /// How freely it speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 2.0))]
    pub(crate) temperature: Option<f64>,
    /// Of how much of the likely it chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) top_p: Option<f64>,
    /// The most tokens of one answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(crate) max_tokens: Option<u32>,
    /// How hard it thinks: `low`, `medium`, `high`, or what the vendor calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub(crate) reasoning_effort: Option<String>,
    /// Whether answers to equal questions are kept for a while also where the route keeps none.
    #[serde(default)]
    pub(crate) cache: bool,
}

/// What an agent may do. Its caller must be permitted all of it too; nothing is allowed that nothing here names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Allowance {
    /// Tools by name, or by how their names begin: `prompt_get`, `prompt_*`, `*`.
    #[schemars(length(max = 200), inner(length(min = 1, max = 64), pattern("^[a-z0-9_]*\\*?$")))]
    pub(crate) names: Vec<String>,
    /// All tools of these domains; `tool_categories` lists them.
    #[schemars(length(max = 50), inner(length(min = 1, max = 40)))]
    pub(crate) domains: Vec<String>,
    /// Of those, tools that it may not use; names and patterns as in `names`.
    #[schemars(length(max = 200), inner(length(min = 1, max = 64), pattern("^[a-z0-9_]*\\*?$")))]
    pub(crate) except: Vec<String>,
    /// What its tools may do to the world; only read when not given. It holds for agents that it has run, too.
    #[schemars(length(min = 1, max = 4))]
    pub(crate) effects: Vec<Effect>,
    /// The agents that it may have run, by id, or `*`; it needs `agent_invoke` among its tools for that.
    #[schemars(length(max = 100), inner(length(min = 1, max = 64)))]
    pub(crate) agents: Vec<String>,
}

impl Default for Allowance {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            domains: Vec::new(),
            except: Vec::new(),
            effects: vec![Effect::Read],
            agents: Vec::new(),
        }
    }
}

impl Allowance {
    /// Whether it names the tool and what it does.
    pub(crate) fn allows(&self, tool: &Tool) -> bool {
        let named = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, &tool.name));
        (named(&self.names) || self.domains.iter().any(|domain| domain == tool.domain.name()))
            && !named(&self.except)
            && self.effects.contains(&tool.effect)
    }

    /// Whether it takes the tool out, or all that do the same to the world: more than that it does not name it.
    pub(crate) fn forbids(&self, tool: &Tool) -> bool {
        self.except.iter().any(|pattern| fits(pattern, &tool.name)) || !self.effects.contains(&tool.effect)
    }

    /// The domains that there are not.
    pub(crate) fn unknown_domains(&self) -> impl Iterator<Item = (usize, &String)> {
        self.domains.iter().enumerate().filter(|(_, name)| Domain::parse(name).is_none())
    }
}

/// Whether a name is the one that is named, or begins as the pattern does.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

/// What an agent is reminded of when a run begins: memories that bear on what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Remembering {
    /// How many memories at most; 8 when not given, none with 0.
    #[schemars(range(min = 0, max = 50))]
    pub(crate) recall: u32,
    /// Whose memories; when not given everybody's, those of whoever runs it, of their workspaces, of the agent and, where the run names a
    /// `session`, of the session.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub(crate) scopes: Vec<Scope>,
}

impl Default for Remembering {
    fn default() -> Self {
        Self { recall: 8, scopes: Vec::new() }
    }
}

/// How far one run may go. At a limit it stops and answers with what it has reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Limits {
    /// How often the model is asked; 10 when not given.
    #[schemars(range(min = 1, max = 200))]
    pub(crate) steps: u32,
    /// How long it may take; 50 when not given. What is more than a call may last counts only where the run goes on as a task.
    #[schemars(range(min = 1, max = 86_400))]
    pub(crate) seconds: u32,
    /// How many tokens it may read and write, with the agents that it has run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub(crate) tokens: Option<u64>,
    /// How many dollars it may cost, such as `0.50`, with the agents that it has run. Models without a known price do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    pub(crate) dollars: Option<String>,
    /// How many tools run at once; 4 when not given.
    #[schemars(range(min = 1, max = 16))]
    pub(crate) parallel_tools: u32,
    /// How often the same tool is called with the same input; 3 when not given.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) repeats: u32,
    /// How often an answer that does not fit `output` is given back to be mended; 2 when not given.
    #[schemars(range(min = 0, max = 5))]
    pub(crate) repairs: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 10, seconds: 50, tokens: None, dollars: None, parallel_tools: 4, repeats: 3, repairs: 2 }
    }
}

/// What an agent is: what its versions differ in.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Profile {
    /// Its name in words.
    pub(crate) name: String,
    /// What it is for.
    pub(crate) description: String,
    /// What it is found by.
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    /// Who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) persona: Option<PersonaChoice>,
    /// What it is told to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prompt: Option<PromptChoice>,
    /// What it is told besides.
    #[serde(default)]
    pub(crate) instructions: String,
    /// Which model it asks, and how.
    #[serde(default)]
    pub(crate) model: ModelPolicy,
    /// What it may do.
    #[serde(default)]
    pub(crate) tools: Allowance,
    /// How far one run may go.
    #[serde(default)]
    pub(crate) limits: Limits,
    /// What it is reminded of when a run begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<Remembering>,
    /// The JSON Schema that its answer must fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<Map<String, Value>>,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the name of the contract")]
pub(crate) struct Agent {
    /// Its id: its first name as words of small letters and digits joined by `-`.
    pub(crate) agent_id: String,
    /// Counts its versions, from 1.
    pub(crate) version: u32,
    /// Whether it works.
    pub(crate) state: State,
    /// What it is.
    #[serde(flatten)]
    pub(crate) profile: Profile,
    /// Who wrote this version.
    pub(crate) author: UserId,
    /// What is new in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
}

impl Agent {
    /// The id of the document of an agent, the same in every tenant.
    pub(crate) fn id(agent_id: &str) -> Uuid {
        let mut half = [0; 16];
        half.copy_from_slice(&sha256(format!("agent\n{agent_id}").as_bytes())[..16]);
        uuid::Builder::from_custom_bytes(half).into_uuid()
    }
}

impl Document for Agent {
    const KIND: &'static Kind = &AGENT;
}

impl Owned for Agent {
    const RESOURCE: Resource = Resource::Agents;
    const NOUN: &'static str = "agent";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_by_their_beginning_and_names_as_a_whole() {
        assert!(fits("prompt_*", "prompt_get") && fits("*", "anything") && fits("user_me", "user_me"));
        assert!(!fits("prompt", "prompt_get") && !fits("prompt_*", "persona_get") && !fits("user_me", "user_menu"));
    }
}
