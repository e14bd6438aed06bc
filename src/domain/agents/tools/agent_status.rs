//! `agent_status`: whether an agent can work, and how well it does.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, forbidden};
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::agents::checking::{choice, models, of_persona, unknown_agents, unknown_tools, unrecalled};
use crate::domain::agents::engine::figures::{Figures, Span};
use crate::domain::agents::engine::learned::Learned;
use crate::domain::agents::engine::running::transcript;
use crate::domain::agents::finding::load;
use crate::domain::agents::model::agent::{Agent, State};
use crate::domain::agents::model::run::{RunStatus, StopReason, Transcript};
use crate::domain::memory::recalling::may_recall;
use crate::domain::models::standing;
use crate::domain::prompts::using;
use crate::kernel::fault::{Fault, Violation};
use crate::kernel::figures::share;
use crate::kernel::time::Timestamp;

/// Tells how an agent is.
pub(in crate::domain::agents) struct AgentStatus;

/// The period that performance is measured over.
const MEASURED: Duration = Duration::from_hours(24 * 7);
/// Fewer runs say nothing.
const FEWEST: u64 = 5;
/// Below this an agent is not well.
const LOWEST: f64 = 0.5;

/// Which agent.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Input {
    /// Its id or name.
    #[schemars(length(min = 1, max = 100))]
    id: String,
    /// Tells the transcript of this run and nothing of how the agent is: the caller's own, or anybody's for those who manage runs. It
    /// needs `runs:read`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    execution_id: Option<String>,
}

/// How an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Health {
    /// Nothing is wrong.
    Healthy,
    /// It works, and not as it is meant to.
    Degraded,
    /// It cannot work.
    Unusable,
}

/// Something that is wrong with how it is set up.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ProblemView {
    /// Where, as a JSON pointer into what `agent_update` takes.
    place: String,
    /// What kind of fault: the code that a run would end by; `unknown` and `forbidden` for what only does not help.
    code: String,
    /// What is wrong.
    say: String,
    /// Whether it cannot run like this.
    blocks: bool,
}

/// How well it does: the mean of its parts by their weights.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Performance {
    /// From when the runs are.
    from: Timestamp,
    /// Runs that somebody waited for to their end.
    runs: u64,
    /// Whether these are the newest runs since then, and there may be more of them than are looked at.
    newest: bool,
    /// From 0 to 1; not there where there are fewer than five runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    /// What it is made of. What there is nothing to measure of is left out.
    parts: Vec<PartView>,
}

/// A part of the score.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PartView {
    /// `completed`: runs whose model was done. `withinLimits`: runs that no limit of the agent stopped. `toolsWorked`: calls of tools that did
    /// not fail. `rated`: how good answers were by the interactions that `agent_learn` took in, where five or more were rated.
    name: &'static str,
    /// From 0 to 1.
    value: f64,
    /// How much it counts.
    weight: f64,
    /// How many runs, calls or interactions it is measured on.
    of: u64,
}

/// The last run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct LastRun {
    /// The run.
    execution_id: String,
    /// When it ended.
    at: Timestamp,
    /// How.
    status: RunStatus,
    /// Why.
    stop_reason: StopReason,
}

/// How the agent is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::agents) struct Output {
    /// The agent.
    agent_id: String,
    /// Its version.
    version: u32,
    /// Whether it works.
    state: State,
    /// Whether it is well: `unusable` where something keeps it from running, `degraded` where something else is wrong or its score is below a
    /// half. Not there where a transcript was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<Health>,
    /// What is wrong with how it is set up, as it is for the caller. Not there where a transcript was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    problems: Option<Vec<ProblemView>>,
    /// How well it does, for those who may read runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    performance: Option<Performance>,
    /// The last run that the caller may see.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<LastRun>,
    /// The transcript that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    execution: Option<Transcript>,
}

impl Capability for AgentStatus {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "agent_status",
        Domain::Agents,
        Route::get("/agents/{id}/status"),
        Permit::on(Resource::Agents, Action::Read),
        "Whether an agent can work: state, health, what is wrong with how it is set up, and a score of how well it does with its parts; with \
         'executionId' the transcript of a run instead. For figures over a period use agent_metrics.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let agent = load(cx, &input.id, Action::Read).await?;
        let (agent_id, version, state) = (agent.value.agent_id.clone(), agent.value.version, agent.value.state);
        let reads_runs = cx.caller().may(Resource::Runs, Action::Read);
        if let Some(execution) = &input.execution_id {
            if !reads_runs {
                return Err(forbidden(Permit::on(Resource::Runs, Action::Read)));
            }
            let execution = Some(transcript(cx, &agent_id, execution).await?);
            let (health, problems, performance, last_run) = (None, None, None, None);
            return Ok(Output { agent_id, version, state, health, problems, performance, last_run, execution });
        }
        let problems = problems(cx, &agent.value).await?;
        let (performance, last_run) = if reads_runs { runs(cx, &agent).await? } else { (None, None) };
        let score = performance.as_ref().and_then(|performance| performance.score);
        let health = match &problems {
            all if all.iter().any(|problem| problem.blocks) => Health::Unusable,
            all if !all.is_empty() || score.is_some_and(|score| score < LOWEST) => Health::Degraded,
            _ => Health::Healthy,
        };
        let (health, problems) = (Some(health), Some(problems));
        Ok(Output { agent_id, version, state, health, problems, performance, last_run, execution: None })
    }
}

