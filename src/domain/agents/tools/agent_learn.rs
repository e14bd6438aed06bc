//! `agent_learn`: an interaction with what was said of it becomes facts, lessons and weights.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::capability::Capability;
use crate::capability::cx::{Belongs, Cx, forbidden};
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::agents::engine::figures::Span;
use crate::domain::agents::engine::learned::Learned as Standing;
use crate::domain::agents::engine::learning::{Drawn, draw};
use crate::domain::agents::engine::running::transcript;
use crate::domain::agents::faults::{INTERACTION_DIFFERS, NOTHING_TO_LEARN};
use crate::domain::agents::finding::load;
use crate::domain::agents::model::agent::Agent;
use crate::domain::agents::model::interaction::{Interaction, Lesson, Weighed};
use crate::domain::agents::topics::LEARNED;
use crate::domain::knowledge::knowing::{self as graph, InGraph, Learned};
use crate::domain::learning::taking;
use crate::domain::memory::knowing::{self as memory, Source};
use crate::domain::memory::recalling::Trust;
use crate::kernel::fault::Fault;
use crate::kernel::id::{FeedbackId, MemoryId};
use crate::kernel::seal::sha256_hex;
use crate::port::records::{Filter, Query, Scalar};

/// From this score on an answer was good, and up to this one it was bad.
const GOOD: u32 = 750;
const BAD: u32 = 250;
/// By so many thousandths what an agent was reminded of matters more after a good answer, and less after a bad one.
const MORE: i32 = 50;
const LESS: i32 = -100;
/// The period that an agent's standing is told of.
const MEASURED: Duration = Duration::from_hours(24 * 90);

/// Learns of an interaction.
pub(in crate::domain::agents) struct AgentLearn;

/// The interaction, and what is to be learned of it.
#[expect(clippy::struct_field_names, reason = "what was asked is the input of the interaction")]
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Input {
    /// The agent's id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Names the interaction: the same again is learned of once and answered as it was.
    #[schemars(length(min = 1, max = 128))]
    interaction_id: String,
    /// The run that it was, as `agent_invoke` tells it: what it was reminded of and which tools it called is weighed then. A run of the caller's own, or
    /// anybody's for those who manage runs.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    execution_id: Option<String>,
    /// What was asked.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100_000))]
    input: Option<String>,
    /// What the agent answered.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100_000))]
    output: Option<String>,
    /// What is said of the answer. It is kept as `feedback_submit` keeps it.
    #[serde(default)]
    feedback: Option<Feedback>,
    /// What the interaction was about, in a word: ratings are added up by it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    topic: Option<String>,
    /// Facts that were learned: they go into the knowledge graph, seen as the agent is.
    #[serde(default)]
    #[schemars(length(max = 50))]
    facts: Vec<Learned>,
    /// How something is to be done from now on: the agent remembers each, and is reminded of it where it bears on what it is asked.
    #[serde(default)]
    #[schemars(length(max = 20))]
    lessons: Vec<Given>,
    /// Has a model draw more facts and lessons out of `input`, `output` and the feedback. Costs money.
    #[serde(default)]
    extract: bool,
    /// The model for that, as `provider/model` or the name of a route.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
    /// Whether the interaction has content that nobody vouches for, such as web pages: what is learned of it is `untrusted` then, and agents are not
    /// reminded of it unless the memory policy says so.
    #[serde(default)]
    untrusted: bool,
}

/// What is said of an answer.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    /// How right it was: 0 not at all, 1 wholly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    accuracy: Option<f64>,
    /// How content somebody is with it: 1 not at all, 5 wholly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1.0, max = 5.0))]
    user_satisfaction: Option<f64>,
    /// What it should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100_000))]
    expected_output: Option<String>,
    /// The answer as somebody put it right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100_000))]
    correction: Option<String>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10_000))]
    notes: Option<String>,
}

/// A lesson.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Given {
    /// How something is done, in a sentence or some that can be understood by themselves.
    #[schemars(length(min = 1, max = 4000))]
    text: String,
    /// What it is about: of two lessons about the same only the later one is believed.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    about: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 50)))]
    tags: Vec<String>,
    /// How much it matters, from 0 to 1; 0.5 when not given.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    importance: Option<f64>,
}

