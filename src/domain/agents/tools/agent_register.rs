//! `agent_register`: an agent.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::agents::checking::{hold, named, same_rights};
use crate::domain::agents::finding::room_for_one;
use crate::domain::agents::model::agent::{
    Agent, Allowance, Limits, ModelPolicy, PersonaChoice, Profile, PromptChoice, Remembering, State,
};
use crate::domain::agents::topics::REGISTERED;
use crate::domain::agents::views::Full;
use crate::domain::prompts::engine::file::id_of;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// Registers an agent.
pub(in crate::domain::agents) struct AgentRegister;

/// The agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Input {
    /// Its name, such as "Support desk"; its id is made of it.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// What it is for, in one or two sentences: by this people and other agents choose it.
    #[schemars(length(min = 1, max = 2000))]
    description: String,
    /// What it is found by.
    #[serde(default)]
    #[schemars(length(max = 30), inner(length(min = 1, max = 64)))]
    tags: Vec<String>,
    /// Who it is: a persona.
    #[serde(default)]
    persona: Option<PersonaChoice>,
    /// What it is told to do: a prompt. It stands before the conversation, behind the persona.
    #[serde(default)]
    prompt: Option<PromptChoice>,
    /// What it is told besides, behind persona and prompt, as it stands.
    #[serde(default)]
    #[schemars(length(max = 50_000))]
    instructions: String,
    /// Which model it asks, and how.
    #[serde(default)]
    model: ModelPolicy,
    /// Which tools it may use; none when not given.
    #[serde(default)]
    tools: Allowance,
    /// How far one run may go.
    #[serde(default)]
    limits: Limits,
    /// What it is reminded of when a run begins: memories that bear on the prompt. Nothing when not given; `{}` is all that may be, up to
    /// eight.
    #[serde(default)]
    memory: Option<Remembering>,
    /// The JSON Schema that its answer must fit, where that is to be an object.
    #[serde(default)]
    output: Option<Map<String, Value>>,
    /// What is to be said of this version in the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    message: Option<String>,
}

impl Capability for AgentRegister {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::create(
        "agent_register",
        Domain::Agents,
        Route::post("/agents"),
        Permit::on(Resource::Agents, Action::Create),
        "Registers an agent: a persona and prompt, a model, the tools that it may use and its limits of steps, time, tokens and money. Run it \
         with agent_invoke; to change one use agent_update.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let agent_id = id_of(&input.name);
        named(&agent_id)?;
        if let Some(there) = cx.get::<Agent>(Agent::id(&agent_id)).await? {
            let mend = match there.value.state {
                State::Retired => "it is retired: bring it back with agent_update, or choose another name",
                State::Active | State::Paused => "change it with agent_update, or choose another name",
            };
            return Err(Fault::new(&codes::ALREADY_EXISTS, format!("there is an agent '{agent_id}': {mend}")));
        }
        let profile = Profile {
            name: input.name,
            description: input.description,
            tags: input.tags,
            persona: input.persona,
            prompt: input.prompt,
            instructions: input.instructions,
            model: input.model,
            tools: input.tools,
            limits: input.limits,
            memory: input.memory,
            output: input.output,
        };
        same_rights(cx, &Profile::default(), &profile)?;
        hold(cx, &profile).await?;
        room_for_one(cx).await?;
        let (author, message) = (cx.caller().user, input.message);
        let agent = Agent { agent_id, version: 1, state: State::Active, profile, author, message };
        cx.create(Agent::id(&agent.agent_id), cx.belongs_to_caller(), &agent)?;
        cx.about::<Agent>(Agent::id(&agent.agent_id));
        cx.emit(REGISTERED, &agent.agent_id, &serde_json::json!({ "agentId": agent.agent_id, "version": 1 }))?;
        Ok(Full::of(agent, cx.belongs_to_caller().owner, cx.now()))
    }
}
