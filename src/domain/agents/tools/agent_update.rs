//! `agent_update`: a new version of an agent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::agents::checking::{hold, same_rights};
use crate::domain::agents::finding::load;
use crate::domain::agents::model::agent::{
    Agent, Allowance, Limits, ModelPolicy, PersonaChoice, Profile, PromptChoice, Remembering, State,
};
use crate::domain::agents::topics::{RETIRED, UPDATED};
use crate::domain::agents::views::Full;
use crate::kernel::fault::Fault;

/// Changes an agent.
pub(in crate::domain::agents) struct AgentUpdate;

/// A part that an agent can be without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::agents) enum Part {
    /// Its persona.
    Persona,
    /// Its prompt.
    Prompt,
    /// The form of its answers.
    Output,
    /// What it is reminded of.
    Memory,
}

/// What is new. What is left out stays as it is; what is given takes the place of the whole of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Input {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Another name; the id stays.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// Another description.
    #[serde(default)]
    #[schemars(length(min = 1, max = 2000))]
    description: Option<String>,
    /// All tags.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 64)))]
    tags: Option<Vec<String>>,
    /// Another persona.
    #[serde(default)]
    persona: Option<PersonaChoice>,
    /// Another prompt.
    #[serde(default)]
    prompt: Option<PromptChoice>,
    /// Other instructions.
    #[serde(default)]
    #[schemars(length(max = 50_000))]
    instructions: Option<String>,
    /// Another model policy.
    #[serde(default)]
    model: Option<ModelPolicy>,
    /// Another allowance of tools.
    #[serde(default)]
    tools: Option<Allowance>,
    /// Other limits.
    #[serde(default)]
    limits: Option<Limits>,
    /// Other memories to be reminded of.
    #[serde(default)]
    memory: Option<Remembering>,
    /// Another JSON Schema of its answers.
    #[serde(default)]
    output: Option<Map<String, Value>>,
    /// What it is to be without from now on.
    #[serde(default)]
    #[schemars(length(max = 4))]
    without: Vec<Part>,
    /// Whether it works: `paused` keeps it from running, `active` lets it run again.
    #[serde(default)]
    state: Option<State>,
    /// What is to be said of this version in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

/// The agent as it is now.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Output {
    #[serde(flatten)]
    agent: Full,
    /// Whether there is a new version.
    changed: bool,
}

impl Capability for AgentUpdate {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "agent_update",
        Domain::Agents,
        Route::patch("/agents/{id}"),
        Permit::on(Resource::Agents, Action::Change),
        "Changes an agent, pauses it or brings it back. Each change is a version; runs that go on stay with theirs, and earlier ones can be \
         read with agent_get. To end an agent use agent_delete.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let old = &stored.value;
        let (message, state) = (input.message.clone(), input.state.unwrap_or(old.state));
        let profile = changed(input, old.profile.clone())?;
        if profile == old.profile && state == old.state {
            return Ok(Output { agent: Full::stored(stored), changed: false });
        }
        same_rights(cx, &old.profile, &profile)?;
        // An agent that does not run may be made of what is gone: so it can be paused and retired. What is new is held all the same.
        if state == State::Active || profile != old.profile {
            hold(cx, &profile).await?;
        }
        let agent = next(cx, old, profile, state, message);
        cx.change(&stored, &agent)?;
        let event = json!({ "agentId": agent.agent_id, "version": agent.version, "state": agent.state });
        let topic = if state == State::Retired { RETIRED } else { UPDATED };
        cx.emit(topic, &agent.agent_id, &event)?;
        Ok(Output { agent: Full::of(agent, stored.owner, cx.now()), changed: true })
    }
}

/// The next version of an agent.
pub(in crate::domain::agents) fn next(
    cx: &Cx,
    old: &Agent,
    profile: Profile,
    state: State,
    message: Option<String>,
) -> Agent {
    let (agent_id, author) = (old.agent_id.clone(), cx.caller().user);
    Agent { agent_id, version: old.version + 1, state, profile, author, message }
}

fn changed(input: Input, old: Profile) -> Result<Profile, Fault> {
    let given = [
        (Part::Persona, input.persona.is_some()),
        (Part::Prompt, input.prompt.is_some()),
        (Part::Output, input.output.is_some()),
        (Part::Memory, input.memory.is_some()),
    ];
    if let Some(at) = input.without.iter().position(|part| given.contains(&(*part, true))) {
        return Err(Fault::bad_input(format!("/without/{at}"), "is given and taken away in the same call"));
    }
    let kept = |part: Part| !input.without.contains(&part);
    Ok(Profile {
        name: input.name.unwrap_or(old.name),
        description: input.description.unwrap_or(old.description),
        tags: input.tags.unwrap_or(old.tags),
        persona: input.persona.or(old.persona).filter(|_| kept(Part::Persona)),
        prompt: input.prompt.or(old.prompt).filter(|_| kept(Part::Prompt)),
        instructions: input.instructions.unwrap_or(old.instructions),
        model: input.model.unwrap_or(old.model),
        tools: input.tools.unwrap_or(old.tools),
        limits: input.limits.unwrap_or(old.limits),
        memory: input.memory.or(old.memory).filter(|_| kept(Part::Memory)),
        output: input.output.or(old.output).filter(|_| kept(Part::Output)),
    })
}