/// What was learned.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Output {
    /// The agent.
    agent_id: String,
    /// The interaction.
    interaction_id: String,
    /// Whether it was learned of before: then this is what was learned then.
    repeated: bool,
    /// The feedback that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    feedback_id: Option<FeedbackId>,
    /// The facts in the knowledge graph, those given first.
    facts: Vec<InGraph>,
    /// The lessons in the agent's memory, those given first.
    lessons: Vec<LessonView>,
    /// How good the answer was, from 0 to 1; absent where nobody rated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    /// Memories of the agent that it was reminded of in the run, and that matter more or less from now on: only those that the caller may change, and
    /// each run counts once.
    weighed: Vec<Weighed>,
    /// How the agent stands by all that was taken in over 90 days, as far as the caller may see it; `agent_status` counts it in.
    standing: Standing,
    /// The model that drew facts and lessons out of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// How much of what it said was dropped, because the interaction does not bear it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<usize>,
}

/// A lesson in memory.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LessonView {
    /// The memory.
    memory_id: MemoryId,
    /// What became of it: `created`, `merged` into one that says the same, `known` where that is not the caller's to change.
    action: String,
    /// What it says.
    text: String,
}

impl Capability for AgentLearn {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "agent_learn",
        Domain::Agents,
        Route::post("/agents/learn"),
        Permit::on(Resource::Feedback, Action::Create),
        "Has an agent learn of an interaction: its rating and correction are kept as feedback, facts go into the knowledge graph, lessons into the agent's \
         memory, and what it was reminded of matters more or less from now on. The same interaction counts once. For a rating alone use feedback_submit.",
    )
    .also(&[Route::post("/agents/{id}/learn")])
    .asks()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let agent = load(cx, &input.id, Action::Read).await?;
        let agent_id = agent.value.agent_id.clone();
        let id = Interaction::id(&agent_id, cx.caller().user.uuid(), &input.interaction_id);
        let digest = sha256_hex(&serde_json::to_vec(&input).map_err(Fault::internal)?);
        let belongs =
            Belongs { owner: Some(cx.caller().user.uuid()), workspace: agent.workspace, visibility: agent.visibility };
        let (mut stored, mut interaction, repeated) = match cx.get::<Interaction>(id).await? {
            Some(stored) if stored.value.digest != digest => {
                let detail = json!({ "interactionId": input.interaction_id, "at": stored.created_at });
                return Err(Fault::new(&INTERACTION_DIFFERS, "another interaction has this id").with_detail(detail));
            }
            Some(stored) => {
                let interaction = stored.value.clone();
                (Some(stored), interaction, true)
            }
            None => (None, begin(cx, &agent, &input, digest, belongs).await?, false),
        };
        if stored.is_none() {
            cx.create(id, belongs, &interaction)?;
        }
        // Each lesson is held against what is remembered, the one before it included: so each is committed by itself, and a call that ends between
        // goes on where it was when it is made again.
        for at in 0..interaction.lessons.len() {
            if interaction.lessons[at].kept.is_some() {
                continue;
            }
            cx.checkpoint().await?;
            stored = cx.get::<Interaction>(id).await?;
            let lesson = &interaction.lessons[at];
            let source = Source {
                uri: Some(address(&interaction)),
                title: Some(format!("an interaction with {agent_id}")),
                quote: None,
            };
            let lesson = memory::Lesson {
                agent: &agent_id,
                text: &lesson.text,
                about: lesson.about.as_deref(),
                tags: &lesson.tags,
                importance: lesson.importance,
                trust: lesson.trust,
                source,
            };
            let kept = memory::learn(cx, &lesson).await?;
            interaction.lessons[at].kept = Some(kept);
            if let Some(stored) = &stored {
                cx.change(stored, &interaction)?;
            }
        }
        if !repeated {
            let about = json!({
                "agentId": agent_id, "interactionId": interaction.interaction_id, "facts": interaction.facts.len(),
                "lessons": interaction.lessons.len(),
            });
            cx.emit(LEARNED, &agent_id, &about)?;
        }
        let span = Span::of(cx, None, None, MEASURED)?;
        // What is not committed yet is not found.
        let standing = Standing::of(cx, &agent, span, stored.is_none().then_some(&interaction)).await?;
        Ok(told(interaction, repeated, standing))
    }
}

