//! `task_brief`: a case in short, for the person who is to decide it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::tasks::engine::cases::{FEWEST, Share, hours, like, shares};
use crate::domain::tasks::engine::thinking::{Method, entries, material, said, text};
use crate::domain::tasks::model::task::Task;
use crate::domain::tasks::views::EntryView;
use crate::kernel::fault::Fault;
use crate::kernel::id::TaskId;
use crate::kernel::time::Timestamp;

/// Tells a case in short.
pub(in crate::domain::tasks) struct TaskBrief;

/// Of which task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Input {
    /// The task.
    id: TaskId,
    /// The model that writes the summary, as `provider/model` or a route; the default route when not said, and none where there is none.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    model: Option<String>,
}

/// A case in short.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::tasks) struct Output {
    /// The task.
    task_id: TaskId,
    /// What is asked, in a line.
    title: String,
    /// The case in some sentences.
    summary: String,
    /// Who wrote the summary: a model, or a form that is filled with figures.
    method: Method,
    /// The model, where one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// What the person is to know.
    facts: Map<String, Value>,
    /// Until when it must be answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_until: Option<Timestamp>,
    /// What happened so far, the last 50 in order.
    happened: Vec<EntryView>,
    /// What similar cases came to.
    similar: Similar,
}

/// What similar cases came to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Similar {
    /// How many the caller may see, of the newest 300: of the same type, else of the same form and outcomes.
    cases: usize,
    /// How they were decided, the most frequent first.
    outcomes: Vec<Share>,
    /// Hours from their making to their end, in the middle.
    #[serde(skip_serializing_if = "Option::is_none")]
    median_hours: Option<f64>,
    /// That there are too few to say anything by.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Capability for TaskBrief {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::read(
        "task_brief",
        Domain::Tasks,
        Route::post("/briefing/{id}"),
        Permit::on(Resource::Tasks, Action::Read),
        "A task as a case in short for who decides: what and why, what happened so far, how similar past cases were decided. Written by a model when \
         there is one, else filled with figures; it says which. For risks and a suggestion use task_analyze.",
    )
    .asks()
    .spends();

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = cx.load::<Task>(input.id.uuid(), Action::Read).await?;
        let task = &stored.value;
        let cases = like(cx, &stored).await?;
        let entries = entries(cx, stored.id).await?;
        let instructions = "Summarise in at most six plain sentences what is asked, why, what happened so far, and how similar cases were decided; leave \
                            out what is not in the material, and decide nothing. Member: summary.";
        let told = said(cx, instructions, &material(&stored, &cases, &entries), input.model).await?;
        let written = told.and_then(|(said, model)| Some((text(&said, "summary", 4_000)?, model)));
        let (summary, method, model) = match written {
            Some((summary, model)) => (summary, Method::Model, Some(model)),
            None => (plain(&stored, &cases), Method::Statistical, None),
        };
        let few = (cases.len() < FEWEST).then(|| format!("{} similar cases are too few to go by", cases.len()));
        Ok(Output {
            task_id: input.id,
            title: task.title.clone(),
            summary,
            method,
            model,
            facts: task.data.clone(),
            answer_until: task.sla_deadline.or(task.due_at),
            happened: entries.into_iter().map(EntryView::of).collect(),
            similar: Similar { cases: cases.len(), outcomes: shares(&cases), median_hours: hours(&cases), note: few },
        })
    }
}

/// A summary without a model: what there is, in sentences of a form.
fn plain(stored: &Stored<Task>, cases: &[Stored<Task>]) -> String {
    let task = &stored.value;
    let mut parts = vec![format!("Asked: {}.", task.title.trim_end_matches('.'))];
    parts.extend(task.description.as_ref().map(|text| text.chars().take(500).collect()));
    if !task.data.is_empty() {
        let fact = |(name, value): (&String, &Value)| {
            format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        };
        let facts: Vec<String> = task.data.iter().take(10).map(fact).collect();
        parts.push(format!("Known: {}.", facts.join("; ").chars().take(800).collect::<String>()));
    }
    if task.chain_at > 0 {
        parts.push(format!("It was escalated {} times.", task.chain_at));
    }
    if let Some(until) = task.sla_deadline.or(task.due_at) {
        parts.push(format!("It must be answered until {until}."));
    }
    let shares = shares(cases);
    match shares.first() {
        Some(first) if cases.len() >= FEWEST => {
            parts.push(format!("Of {} similar cases {} ended with '{}'.", cases.len(), first.count, first.outcome));
        }
        _ => parts.push(format!("There are {} similar cases, too few to go by.", cases.len())),
    }
    parts.join(" ")
}
