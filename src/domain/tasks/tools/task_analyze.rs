//! `task_analyze`: what a case is about, what is risky in it, and what similar ones suggest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::tasks::engine::cases::{FEWEST, Share, like, number, numbers, shares};
use crate::domain::tasks::engine::thinking::{Method, entries, material, said, text};
use crate::domain::tasks::model::task::{SlaStatus, Task};
use crate::kernel::fault::Fault;
use crate::kernel::id::TaskId;

/// Analyses a task.
pub(in crate::domain::tasks) struct TaskAnalyze;

/// Which task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Input {
    /// The task.
    id: TaskId,
    /// The model that is asked, as `provider/model` or a route; the default route when not said, and none where there is none.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
}

/// What is to be said of a task.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Output {
    /// The task.
    task_id: TaskId,
    /// What it is about.
    context: Context,
    /// What is risky in it, as figures tell.
    risks: Vec<Risk>,
    /// What is suggested: never decided by it. Absent where there are too few similar cases and no model.
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<Suggestion>,
    /// How the suggestion was found.
    method: Method,
    /// The model, where one was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// What is not known, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// What a task is about.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Context {
    /// How many similar past cases the caller may see.
    similar_cases: usize,
    /// How they were decided, the most frequent first.
    outcomes: Vec<Share>,
    /// How many of them the same person began.
    of_same_starter: usize,
    /// How often it was escalated.
    escalations: usize,
    /// How often it was passed on.
    delegations: usize,
    /// How it stands with its time.
    sla_status: SlaStatus,
    /// Numbers of it, against those of similar cases.
    figures: Vec<Figure>,
}

/// A number of a task, against those of similar cases.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Figure {
    /// What it is.
    name: String,
    /// What it is here.
    value: f64,
    /// The one in the middle of similar cases.
    median: f64,
    /// The largest of similar cases.
    largest: f64,
    /// Of how many cases.
    cases: usize,
}

/// Something risky.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Risk {
    /// What it is: `unusual_figure`, `late`, `escalated`, `passed_on`, `new_starter`, `nothing_attached`, `contested`, or `model` for what a model says.
    kind: String,
    /// What it is, in words, with its figures.
    say: String,
    /// Whether figures tell it or a model does.
    method: Method,
}

/// What is suggested.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Suggestion {
    /// The outcome.
    outcome: String,
    /// Why.
    because: String,
    /// Which share of similar cases was decided so, from 0 to 1; absent where there are too few.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    /// How many that are.
    count: usize,
    /// Of how many.
    of: usize,
}

impl Capability for TaskAnalyze {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "task_analyze",
        Domain::Tasks,
        Route::post("/analyze/{id}"),
        Permit::on(Resource::Tasks, Action::Read),
        "What is risky in a task and what similar past cases suggest, with the share that was decided so: figures against past ones, lateness, \
         escalations, and a model's view when there is one. Says so when there are too few cases. For a summary use task_brief.",
    )
    .asks()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Task>(input.id.uuid(), Action::Read).await?;
        let task = &stored.value;
        let cases = like(cx, &stored).await?;
        let context = context(task, &cases);
        let mut risks = risks(task, &cases, &context);
        let of = cases.len();
        let count =
            |outcome: &str| context.outcomes.iter().find(|one| one.outcome == outcome).map_or(0, |one| one.count);
        let share = |outcome: &str| context.outcomes.iter().find(|one| one.outcome == outcome).map(|one| one.share);
        let enough = of >= FEWEST;
        let first = context.outcomes.first().filter(|first| enough && task.outcomes.contains(&first.outcome));
        let mut suggestion = first.map(|first| Suggestion {
            outcome: first.outcome.clone(),
            because: format!("{} of {of} similar cases were decided so", first.count),
            share: Some(first.share),
            count: first.count,
            of,
        });
        let (mut method, mut asked) = (Method::Statistical, None);
        let entries = entries(cx, stored.id).await?;
        let instructions = format!(
            "Say what is risky in it and which outcome you would suggest, of {}. Members: risks, a list of at most five sentences; outcome; because, at \
             most three sentences that name what in the material bears it out.",
            task.outcomes.join(", ")
        );
        if let Some((said, model)) = said(cx, &instructions, &material(&stored, &cases, &entries), input.model).await? {
            for say in
                said.get("risks").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).take(5)
            {
                let say = say.chars().take(500).collect();
                risks.push(Risk { kind: "model".to_owned(), say, method: Method::Model });
            }
            if let (Some(outcome), Some(because)) = (text(&said, "outcome", 200), text(&said, "because", 1_500))
                && task.outcomes.contains(&outcome)
            {
                let share = share(&outcome).or(Some(0.0)).filter(|_| enough);
                suggestion = Some(Suggestion { share, count: count(&outcome), of, outcome, because });
                method = Method::Model;
            }
            asked = Some(model);
        }
        let note = (!enough).then(|| format!("{of} similar cases are too few to go by: {FEWEST} are needed"));
        Ok(Output { task_id: input.id, context, risks, suggestion, method, model: asked, note })
    }
}

