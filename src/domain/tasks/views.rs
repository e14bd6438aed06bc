//! Tasks as their capabilities tell them.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::answering::may;
use super::form::hints::Hints;
use super::model::entry::{Entry, What};
use super::model::task::{Answer, Attachment, Quorum, Separation, Sla, SlaStatus, Status, Task};
use super::model::who::Who;
use super::people::People;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TaskId, UserId};
use crate::kernel::time::Timestamp;

/// A task in short.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Brief {
    /// Its id.
    pub(super) task_id: TaskId,
    /// What is asked, in a line.
    pub(super) title: String,
    /// What kind of task it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task_type: Option<String>,
    /// How it stands.
    pub(super) status: Status,
    /// Who has it: a user's id, or `agent:ID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assigned_to: Option<String>,
    /// From 0 to 100, more is more urgent.
    pub(super) priority: i64,
    /// The process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) process_id: Option<String>,
    /// The execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) execution_id: Option<String>,
    /// The node of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) node_id: Option<String>,
    /// When it was made.
    pub(super) created_at: Timestamp,
    /// When it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) due_at: Option<Timestamp>,
    /// When it is to be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) follow_up_at: Option<Timestamp>,
    /// Until when it must be answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sla_deadline: Option<Timestamp>,
    /// How it stands with its time.
    pub(super) sla_status: SlaStatus,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended_at: Option<Timestamp>,
}

impl Brief {
    /// Of a stored task.
    pub(super) fn of(stored: &Stored<Task>) -> Self {
        Self::new(TaskId::from_uuid(stored.id), stored.created_at, &stored.value)
    }

    fn new(task_id: TaskId, created_at: Timestamp, task: &Task) -> Self {
        Self {
            task_id,
            title: task.title.clone(),
            task_type: task.task_type.clone(),
            status: task.status,
            assigned_to: task.assignee.as_ref().map(ToString::to_string),
            priority: task.priority,
            process_id: task.process_id.clone(),
            execution_id: task.execution_id.clone(),
            node_id: task.node_id.clone(),
            created_at,
            due_at: task.due_at,
            follow_up_at: task.follow_up_at,
            sla_deadline: task.sla_deadline,
            sla_status: task.sla_status,
            outcome: task.outcome.clone(),
            ended_at: task.ended_at,
        }
    }
}

/// A task, whole.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskView {
    #[serde(flatten)]
    pub(super) brief: Brief,
    /// What is asked, at length.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// What is to be filled in: a JSON Schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<Map<String, Value>>,
    /// How the form is shown.
    ui: Hints,
    /// What the person is to know besides.
    data: Map<String, Value>,
    /// What can be decided.
    outcomes: Vec<String>,
    /// The digest of what is shown here: an answer names it, and is refused once something else would be shown.
    shown_hash: String,
    /// Whether the caller may answer it now.
    may_answer: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    may_not_because: Option<String>,
    /// Who made it, or began the execution that did.
    created_by: UserId,
    /// What who has it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_to_name: Option<String>,
    /// Who may claim it: users' ids, `group:NAME`, `agent:ID`.
    candidates: Vec<String>,
    /// Who passed it on, the first one first.
    delegated_by: Vec<String>,
    /// The business calendar in which its hours are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    calendar: Option<String>,
    /// How long it may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    sla: Option<Sla>,
    /// The escalation chain.
    escalation_chain: Vec<StepView>,
    /// Who may not answer.
    separation: Separation,
    /// How many must say the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    quorum: Option<Quorum>,
    /// The answers so far.
    answers: Vec<AnswerView>,
    /// What was filled in, by whoever decided; absent until it ended, and where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Map<String, Value>>,
    /// What belongs to it.
    attachments: Vec<Attachment>,
    /// When it was last changed.
    updated_at: Timestamp,
}

/// A step of the escalation chain.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StepView {
    /// When it is taken by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    /// To whom the task goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// Or the outcome by which it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    /// Whether it was taken.
    taken: bool,
}

/// An answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnswerView {
    /// Who answered: a user's id, or `agent:ID`.
    by: String,
    /// What was decided.
    outcome: String,
    /// What was filled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<Map<String, Value>>,
    /// What was said besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    /// When.
    at: Timestamp,
    /// The digest of what was shown.
    shown_hash: String,
    /// The door by which it came in.
    door: String,
}

impl AnswerView {
    fn of(answer: &Answer) -> Self {
        Self {
            by: answer.by.to_string(),
            outcome: answer.outcome.clone(),
            response: answer.response.clone(),
            comment: answer.comment.clone(),
            at: answer.at,
            shown_hash: answer.shown_hash.clone(),
            door: answer.door.clone(),
        }
    }
}

impl TaskView {
    /// Of a task as a call leaves or finds it.
    pub(super) async fn of(cx: &Cx, stored: &Stored<Task>) -> Result<Self, Fault> {
        let task = &stored.value;
        let people = People { store: &*cx.platform().store, tenant: cx.tenant() };
        let refused = may(cx, stored).await.err();
        if let Some(fault) = &refused
            && fault.code().status >= 500
        {
            return Err(Fault::internal(fault.to_string()));
        }
        let step = |(index, step): (usize, &super::model::task::ChainStep)| StepView {
            at: step.at,
            to: step.to.as_ref().map(ToString::to_string),
            outcome: step.outcome.clone(),
            taken: index < task.chain_at,
        };
        Ok(Self {
            brief: Brief::of(stored),
            description: task.description.clone(),
            form: task.form.clone(),
            ui: task.ui.clone(),
            data: task.data.clone(),
            outcomes: task.outcomes.clone(),
            shown_hash: task.shown_hash.clone(),
            may_answer: refused.is_none(),
            may_not_because: refused.map(|fault| fault.say().to_owned()),
            created_by: task.starter,
            assigned_to_name: match &task.assignee {
                Some(who) => people.name(who).await?,
                None => None,
            },
            candidates: task.candidates.iter().map(ToString::to_string).collect(),
            delegated_by: task.delegated_by.iter().map(ToString::to_string).collect(),
            calendar: task.calendar.clone(),
            sla: task.sla.clone(),
            escalation_chain: task.chain.iter().enumerate().map(step).collect(),
            separation: task.separation.clone(),
            quorum: task.quorum.clone(),
            answers: task.answers.iter().map(AnswerView::of).collect(),
            response: task.response.clone(),
            attachments: task.attachments.clone(),
            updated_at: stored.updated_at,
        })
    }

    /// Of a task that the call has just written.
    pub(super) async fn after(cx: &Cx, stored: Stored<Task>, task: Task) -> Result<Self, Fault> {
        Self::of(cx, &Stored { value: task, updated_at: cx.now(), ..stored }).await
    }
}

/// Something that happened to a task.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryView {
    /// What happened.
    what: What,
    /// When.
    at: Timestamp,
    /// Who did it: a user's id, or `agent:ID`; absent where a timer did.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The person for whom an agent did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<UserId>,
    /// What was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Map<String, Value>>,
}

impl EntryView {
    pub(super) fn of(stored: Stored<Entry>) -> Self {
        let entry = stored.value;
        let is_agent = matches!(entry.by, Some(Who::Agent(_)));
        Self {
            what: entry.what,
            at: stored.created_at,
            by: entry.by.map(|by| by.to_string()),
            on_behalf_of: entry.user.filter(|_| is_agent),
            text: entry.text,
            detail: match entry.detail {
                Value::Object(detail) => Some(detail),
                _ => None,
            },
        }
    }
}