/// How well an agent did of late, and its last run.
async fn runs(cx: &Cx, agent: &Stored<Agent>) -> Result<(Option<Performance>, Option<LastRun>), Fault> {
    let span = Span::of(cx, None, None, MEASURED)?;
    let figures = Figures::of_newest(cx, agent, span).await?;
    let learned = Learned::of(cx, agent, span, None).await?;
    let performance = performance(&figures, &learned, span.from);
    let last_run = figures.last.map(|last| LastRun {
        execution_id: last.execution_id,
        at: last.at,
        status: last.stop.status(),
        stop_reason: last.stop,
    });
    Ok((Some(performance), last_run))
}

/// What is wrong with how an agent is set up.
async fn problems(cx: &Cx, agent: &Agent) -> Result<Vec<ProblemView>, Fault> {
    let profile = &agent.profile;
    let mut all = Vec::new();
    if let Some(persona) = &profile.persona
        && let Err(fault) = of_persona(cx, persona).await
    {
        all.push(blocking("/persona", &fault)?);
    }
    if let Some(prompt) = &profile.prompt {
        match using::seen(cx, choice(prompt, None), &prompt.variables).await {
            Err(fault) => all.push(blocking("/prompt", &fault)?),
            Ok(seen) => all.extend(seen.lacking.iter().map(|name| ProblemView {
                place: "/prompt/variables".to_owned(),
                code: "unknown".to_owned(),
                say: format!("every run must bring the variable '{name}' of {}@{}", seen.prompt_id, seen.version),
                blocks: false,
            })),
        }
    }
    let named = models(profile);
    let own = profile.model.name.is_none().then(|| ("/model/name".to_owned(), None));
    for (place, model) in own.into_iter().chain(named) {
        if let Err(fault) = standing::first(cx, model).await {
            let blocks = place == "/model/name";
            all.push(ProblemView { blocks, ..blocking(&place, &fault)? });
        }
    }
    if let Some(whole_again) = standing::spent_budget(cx, &agent.agent_id).await? {
        let when = whole_again.map_or_else(|| "never".to_owned(), |moment| moment.to_string());
        all.push(ProblemView {
            place: String::new(),
            code: "budget_spent".to_owned(),
            say: format!("its budget of models is spent; whole again: {when}"),
            blocks: true,
        });
    }
    let snapshot = cx.platform().registry.present();
    let others = unknown_tools(cx, &snapshot, profile).into_iter().chain(unknown_agents(cx, profile).await?);
    let others = others.chain(unrecalled(cx, profile));
    all.extend(others.map(|Violation { pointer, message }| ProblemView {
        place: pointer,
        code: "unknown".to_owned(),
        say: message,
        blocks: false,
    }));
    if profile.memory.is_some() && !may_recall(cx) {
        all.push(ProblemView {
            place: "/memory".to_owned(),
            code: "forbidden".to_owned(),
            say: "nothing is recalled for you: that needs memories:read".to_owned(),
            blocks: false,
        });
    }
    Ok(all)
}

/// What a run would end by. A fault of the program is not one of the agent.
fn blocking(place: &str, fault: &Fault) -> Result<ProblemView, Fault> {
    if fault.code().status == 500 {
        return Err(Fault::internal(fault.to_string()));
    }
    let code = fault.code().name.to_owned();
    Ok(ProblemView { place: place.to_owned(), code, say: fault.say().to_owned(), blocks: true })
}

fn performance(figures: &Figures, learned: &Learned, from: Timestamp) -> Performance {
    let runs = figures.waited_for();
    let limited: u64 = figures.by_stop.iter().filter(|(stop, _)| stop.is_limit()).map(|(_, count)| count).sum();
    let (calls, failed) = figures
        .tools
        .values()
        .fold((0, 0), |(calls, failed), count| (calls + u64::from(count.calls), failed + u64::from(count.failed)));
    let mut parts: Vec<PartView> = [
        ("completed", 0.5, figures.ended(RunStatus::Completed), runs),
        ("withinLimits", 0.25, runs - limited, runs),
        ("toolsWorked", 0.25, calls - failed, calls),
    ]
    .into_iter()
    .filter_map(|(name, weight, part, of)| share(part, of).map(|value| PartView { name, value, weight, of }))
    .collect();
    if let Some(value) = learned.score.filter(|_| learned.rated >= FEWEST) {
        parts.push(PartView { name: "rated", value, weight: 0.5, of: learned.rated });
    }
    let weights: f64 = parts.iter().map(|part| part.weight).sum();
    let sum: f64 = parts.iter().map(|part| part.weight * part.value).sum();
    let score = (runs >= FEWEST).then(|| (sum / weights * 10_000.0).round() / 10_000.0);
    Performance { from, runs, newest: figures.beyond, score, parts }
}
