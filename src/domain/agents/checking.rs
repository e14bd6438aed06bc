//! Whether an agent is made of what is there: held before anything is stored, and looked at again by `agent_status`.

use std::sync::Arc;

use jsonschema::Validator;
use serde_json::{Map, Value};

use super::model::agent::{Agent, PersonaChoice, Profile, PromptChoice, fits};
use crate::capability::cx::Cx;
use crate::capability::registry::Snapshot;
use crate::capability::schema::compiled;
use crate::domain::memory::recalling;
use crate::domain::models::{Dollars, standing};
use crate::domain::personas::telling;
use crate::domain::prompts::using::{self, Choice};
use crate::kernel::codes;
use crate::kernel::fault::{Fault, Violation};
use crate::kernel::money::NanoDollars;

/// The deepest that the schema of an answer may be.
const DEEPEST: usize = 32;

/// Names that stand in paths beside the ids of agents.
const RESERVED: &[&str] = &[
    "adapt",
    "analyze",
    "capabilities",
    "collaborate",
    "context",
    "coordinate",
    "decide",
    "emotion",
    "goals",
    "intent",
    "intents",
    "knowledge",
    "learn",
    "memory",
    "optimize",
    "plan",
    "quality",
    "reason",
    "resolve",
    "respond",
];

/// Whether an id can be an agent's.
pub(super) fn named(agent_id: &str) -> Result<(), Fault> {
    if agent_id.is_empty() {
        return Err(Fault::bad_input("/name", "must have a letter from a to z or a digit: the id is made of them"));
    }
    if RESERVED.contains(&agent_id) {
        return Err(Fault::bad_input("/name", format!("'{agent_id}' is a word of paths: choose another name")));
    }
    Ok(())
}

/// Everything that does not fit of a profile, each with its place.
pub(super) async fn hold(cx: &Cx, profile: &Profile) -> Result<(), Fault> {
    let mut wrong = plain(profile);
    let snapshot = cx.platform().registry.present();
    wrong.extend(unknown_tools(cx, &snapshot, profile));
    wrong.extend(unknown_agents(cx, profile).await?);
    wrong.extend(unrecalled(cx, profile));
    for (place, model) in models(profile) {
        match standing::first(cx, model).await {
            // A key may come later; a model that nobody knows is a mistake.
            Err(fault) if fault.code().name == "unknown_model" => wrong.push(violation(place, fault.say())),
            Ok(_) | Err(_) => {}
        }
    }
    if let Some(persona) = &profile.persona
        && let Err(fault) = of_persona(cx, persona).await
    {
        wrong.push(missing("/persona", fault)?);
    }
    if let Some(prompt) = &profile.prompt
        && let Err(fault) = using::seen(cx, choice(prompt, None), &prompt.variables).await
    {
        wrong.push(missing("/prompt", fault)?);
    }
    if wrong.is_empty() { Ok(()) } else { Err(Fault::violations(wrong)) }
}

/// Holds that no agent says what agents may do or are told of memories: one that may change agents would else be allowed whatever it likes.
pub(super) fn same_rights(cx: &Cx, old: &Profile, new: &Profile) -> Result<(), Fault> {
    match &cx.caller().acting {
        Some(acting) if (&old.tools, &old.memory) != (&new.tools, &new.memory) => {
            let say = format!(
                "the agent '{}' may not say what agents may do: leave 'tools' and 'memory' out, a person gives them to agents",
                acting.agent
            );
            Err(Fault::new(&codes::TOOL_NOT_ALLOWED, say))
        }
        Some(_) | None => Ok(()),
    }
}

/// The persona as a model is told of it.
pub(super) async fn of_persona(cx: &Cx, persona: &PersonaChoice) -> Result<telling::Told, Fault> {
    telling::told(cx, &persona.id, persona.version.as_deref()).await
}

/// The prompt as it is looked for.
pub(super) fn choice<'a>(prompt: &'a PromptChoice, session: Option<&'a str>) -> Choice<'a> {
    Choice { id: &prompt.id, label: prompt.label.as_deref(), version: prompt.version.as_deref(), session }
}

/// The most that a run may cost.
pub(super) fn dollars(text: &str) -> Result<NanoDollars, Fault> {
    Dollars::parse(text, "/limits/dollars").map(|dollars| dollars.0)
}

