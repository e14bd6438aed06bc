//! Opening tasks: what is asked is held against what there is, and becomes a task with its timers. A part of the program that opens a task in a
//! commit of its own takes the steps from here; so does one that withdraws a task.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::engine::timing::{self, Hours};
use super::form::{self, hints::Hints};
use super::model::entry::What;
use super::model::task::{ChainStep, Continuation, Quorum, Separation, Sla, SlaStatus, Status, TASK, Task};
use super::model::who::Who;
use super::people::People;
use super::topics::{ASSIGNED, CREATED};
pub use super::writing::Written;
use super::writing::{Continuations, Doer, Notes, end};
use crate::capability::cx::store_fault;
use crate::capability::gate::operation::digest;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::fault::{Fault, Violation};
use crate::kernel::id::{TenantId, UserId};
use crate::kernel::time::Timestamp;
use crate::port::records::Scope;

/// The outcomes where nothing else is said.
const USUAL: &[&str] = &["approve", "reject", "revise", "defer"];
/// So many bytes may the data of a task have.
const MOST_DATA: usize = 64 * 1024;
/// So deep may it be.
const DEEPEST_DATA: usize = 16;
/// The share of the time after which a warning is told, where nothing else is said.
const USUAL_WARNING: u32 = 80;

/// A step of the escalation chain: to whom it goes, or by which outcome the task ends, and after how long.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum StepGiven {
    /// To whom: a user's id or email, `group:NAME`, `agent:ID`. The first such step is taken when the time is over (slaDeadline, else dueAt),
    /// each further one as long after the one before.
    To(#[schemars(length(min = 1, max = 320))] String),
    /// A step with its time.
    Step(StepAfter),
}

/// A step of the escalation chain with its time.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepAfter {
    /// Hours after the step before, for the first one after the task was made; counted as those of the SLA are.
    #[serde(default)]
    #[schemars(range(min = 0.01, max = 87_600.0))]
    pub after_hours: Option<f64>,
    /// To whom the task goes: a user's id or email, `group:NAME`, `agent:ID`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 320))]
    pub to: Option<String>,
    /// Or the outcome by which it ends when nobody has answered: one of its outcomes, `fail`, or another name.
    #[serde(default)]
    #[schemars(length(min = 1, max = 40), regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub outcome: Option<String>,
}

/// What is asked of whom.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// What is asked, in a line.
    #[schemars(length(min = 1, max = 200))]
    pub title: String,
    /// What is asked, at length.
    #[serde(default)]
    #[schemars(length(min = 1, max = 10_000))]
    pub description: Option<String>,
    /// What kind of task it is, such as `expense_approval`: past tasks of the same type are what suggestions are made of.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub task_type: Option<String>,
    /// What is to be filled in: a JSON Schema of an object whose fields are strings (with enum, format, pattern), numbers, booleans, lists of strings
    /// or objects, 3 deep at most; or `{"fields": [{"name", "type", "options"}]}`. A field `decision` with an enum decides by itself.
    #[serde(default)]
    pub form: Option<Map<String, Value>>,
    /// How the form is shown.
    #[serde(default)]
    pub ui: Hints,
    /// What the person is to know besides: facts as names and values, 64 KiB at most.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// What can be decided; approve, reject, revise and defer when not said. `defer` puts the answer off, each other one ends the task.
    #[serde(default)]
    #[schemars(length(min = 1, max = 12), inner(length(min = 1, max = 40), regex(pattern = "^[a-z][a-z0-9_]*$")))]
    pub outcomes: Option<Vec<String>>,
    /// Who is to answer: a user's id or email, `agent:ID`, or `group:NAME`, whose members may claim it. The caller where nobody is named at all.
    #[serde(default)]
    #[schemars(length(min = 1, max = 320))]
    pub assignee: Option<String>,
    /// People who may claim it, by id or email.
    #[serde(default)]
    #[schemars(length(max = 50), inner(length(min = 1, max = 320)))]
    pub candidate_users: Vec<String>,
    /// Groups whose members may claim it.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 100)))]
    pub candidate_groups: Vec<String>,
    /// Agents who may claim it, by id.
    #[serde(default)]
    #[schemars(length(max = 20), inner(length(min = 1, max = 100)))]
    pub candidate_agents: Vec<String>,
    /// From 0 to 100, more is more urgent; 50 when not said.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub priority: Option<u32>,
    /// When it is due.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// When it is to be looked at, whoever has it.
    #[serde(default)]
    pub follow_up_at: Option<Timestamp>,
    /// How long it may take.
    #[serde(default)]
    pub sla: Option<Sla>,
    /// The business calendar of the configuration in which the hours of `sla` and of the escalation chain are counted; those of the clock when not
    /// said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    pub calendar: Option<String>,
    /// To whom it goes, or how it ends, when nobody answers in time.
    #[serde(default)]
    #[schemars(length(max = 10))]
    pub escalation_chain: Vec<StepGiven>,
    /// Who may not answer, whatever else they may.
    #[serde(default)]
    pub separation: Separation,
    /// How many of the candidates must say the same; one answer is enough when not said.
    #[serde(default)]
    pub quorum: Option<Quorum>,
    /// The process that it belongs to.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub process_id: Option<String>,
    /// The execution that it belongs to.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub execution_id: Option<String>,
    /// The node of the process.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub node_id: Option<String>,
}