/// Everything of an interaction but its lessons, which are remembered after it.
async fn begin(
    cx: &Cx,
    agent: &Stored<Agent>,
    input: &Input,
    digest: String,
    belongs: Belongs,
) -> Result<Interaction, Fault> {
    hold(cx, input)?;
    let agent_id = agent.value.agent_id.clone();
    let mut interaction = Interaction {
        agent_id: agent_id.clone(),
        interaction_id: input.interaction_id.clone(),
        execution_id: input.execution_id.clone(),
        digest,
        topic: input.topic.as_ref().map(|topic| topic.trim().to_lowercase()).filter(|topic| !topic.is_empty()),
        permille: input.feedback.as_ref().and_then(score),
        tools: BTreeMap::new(),
        feedback_id: None,
        facts: Vec::new(),
        lessons: Vec::new(),
        weighed: Vec::new(),
        model: None,
    };
    let run = match &input.execution_id {
        Some(execution) => Some(transcript(cx, &agent_id, execution).await?),
        None => None,
    };
    // What costs money comes first: nothing is written before it.
    let drawn =
        if input.extract { draw(cx, &agent_id, input.model.clone(), &text(input)).await? } else { Drawn::default() };
    let acts = cx.caller().acting.is_some();
    let trust = if input.untrusted { Trust::Untrusted } else { Trust::Inferred };
    let stated = !input.untrusted && !acts;
    let mut facts = input.facts.clone();
    facts.extend(drawn.facts.into_iter().map(|fact| Learned { model: Some(drawn.model.clone()), ..fact }));
    interaction.facts = graph::learn(cx, &facts, &address(&interaction), belongs, trust, stated).await?;
    let given = input.lessons.iter().map(|one| Lesson {
        text: one.text.trim().to_owned(),
        about: one.about.clone(),
        tags: one.tags.clone(),
        importance: one.importance,
        trust: if stated { Trust::Stated } else { trust },
        kept: None,
    });
    let of_model = drawn.lessons.into_iter().map(|text| Lesson {
        text,
        about: None,
        tags: Vec::new(),
        importance: None,
        trust,
        kept: None,
    });
    interaction.lessons = given.chain(of_model).collect();
    if input.extract {
        interaction.model = Some((drawn.model, drawn.dropped));
    }
    if let Some(said) = &input.feedback {
        interaction.feedback_id = Some(feedback(cx, input, said, &agent_id).await?);
    }
    if let Some(run) = run {
        for call in run.steps.iter().flat_map(|step| &step.calls) {
            *interaction.tools.entry(call.tool.clone()).or_default() += u32::from(call.failed);
        }
        let recalled = run.recalled.map(|recalled| recalled.memory_ids).unwrap_or_default();
        interaction.weighed = weigh(cx, &interaction, &recalled).await?;
    }
    Ok(interaction)
}

/// Holds that there is something to learn, and that the caller may.
fn hold(cx: &Cx, input: &Input) -> Result<(), Fault> {
    let may = |resource, action| {
        let may = cx.caller().may(resource, action);
        if may { Ok(()) } else { Err(forbidden(Permit::on(resource, action))) }
    };
    let has_text = input.input.is_some() || input.output.is_some();
    let extracts = input.extract && has_text;
    if input.feedback.is_none() && input.facts.is_empty() && input.lessons.is_empty() && !extracts {
        return Err(Fault::new(&NOTHING_TO_LEARN, "neither feedback nor facts nor lessons are given"));
    }
    if input.extract && !has_text {
        return Err(Fault::bad_input("/extract", "needs the text of the interaction: give `input` or `output`"));
    }
    if input.model.is_some() && !input.extract {
        return Err(Fault::bad_input("/model", "is asked with `extract` only"));
    }
    if !input.facts.is_empty() || input.extract {
        may(Resource::Graph, Action::Change)?;
    }
    if !input.lessons.is_empty() || input.extract {
        may(Resource::Memories, Action::Create)?;
    }
    if input.extract {
        may(Resource::Completions, Action::Create)?;
    }
    Ok(())
}