fn context(task: &Task, cases: &[Stored<Task>]) -> Context {
    let figure = |(name, value): (&String, &Value)| {
        let value = number(value)?;
        let all = numbers(cases, name);
        let (median, largest) = (*all.get(all.len().checked_sub(1)? / 2)?, *all.last()?);
        (all.len() >= FEWEST).then(|| Figure { name: name.clone(), value, median, largest, cases: all.len() })
    };
    Context {
        similar_cases: cases.len(),
        outcomes: shares(cases),
        of_same_starter: cases.iter().filter(|case| case.value.starter == task.starter).count(),
        escalations: task.chain_at,
        delegations: task.delegated_by.len(),
        sla_status: task.sla_status,
        figures: task.data.iter().filter_map(figure).collect(),
    }
}

/// What figures tell.
fn risks(task: &Task, cases: &[Stored<Task>], context: &Context) -> Vec<Risk> {
    let mut risks = Vec::new();
    let mut tell = |kind: &str, say: String| {
        risks.push(Risk { kind: kind.to_owned(), say, method: Method::Statistical });
    };
    for figure in &context.figures {
        let Figure { name, value, median, largest, cases } = figure;
        if value > largest {
            tell(
                "unusual_figure",
                format!(
                    "{name} is {value}: more than in any of {cases} similar cases, of which the largest has {largest}"
                ),
            );
        } else if *median > 0.0 && *value > median * 3.0 {
            tell(
                "unusual_figure",
                format!("{name} is {value}: more than three times the {median} in the middle of {cases} similar cases"),
            );
        }
    }
    match task.sla_status {
        SlaStatus::Warned => tell("late", "its time is nearly over".to_owned()),
        SlaStatus::Breached => tell("late", "its time is over".to_owned()),
        SlaStatus::None | SlaStatus::OnTrack | SlaStatus::Met | SlaStatus::Missed => {}
    }
    if context.escalations > 0 {
        tell("escalated", format!("it was escalated {} times", context.escalations));
    }
    if context.delegations > 1 {
        tell("passed_on", format!("it was passed on {} times", context.delegations));
    }
    if cases.len() >= FEWEST {
        if context.of_same_starter == 0 {
            tell("new_starter", format!("none of {} similar cases was begun by the same person", cases.len()));
        }
        let with = cases.iter().filter(|case| !case.value.attachments.is_empty()).count();
        if task.attachments.is_empty() && with * 2 > cases.len() {
            tell(
                "nothing_attached",
                format!("nothing is attached, and to {with} of {} similar cases something was", cases.len()),
            );
        }
        if context.outcomes.first().is_some_and(|first| first.share < 0.6) {
            tell("contested", "similar cases were decided this way and that".to_owned());
        }
    }
    risks
}