/// The compiled schema of an answer.
pub(super) fn validator(schema: &Map<String, Value>) -> Result<Arc<Validator>, Fault> {
    compiled(schema, DEEPEST).map(Arc::new).map_err(|why| Fault::bad_input("/output", why))
}

/// Every model that a profile names, with its place.
pub(super) fn models(profile: &Profile) -> Vec<(String, Option<&str>)> {
    let name = profile.model.name.as_deref();
    let own = name.map(|name| ("/model/name".to_owned(), Some(name)));
    let choices = profile.model.choices.iter().enumerate();
    own.into_iter().chain(choices.map(|(at, name)| (format!("/model/choices/{at}"), Some(name.as_str())))).collect()
}

/// Names of tools that there are not.
pub(super) fn unknown_tools(cx: &Cx, snapshot: &Snapshot, profile: &Profile) -> Vec<Violation> {
    let mut wrong = Vec::new();
    let lists = [("names", &profile.tools.names), ("except", &profile.tools.except)];
    for (list, at, pattern) in
        lists.iter().flat_map(|(list, all)| all.iter().enumerate().map(move |(at, one)| (list, at, one)))
    {
        if !snapshot.of_tenant(cx.tenant()).any(|tool| fits(pattern, &tool.name)) {
            wrong.push(violation(format!("/tools/{list}/{at}"), &format!("there is no tool '{pattern}'")));
        }
    }
    for (at, name) in profile.tools.unknown_domains() {
        wrong.push(violation(format!("/tools/domains/{at}"), &format!("there is no domain '{name}'")));
    }
    wrong
}

/// Whether what the agent is allowed forbids what recalling tells: it is not told by another way what its tools may not tell it.
pub(super) fn forbids_recall(cx: &Cx, profile: &Profile) -> bool {
    let snapshot = cx.platform().registry.present();
    snapshot.find(cx.tenant(), recalling::TOOL).is_none_or(|tool| profile.tools.forbids(tool))
}

/// That the agent is to be reminded of what its tools may not tell it.
pub(super) fn unrecalled(cx: &Cx, profile: &Profile) -> Option<Violation> {
    let forbidden = profile.memory.is_some() && forbids_recall(cx, profile);
    let say = format!(
        "'tools' forbids '{0}', so nothing is recalled: take it out of 'tools.except', and have `read` among 'tools.effects'",
        recalling::TOOL
    );
    forbidden.then(|| violation("/memory", &say))
}

/// Agents that may be run and that there are not.
pub(super) async fn unknown_agents(cx: &Cx, profile: &Profile) -> Result<Vec<Violation>, Fault> {
    let mut wrong = Vec::new();
    for (at, id) in profile.tools.agents.iter().enumerate().filter(|(_, id)| *id != "*") {
        if cx.get::<Agent>(Agent::id(id)).await?.is_none() {
            wrong.push(violation(format!("/tools/agents/{at}"), &format!("there is no agent '{id}'")));
        }
    }
    Ok(wrong)
}

/// What can be told without looking anywhere.
fn plain(profile: &Profile) -> Vec<Violation> {
    let mut wrong = Vec::new();
    for (place, text) in [("/name", &profile.name), ("/description", &profile.description)] {
        if text.trim().is_empty() {
            wrong.push(violation(place, "must not be empty"));
        }
    }
    if profile.persona.is_none() && profile.prompt.is_none() && profile.instructions.trim().is_empty() {
        wrong
            .push(violation("", "give a 'persona', a 'prompt' or 'instructions': else it is nobody and knows no task"));
    }
    if let Some(Err(fault)) = profile.limits.dollars.as_deref().map(dollars) {
        wrong.extend(fault.places().iter().cloned());
    }
    if let Some(schema) = &profile.output {
        if let Err(fault) = validator(schema) {
            wrong.extend(fault.places().iter().cloned());
        }
        if schema.get("type").is_none_or(|kind| kind != "object") {
            wrong.push(violation("/output/type", "must be \"object\": models answer with an object"));
        }
    }
    wrong
}

/// What is not there is the caller's to mend; everything else is a fault by itself.
fn missing(place: &str, fault: Fault) -> Result<Violation, Fault> {
    if fault.is(&codes::NOT_FOUND) || fault.code().status == 422 {
        return Ok(violation(place, fault.say()));
    }
    Err(fault)
}

fn violation(pointer: impl Into<String>, message: &str) -> Violation {
    Violation { pointer: pointer.into(), message: message.to_owned() }
}
