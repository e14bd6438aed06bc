//! What a run is made of: who acts, what is asked of which model, and how far it may go.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::form::Form;
use super::input::Input;
use super::offering::{FIND, Granted};
use crate::capability::acting::{Acting, Spent};
use crate::capability::cx::Cx;
use crate::domain::agents::checking::{choice, dollars, of_persona};
use crate::domain::agents::faults::{AGENT_DEPTH, AGENT_INCOMPLETE};
use crate::domain::agents::model::agent::{Agent, Limits, Profile};
use crate::domain::models::{CacheUse, Tags, Wish};
use crate::domain::prompts::using;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::models::{AnswerForm, ChatRequest};

/// So many agents run below each other, the first one included.
const DEEPEST: usize = 4;
/// So much of a call's time is left to write down how its run ended.
const TO_END: Duration = Duration::from_millis(500);

/// What an agent is told before the conversation, and by what.
#[derive(Default)]
pub(super) struct Told {
    pub(super) text: String,
    pub(super) persona: Option<String>,
    pub(super) prompt_version: Option<String>,
    pub(super) exposure: Option<String>,
}

/// What it is told: its persona, its prompt, its instructions.
pub(super) async fn told(cx: &Cx, profile: &Profile, input: &Input) -> Result<Told, Fault> {
    let (mut told, mut texts) = (Told::default(), Vec::new());
    if let Some(persona) = &profile.persona {
        let persona = of_persona(cx, persona).await.map_err(|fault| incomplete("/persona", fault))?;
        told.persona = Some(format!("{}@{}", persona.persona_id, persona.version));
        texts.push(persona.text);
    }
    if let Some(prompt) = &profile.prompt {
        let variables = merged(&prompt.variables, &input.variables);
        let made = using::used(cx, choice(prompt, input.session.as_deref()), &variables).await;
        let made = made.map_err(|fault| incomplete("/prompt", fault))?;
        told.prompt_version = Some(format!("{}@{}", made.prompt_id, made.version));
        told.exposure = made.exposure.map(|id| id.to_string());
        texts.push(made.text);
    } else if let Some(name) = input.variables.keys().next() {
        return Err(Fault::bad_input(format!("/variables/{name}"), "the agent has no prompt that takes variables"));
    }
    texts.push(profile.instructions.clone());
    let texts: Vec<&str> = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()).collect();
    told.text = texts.join("\n\n");
    Ok(told)
}

/// The values that a run brings lie over those that the agent has.
fn merged(own: &Map<String, Value>, given: &Map<String, Value>) -> Map<String, Value> {
    let mut all = own.clone();
    all.extend(given.clone());
    all
}

/// What the caller gave wrong is theirs to mend; what is not there is the agent's.
fn incomplete(place: &str, fault: Fault) -> Fault {
    if fault.is(&codes::NOT_FOUND) || fault.code().status == 422 {
        let detail = serde_json::json!({ "place": place, "code": fault.code().name });
        return Fault::new(&AGENT_INCOMPLETE, format!("{place}: {}", fault.say())).with_detail(detail);
    }
    fault
}

/// Holds that an agent in whose run this is called may have this one work, and that they are not too many below each other.
pub(in crate::domain::agents) fn may_be_run(cx: &Cx, agent_id: &str) -> Result<(), Fault> {
    let Some(above) = &cx.caller().acting else { return Ok(()) };
    if !above.allowance.agent(agent_id) {
        let say =
            format!("the agent '{}' may not have '{agent_id}' work: its 'tools.agents' does not name it", above.agent);
        return Err(Fault::new(&codes::TOOL_NOT_ALLOWED, say));
    }
    let deep = above.line().count();
    if deep >= DEEPEST {
        let line: Vec<&str> = above.line().map(|acting| acting.agent.as_str()).collect();
        let say = format!("{deep} agents run below each other already");
        return Err(Fault::new(&AGENT_DEPTH, say).with_detail(serde_json::json!({ "agents": line })));
    }
    Ok(())
}

/// An agent that acts for the caller.
pub(in crate::domain::agents) fn acting(cx: &Cx, agent: &Agent, execution: &str) -> Result<Arc<Acting>, Fault> {
    Ok(granted(cx, agent, execution)?.0)
}

/// The same with what it is allowed.
pub(super) fn granted(cx: &Cx, agent: &Agent, execution: &str) -> Result<(Arc<Acting>, Arc<Granted>), Fault> {
    below(cx.caller().acting.clone(), agent, execution)
}

/// The same in a run that is replayed: it is below nobody, since nothing is done or paid in it.
pub(super) fn replayed(agent: &Agent, execution: &str) -> Result<Arc<Acting>, Fault> {
    Ok(below(None, agent, execution)?.0)
}

fn below(above: Option<Arc<Acting>>, agent: &Agent, execution: &str) -> Result<(Arc<Acting>, Arc<Granted>), Fault> {
    let limits = &agent.profile.limits;
    let granted = Granted::new(&agent.profile.tools);
    let acting = Acting {
        agent: agent.agent_id.clone(),
        execution: execution.to_owned(),
        allowance: granted.clone(),
        spent: Spent::within(limits.tokens, limits.dollars.as_deref().map(dollars).transpose()?),
        above,
    };
    Ok((Arc::new(acting), granted))
}

/// What is wished for of a model. That the agent asks, and in which run, the router knows of the caller.
pub(super) fn wish(agent: &Agent, input: &Input) -> Result<Wish, Fault> {
    let policy = &agent.profile.model;
    if let Some(model) = &input.model
        && policy.name.as_ref() != Some(model)
        && !policy.choices.contains(model)
    {
        let known: Vec<&str> = policy.name.iter().chain(&policy.choices).map(String::as_str).collect();
        let say = format!(
            "is none of the agent's models: {}",
            if known.is_empty() { "it names none".to_owned() } else { known.join(", ") }
        );
        return Err(Fault::bad_input("/model", say));
    }
    Ok(Wish {
        model: input.model.clone().or_else(|| policy.name.clone()),
        cache: if policy.cache { CacheUse::Use } else { CacheUse::AsRouted },
        tags: Tags { session: input.session.clone(), ..Tags::default() },
    })
}

/// What every question of the run has, but for the conversation.
pub(super) fn request(profile: &Profile, input: &Input, form: Option<&Form>) -> ChatRequest {
    let policy = &profile.model;
    let form =
        form.map(|form| AnswerForm::Schema { name: "answer".to_owned(), schema: Value::Object(form.schema.clone()) });
    ChatRequest {
        form: form.unwrap_or_default(),
        max_tokens: policy.max_tokens.into_iter().chain(input.max_tokens).min(),
        temperature: input.temperature.or(policy.temperature),
        top_p: policy.top_p,
        reasoning_effort: policy.reasoning_effort.clone(),
        ..ChatRequest::default()
    }
}

/// Adds what a model is told of its tools where it has to find them.
pub(super) fn with_finding(text: &mut String) {
    add(text, FIND);
}

/// Adds to what a model is told.
pub(super) fn add(text: &mut String, more: &str) {
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

/// Until when it may run: within the agent's limit, and early enough before the call's own end to tell of it.
pub(super) fn deadline(cx: &Cx, limits: &Limits) -> Instant {
    let left = cx.time_left();
    let left = left.saturating_sub(TO_END.min(left / 10));
    Instant::now() + left.min(Duration::from_secs(u64::from(limits.seconds)))
}