/// From where a task is opened.
#[derive(Debug, Clone)]
pub struct Opener {
    /// Who began: the starter of the execution. They own the task, and separation of duties speaks of them.
    pub starter: UserId,
    /// Where the outcome goes besides the event `task.completed`.
    pub continuation: Option<Continuation>,
}

/// A task of this id that is opened in a commit of the caller's own: the steps belong into it, the events are told when it is through. Where one
/// of the id is there already the commit has a conflict.
///
/// # Errors
/// `bad_input` with every place that does not fit.
pub async fn open(
    platform: &Platform,
    tenant: TenantId,
    id: Uuid,
    asked: Asked,
    opener: Opener,
) -> Result<Written, Fault> {
    let owner = Some(opener.starter.uuid());
    let (task, notes) = prepared(platform, tenant, asked, opener, &Doer::timer()).await?;
    super::writing::steps(platform, tenant, id, None, owner, task, notes, None)
}

/// Withdraws a task that is not over, in a commit of the caller's own; nothing where it is over or there is none. The continuation gets its job
/// with the status `cancelled`.
///
/// # Errors
/// When the store fails.
pub async fn withdraw(platform: &Platform, tenant: TenantId, id: Uuid) -> Result<Option<Written>, Fault> {
    let found = platform.store.get(Scope::Tenant(tenant), &TASK, id).await.map_err(store_fault)?;
    let Some(stored) = found.map(Stored::<Task>::read).transpose()?.filter(|stored| !stored.value.status.is_over())
    else {
        return Ok(None);
    };
    let (mut task, mut notes) = (stored.value.clone(), Notes::default());
    let now = platform.clock.now();
    end(&mut task, &mut notes, &Doer::timer(), now, Status::Cancelled, "cancelled");
    let waits = stored.value.timers.first().map(|timer| timer.at);
    super::writing::steps(platform, tenant, id, Some(&stored), None, task, notes, waits).map(Some)
}

