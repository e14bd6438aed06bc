//! Writing tasks: the document, what happened to it, the job for its next timer, the events, and the job that goes on with what came of it, all in
//! one commit, whether a call or a worker makes it.

use serde_json::{Value, json};
use uuid::Uuid;

use super::model::entry::{Entry, TASK_ENTRY, What};
use super::model::task::{SlaStatus, Status, TASK, Task, Timer};
use super::model::who::Who;
use super::topics::{ASSIGNED, COMPLETED};
use crate::capability::caller::Caller;
use crate::capability::cx::{Belongs, Cx};
use crate::capability::events::Event;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::fault::Fault;
use crate::kernel::id::{TenantId, UserId, new_uuid};
use crate::kernel::time::Timestamp;
use crate::port::queue::Job;
use crate::port::records::Visibility;
use crate::port::store::{Expect, Put, Step};

/// The queue of the timers of tasks.
pub(super) const TIMERS: &str = "task_timers";

/// The queues into which the end of a task may put a job: a service, in which `app` lists those of the parts that open tasks. The job's body has
/// `task`, `key` (as it was given), `status`, `outcome`, `response` and `by`.
#[derive(Debug, Default)]
pub struct Continuations(pub Vec<&'static str>);

/// Who does something.
#[derive(Debug, Clone, Default)]
pub(super) struct Doer {
    pub(super) by: Option<Who>,
    pub(super) user: Option<UserId>,
}

impl Doer {
    /// A caller.
    pub(super) fn of(caller: &Caller) -> Self {
        Self { by: Some(Who::doing(caller)), user: Some(caller.user) }
    }

    /// A timer.
    pub(super) fn timer() -> Self {
        Self::default()
    }
}

/// What is written besides the task itself.
#[derive(Debug, Default)]
pub(super) struct Notes {
    entries: Vec<(What, Doer, Option<String>, Value)>,
    topics: Vec<&'static str>,
}

impl Notes {
    /// Something happened.
    pub(super) fn note(&mut self, what: What, doer: &Doer, text: Option<String>, detail: Value) {
        self.entries.push((what, doer.clone(), text, detail));
    }

    /// The world is told of it, once.
    pub(super) fn tell(&mut self, topic: &'static str) {
        if !self.topics.contains(&topic) {
            self.topics.push(topic);
        }
    }

    /// The task has another assignee, or none.
    pub(super) fn assigned(&mut self, what: What, doer: &Doer, task: &Task, text: Option<String>) {
        self.note(what, doer, text, json!({ "assignedTo": task.assignee }));
        self.tell(ASSIGNED);
    }
}

/// Ends a task. What it waited for is let go, and how it stood with its time is settled.
pub(super) fn end(task: &mut Task, notes: &mut Notes, doer: &Doer, now: Timestamp, status: Status, outcome: &str) {
    task.status = status;
    task.outcome = Some(outcome.to_owned());
    task.ended_at = Some(now);
    task.timers.clear();
    task.follow_up_at = None;
    let in_time = task.sla_deadline.is_none_or(|deadline| now <= deadline) && status == Status::Completed;
    task.sla_status = match task.sla_status {
        SlaStatus::None => SlaStatus::None,
        SlaStatus::Breached => SlaStatus::Missed,
        _ if in_time && doer.by.is_some() => SlaStatus::Met,
        _ => SlaStatus::Missed,
    };
    let what = if status == Status::Cancelled { What::Cancelled } else { What::Completed };
    notes.note(what, doer, None, json!({ "outcome": outcome, "status": status }));
    notes.tell(COMPLETED);
}

/// What a write consists of.
struct Whole {
    task: Task,
    entries: Vec<(Uuid, Entry)>,
    jobs: Vec<Job>,
    events: Vec<(&'static str, Value)>,
}

/// The task as it is written, and what goes with it. `waits` says for when a job waits that is still good.
fn whole(
    platform: &Platform,
    now: Timestamp,
    id: Uuid,
    mut task: Task,
    waits: Option<Timestamp>,
    notes: Notes,
) -> Result<Whole, Fault> {
    task.people = {
        let words: std::collections::BTreeSet<String> = task.parts().map(Who::word).collect();
        words.into_iter().collect::<Vec<_>>().join(" ")
    };
    task.timers.sort_by_key(|timer| timer.at);
    let mut jobs = Vec::new();
    let next = task.timers.first().map(|timer: &Timer| timer.at);
    if next != waits {
        task.timer += 1;
        if let Some(due) = next {
            let body = json!({ "task": id, "number": task.timer });
            jobs.push(Job { id: new_uuid(now), queue: TIMERS, due, priority: 0, body });
        }
    }
    if notes.topics.contains(&COMPLETED)
        && let Some(continuation) = &task.continuation
    {
        let queues = platform.service::<Continuations>()?;
        let queue = queues.0.iter().find(|queue| **queue == continuation.queue).copied();
        let queue =
            queue.ok_or_else(|| Fault::internal(format!("nobody takes from the queue {}", continuation.queue)))?;
        let by = task.answers.last().map(|answer| answer.by.to_string());
        let body = json!({
            "task": id, "key": continuation.key, "status": task.status, "outcome": task.outcome, "response": task.response, "by": by,
        });
        jobs.push(Job { id: new_uuid(now), queue, due: now, priority: 0, body });
    }
    let data = told(id, &task);
    let events = notes.topics.iter().map(|topic| (*topic, data.clone())).collect();
    let entry = |(what, doer, text, detail): (What, Doer, Option<String>, Value)| {
        (new_uuid(now), Entry { task: id, what, by: doer.by, user: doer.user, text, detail })
    };
    Ok(Whole { entries: notes.entries.into_iter().map(entry).collect(), jobs, events, task })
}

/// What an event tells of a task.
fn told(id: Uuid, task: &Task) -> Value {
    let mut data = json!({ "taskId": id, "title": task.title, "status": task.status });
    let more = [
        ("assignedTo", task.assignee.as_ref().map(ToString::to_string)),
        ("outcome", task.outcome.clone()),
        ("processId", task.process_id.clone()),
        ("executionId", task.execution_id.clone()),
        ("nodeId", task.node_id.clone()),
        ("slaDeadline", task.sla_deadline.map(|moment| moment.to_string())),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            data[name] = value.into();
        }
    }
    data
}

fn through(cx: &Cx, id: Uuid, belongs: Belongs, written: Whole) -> Result<Task, Fault> {
    for (entry_id, entry) in &written.entries {
        cx.derive(*entry_id, belongs, entry)?;
    }
    for job in written.jobs {
        cx.enqueue(job);
    }
    for (topic, data) in &written.events {
        cx.emit(topic, id, data)?;
    }
    Ok(written.task)
}

/// Writes a new task with a call.
pub(super) fn create(cx: &Cx, id: Uuid, belongs: Belongs, task: Task, notes: Notes) -> Result<Task, Fault> {
    let written = whole(cx.platform(), cx.now(), id, task, None, notes)?;
    cx.create(id, belongs, &written.task)?;
    through(cx, id, belongs, written)
}

/// Writes a task anew with a call.
pub(super) fn change(cx: &Cx, stored: &Stored<Task>, task: Task, notes: Notes) -> Result<Task, Fault> {
    let waits = stored.value.timers.first().map(|timer| timer.at);
    let written = whole(cx.platform(), cx.now(), stored.id, task, waits, notes)?;
    cx.change(stored, &written.task)?;
    let belongs = Belongs { owner: stored.owner, workspace: stored.workspace, visibility: stored.visibility };
    through(cx, stored.id, belongs, written)
}

/// What a part of the program writes of a task in a commit of its own.
#[derive(Debug)]
pub struct Written {
    /// The task.
    pub id: Uuid,
    /// The steps, which belong into one commit.
    pub steps: Vec<Step>,
    /// What is told with `Platform::tell` once they are committed.
    pub events: Vec<Event>,
}

/// Writes a task without a call: a new one where there is none before it.
#[expect(clippy::too_many_arguments, reason = "what a call knows by its context is given one by one")]
pub(super) fn steps(
    platform: &Platform,
    tenant: TenantId,
    id: Uuid,
    before: Option<&Stored<Task>>,
    owner: Option<Uuid>,
    task: Task,
    notes: Notes,
    waits: Option<Timestamp>,
) -> Result<Written, Fault> {
    let now = platform.clock.now();
    let written = whole(platform, now, id, task, waits, notes)?;
    let owner = before.map_or(owner, |before| before.owner);
    let put = |kind, id, expect, body| {
        Step::Put(Put { kind, id, expect, owner, workspace: None, visibility: Visibility::Private, body })
    };
    let expect = before.map_or(Expect::Absent, |before| Expect::Revision(before.revision));
    let mut steps = vec![put(&TASK, id, expect, serde_json::to_value(&written.task).map_err(Fault::internal)?)];
    for (entry_id, entry) in written.entries {
        let body = serde_json::to_value(&entry).map_err(Fault::internal)?;
        steps.push(put(&TASK_ENTRY, entry_id, Expect::Absent, body));
    }
    steps.extend(written.jobs.into_iter().map(Step::Enqueue));
    let mut events = Vec::new();
    for (topic, data) in written.events {
        let event = Event::by_itself(tenant, now, topic, id.to_string(), data);
        steps.push(event.step()?);
        events.push(event);
    }
    Ok(Written { id, steps, events })
}