/// How good an answer was, in thousandths: its accuracy where that is said, else how content somebody was.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1000")]
fn score(said: &Feedback) -> Option<u32> {
    let share = said.accuracy.or_else(|| said.user_satisfaction.map(|of_five| (of_five - 1.0) / 4.0))?;
    Some((share.clamp(0.0, 1.0) * 1000.0).round() as u32)
}

/// The interaction as a model reads it.
fn text(input: &Input) -> String {
    let said = input.feedback.as_ref();
    let parts = [
        ("Asked", input.input.as_ref()),
        ("Answered", input.output.as_ref()),
        ("It should have been", said.and_then(|said| said.expected_output.as_ref())),
        ("Put right", said.and_then(|said| said.correction.as_ref())),
        ("Said of it", said.and_then(|said| said.notes.as_ref())),
    ];
    let parts = parts.into_iter().filter_map(|(name, text)| text.map(|text| format!("{name}: {text}\n\n")));
    let rating = said.and_then(score).map(|score| format!("Rated: {score} of 1000\n\n"));
    parts.chain(rating).collect()
}

/// Keeps the feedback beside all other.
async fn feedback(cx: &Cx, input: &Input, said: &Feedback, agent_id: &str) -> Result<FeedbackId, Fault> {
    let mut kept = serde_json::to_value(said).map_err(Fault::internal)?;
    for (property, text) in [("input", &input.input), ("actualOutput", &input.output)] {
        if let Some(text) = text {
            kept[property] = text.as_str().into();
        }
    }
    let mut all = json!({ "agentId": agent_id, "feedback": kept });
    if let Some(execution) = &input.execution_id {
        all["executionId"] = execution.as_str().into();
    }
    taking::take(cx, all).await
}

/// What the agent was reminded of in the run matters more after a good answer and less after a bad one. A run counts once for each user.
async fn weigh(cx: &Cx, interaction: &Interaction, recalled: &[MemoryId]) -> Result<Vec<Weighed>, Fault> {
    let by = match interaction.permille {
        Some(permille) if permille >= GOOD => MORE,
        Some(permille) if permille <= BAD => LESS,
        Some(_) | None => return Ok(Vec::new()),
    };
    if let Some(execution) = &interaction.execution_id {
        let same = Filter::is("agentId", Scalar::Text(interaction.agent_id.clone()))
            .and(Filter::is("executionId", Scalar::Text(execution.clone())))
            .and(Filter::is("owner", Scalar::Id(cx.caller().user.uuid())));
        let earlier = cx.find::<Interaction>(Query::newest(same, 100)).await?;
        if earlier.iter().any(|one| !one.value.weighed.is_empty()) {
            return Ok(Vec::new());
        }
    }
    let weighed = memory::weigh(cx, &interaction.agent_id, recalled, by).await?;
    let view = |one: memory::Weighed| Weighed { memory_id: one.id, before: one.before, after: one.after };
    Ok(weighed.into_iter().map(view).collect())
}

/// Where something that was learned comes from.
fn address(interaction: &Interaction) -> String {
    match &interaction.execution_id {
        Some(execution) => format!("execution://{execution}"),
        None => format!("interaction://{}/{}", interaction.agent_id, interaction.interaction_id),
    }
}

fn told(interaction: Interaction, repeated: bool, standing: Standing) -> Output {
    let lessons = interaction.lessons.into_iter().filter_map(|lesson| {
        let (memory_id, action) = lesson.kept?;
        Some(LessonView { memory_id, action, text: lesson.text })
    });
    let (model, dropped) = interaction.model.unzip();
    Output {
        agent_id: interaction.agent_id,
        interaction_id: interaction.interaction_id,
        repeated,
        feedback_id: interaction.feedback_id,
        facts: interaction.facts,
        lessons: lessons.collect(),
        score: interaction.permille.map(|permille| f64::from(permille) / 1000.0),
        weighed: interaction.weighed,
        standing,
        model,
        dropped,
    }
}