/// The task as it begins.
#[expect(clippy::too_many_lines, reason = "a task has many properties, and each is held where it is taken")]
pub(super) async fn prepared(
    platform: &Platform,
    tenant: TenantId,
    asked: Asked,
    opener: Opener,
    doer: &Doer,
) -> Result<(Task, Notes), Fault> {
    let now = platform.clock.now();
    let people = People { store: &*platform.store, tenant };
    let mut wrong = Vec::new();
    let form = match &asked.form {
        None => None,
        Some(form) => match form::read(form).and_then(|form| form::checked(&form)) {
            Ok(form) => Some(form),
            Err(places) => {
                wrong.extend(places);
                None
            }
        },
    };
    if wrong.is_empty() {
        wrong.extend(asked.ui.unfit(form.as_ref()));
    }
    plain(&asked, now, &mut wrong);
    let choices = form.as_ref().and_then(decision);
    if choices.is_some() && asked.outcomes.is_some() {
        tell(
            &mut wrong,
            "/outcomes",
            "must be left out where the form has a field 'decision' with an enum: that decides",
        );
    }
    if let Some(continuation) = &opener.continuation
        && !platform.service::<Continuations>()?.0.iter().any(|queue| *queue == continuation.queue)
    {
        return Err(Fault::internal(format!("nobody takes from the queue {}", continuation.queue)));
    }
    if !wrong.is_empty() {
        return Err(Fault::violations(wrong));
    }
    let outcomes = choices.or(asked.outcomes).unwrap_or_else(|| USUAL.iter().map(|name| (*name).to_owned()).collect());
    let mut candidates = BTreeSet::new();
    for (index, user) in asked.candidate_users.iter().enumerate() {
        candidates.insert(Who::User(people.person(user, &format!("/candidateUsers/{index}")).await?));
    }
    for (index, group) in asked.candidate_groups.iter().enumerate() {
        candidates.insert(people.group(group, &format!("/candidateGroups/{index}")).await?);
    }
    for (index, agent) in asked.candidate_agents.iter().enumerate() {
        candidates.insert(people.agent(agent, &format!("/candidateAgents/{index}")).await?);
    }
    let mut assignee = match &asked.assignee {
        None => None,
        Some(text) => Some(people.meant(text, "/assignee").await?),
    };
    if let Some(group @ Who::Group(_)) = &assignee {
        candidates.insert(group.clone());
        assignee = None;
    } else if assignee.is_none() && candidates.is_empty() {
        assignee = Some(Who::User(opener.starter));
    }
    if let Some(quorum) = &asked.quorum {
        hold_quorum(quorum, assignee.as_ref(), &candidates)?;
    }
    let mut separation = asked.separation;
    for (index, user) in separation.users.iter_mut().enumerate() {
        *user = people.person(user, &format!("/separation/users/{index}")).await?.to_string();
    }
    for (index, group) in separation.groups.iter().enumerate() {
        people.group(group, &format!("/separation/groups/{index}")).await?;
    }
    let hours = hours(platform, asked.calendar.as_deref())?;
    let sla_deadline = match &asked.sla {
        Some(sla) => Some(hours.after(now, sla.hours_to_complete)?),
        None => None,
    };
    let mut task = Task {
        alike: alike(asked.task_type.as_deref(), form.as_ref(), &outcomes),
        title: asked.title,
        description: asked.description,
        task_type: asked.task_type,
        form,
        ui: asked.ui,
        data: asked.data,
        outcomes,
        status: if assignee.is_some() { Status::Assigned } else { Status::Open },
        assignee,
        candidates: candidates.into_iter().collect(),
        people: String::new(),
        starter: opener.starter,
        delegated_by: Vec::new(),
        priority: i64::from(asked.priority.unwrap_or(50)),
        process_id: asked.process_id,
        execution_id: asked.execution_id,
        node_id: asked.node_id,
        calendar: asked.calendar,
        due_at: asked.due_at,
        follow_up_at: asked.follow_up_at,
        sla_deadline,
        sla_status: if asked.sla.is_some() { SlaStatus::OnTrack } else { SlaStatus::None },
        sla: asked.sla,
        chain: Vec::new(),
        chain_at: 0,
        separation,
        quorum: asked.quorum,
        answers: Vec::new(),
        outcome: None,
        response: None,
        attachments: Vec::new(),
        shown_hash: String::new(),
        timers: Vec::new(),
        timer: 0,
        continuation: opener.continuation,
        ended_at: None,
    };
    task.chain = chain(&people, &task, &asked.escalation_chain, &hours, now).await?;
    task.timers = timing::timers(&task, warnings(&task, &hours, now)?);
    task.shown_hash = shown_hash(&task);
    let mut notes = Notes::default();
    notes.note(What::Created, doer, None, json!({ "assignedTo": task.assignee, "candidates": task.candidates }));
    notes.tell(CREATED);
    if task.assignee.is_some() {
        notes.tell(ASSIGNED);
    }
    Ok((task, notes))
}

fn tell(wrong: &mut Vec<Violation>, pointer: &str, message: impl Into<String>) {
    wrong.push(Violation { pointer: pointer.to_owned(), message: message.into() });
}

/// What does not fit and can be told without looking anything up.
fn plain(asked: &Asked, now: Timestamp, wrong: &mut Vec<Violation>) {
    if asked.title.trim().is_empty() {
        tell(wrong, "/title", "must say something");
    }
    for (pointer, moment) in [("/dueAt", asked.due_at), ("/followUpAt", asked.follow_up_at)] {
        if moment.is_some_and(|moment| moment <= now) {
            tell(wrong, pointer, "must lie in the future");
        }
    }
    let data = Value::Object(asked.data.clone());
    if depth(&data) > DEEPEST_DATA {
        tell(wrong, "/data", format!("must be {DEEPEST_DATA} levels deep or less"));
    } else if data.to_string().len() > MOST_DATA {
        tell(wrong, "/data", format!("must have {MOST_DATA} bytes or less; add documents with task_comment"));
    }
    if let Some(outcomes) = &asked.outcomes {
        let mut seen = BTreeSet::new();
        for (index, outcome) in outcomes.iter().enumerate() {
            if !seen.insert(outcome) {
                tell(wrong, &format!("/outcomes/{index}"), "is there twice");
            }
        }
        if outcomes.iter().all(|outcome| outcome == DEFER) {
            tell(wrong, "/outcomes", "must have one that ends the task");
        }
    }
    for (index, step) in asked.escalation_chain.iter().enumerate() {
        if let StepGiven::Step(step) = step
            && step.to.is_some() == step.outcome.is_some()
        {
            tell(wrong, &format!("/escalationChain/{index}"), "must have 'to' or 'outcome', and one of them only");
        }
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn hold_quorum(quorum: &Quorum, assignee: Option<&Who>, candidates: &BTreeSet<Who>) -> Result<(), Fault> {
    if assignee.is_some() {
        return Err(Fault::bad_input("/assignee", "must be left out where several answer: name candidates"));
    }
    let has_group = candidates.iter().any(|who| matches!(who, Who::Group(_)));
    let of = match quorum.of {
        Some(of) => of as usize,
        None if has_group => {
            return Err(Fault::bad_input("/quorum/of", "is missing: where a group may answer, say how many of it do"));
        }
        None => candidates.len(),
    };
    if quorum.needed as usize > of {
        return Err(Fault::bad_input("/quorum/needed", format!("must not be more than the {of} who answer")));
    }
    if !has_group && of > candidates.len() {
        return Err(Fault::bad_input(
            "/quorum/of",
            format!("must not be more than the {} candidates", candidates.len()),
        ));
    }
    Ok(())
}

/// The outcome that puts an answer off.
pub(super) const DEFER: &str = "defer";
/// The field of a form that decides.
pub(super) const DECISION: &str = "decision";

/// The choices of a form that decides by itself.
pub(super) fn decision(form: &Map<String, Value>) -> Option<Vec<String>> {
    let choices = form.get("properties")?.get(DECISION)?.get("enum")?.as_array()?;
    Some(choices.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn alike(task_type: Option<&str>, form: Option<&Map<String, Value>>, outcomes: &[String]) -> String {
    match task_type {
        Some(name) => format!("type:{name}"),
        None => format!("form:{}", &digest(&json!([form, outcomes]))[..32]),
    }
}

/// The digest of everything of a task that a person is shown before answering.
pub(super) fn shown_hash(task: &Task) -> String {
    digest(&json!({
        "title": task.title,
        "description": task.description,
        "form": task.form,
        "ui": task.ui,
        "data": task.data,
        "outcomes": task.outcomes,
        "attachments": task.attachments,
    }))
}

/// The moments of the warnings.
fn warnings(task: &Task, hours: &Hours, now: Timestamp) -> Result<Vec<(u32, Timestamp)>, Fault> {
    let Some(sla) = &task.sla else { return Ok(Vec::new()) };
    let percents = sla.warn_at_percent.clone().unwrap_or_else(|| vec![USUAL_WARNING]);
    let at = |percent: u32| hours.after(now, sla.hours_to_complete * f64::from(percent) / 100.0);
    percents.into_iter().collect::<BTreeSet<_>>().into_iter().map(|percent| Ok((percent, at(percent)?))).collect()
}

/// The hours of a calendar of the configuration.
fn hours(platform: &Platform, calendar: Option<&str>) -> Result<Hours, Fault> {
    let Some(name) = calendar else { return Ok(Hours::default()) };
    let calendar = platform.config.calendars.named(name).map_err(|fault| fault.below("/calendar"))?;
    Ok(Hours::of(calendar))
}

/// The chain with its moments. Whoever has the task already is no step of it at its beginning.
async fn chain(
    people: &People<'_>,
    task: &Task,
    given: &[StepGiven],
    hours: &Hours,
    now: Timestamp,
) -> Result<Vec<ChainStep>, Fault> {
    let mut chain = Vec::new();
    let over = task.sla_deadline.or(task.due_at);
    let mut before = Some(now);
    for (index, step) in given.iter().enumerate() {
        let pointer = format!("/escalationChain/{index}");
        let step = match step {
            StepGiven::To(to) => StepAfter { after_hours: None, to: Some(to.clone()), outcome: None },
            StepGiven::Step(step) => step.clone(),
        };
        let to = match &step.to {
            Some(to) => Some(people.meant(to, &pointer).await?),
            None => None,
        };
        if chain.is_empty() && to.is_some() && to == task.assignee {
            continue;
        }
        let at = match (step.after_hours, before, over) {
            (Some(count), Some(before), _) => Some(hours.after(before, count)?),
            (None, _, over) if chain.is_empty() => over,
            // As long again as the whole was given.
            (None, Some(before), Some(over)) => Some(match &task.sla {
                Some(sla) => hours.after(before, sla.hours_to_complete)?,
                None => before.plus(over.since(now)),
            }),
            _ => None,
        };
        before = at;
        chain.push(ChainStep { at, to, outcome: step.outcome });
    }
    Ok(chain)
}
