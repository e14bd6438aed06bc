//! The one path through which every answer goes, whatever its door: over REST, from the command line, asked for by an assistant, from the page of a
//! link, by an agent. Who may answer, whether duties are separated, whether it is an answer to what was shown, whether it fits: it is all held here.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::engine::counting::decided;
use super::faults::{NOT_YOURS, SEPARATED, TASK_ANSWERED, TASK_CHANGED, TASK_OVER, TASK_TAKEN};
use super::form;
use super::model::entry::What;
use super::model::task::{Alarm, Answer, Status, Task, Timer};
use super::model::who::Who;
use super::opening::{DECISION, DEFER};
use super::people::People;
use super::topics::RESPONDED;
use super::writing::{Doer, Notes, change, end};
use crate::capability::cx::{Belongs, Cx};
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Resource};
use crate::kernel::fault::Fault;
use crate::kernel::id::UserId;
use crate::kernel::seal::sha256;
use crate::kernel::time::Timestamp;
use crate::port::records::{Document, Kind, Visibility};

/// The kind of the marks of who has answered in which execution. One document for each, known by both: two answers at once meet in it.
pub(super) static TASK_ANSWERER: Kind = Kind::new("task_answerer");

/// Who has answered in which execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answerer {
    execution_id: String,
    by: Who,
    /// The first task of the execution that they answered.
    task: Uuid,
}

impl Answerer {
    fn id(execution: &str, by: &Who) -> Uuid {
        let digest = sha256(format!("{}:{execution}:{by}", execution.len()).as_bytes());
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        uuid::Builder::from_custom_bytes(first).into_uuid()
    }
}

impl Document for Answerer {
    const KIND: &'static Kind = &TASK_ANSWERER;
}

/// An answer as it comes in.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    pub(super) outcome: Option<String>,
    pub(super) response: Map<String, Value>,
    pub(super) comment: Option<String>,
    pub(super) shown_hash: String,
    pub(super) defer_until: Option<Timestamp>,
}

/// Whether the caller may answer a task that they see.
///
/// # Errors
/// Why not.
pub(super) async fn may(cx: &Cx, stored: &Stored<Task>) -> Result<(), Fault> {
    let task = &stored.value;
    if task.status.is_over() {
        let say = format!("the task is {}", task.status.name());
        return Err(Fault::new(&TASK_OVER, say).with_detail(json!({ "status": task.status, "outcome": task.outcome })));
    }
    let caller = cx.caller();
    let mine = Who::answering(caller);
    let by = Who::doing(caller);
    if task.answers.iter().any(|answer| answer.by == by) {
        return Err(Fault::new(&TASK_ANSWERED, "you have answered the task already"));
    }
    let has = task.assignee.as_ref().is_some_and(|assignee| mine.contains(assignee));
    let is_candidate = task.candidates.iter().any(|who| mine.contains(who));
    let manages = caller.acting.is_none() && task.quorum.is_none() && caller.may(Resource::Tasks, Action::Manage);
    if !has && !manages {
        if !is_candidate {
            return Err(Fault::new(&NOT_YOURS, "the task is not for you to answer"));
        }
        if task.assignee.is_some() {
            return Err(Fault::new(&TASK_TAKEN, "somebody else has the task"));
        }
    }
    match barred(cx, stored.id, task, &by).await? {
        None => Ok(()),
        Some(rule) => {
            let say = format!("you may not answer the task: {}", rule.1);
            Err(Fault::new(&SEPARATED, say).with_detail(json!({ "rule": rule.0 })))
        }
    }
}

/// The rule by which somebody may not answer, with its words.
async fn barred(cx: &Cx, id: Uuid, task: &Task, by: &Who) -> Result<Option<(&'static str, &'static str)>, Fault> {
    let rules = &task.separation;
    let caller = cx.caller();
    // An agent is held to the rules for whom it acts, too.
    if rules.starter && caller.user == task.starter {
        return Ok(Some(("starter", "you began what is to be decided")));
    }
    if rules.users.iter().any(|user| *user == caller.user.to_string()) {
        return Ok(Some(("users", "you are excluded by name")));
    }
    if rules.groups.iter().any(|group| caller.groups.contains(group)) {
        return Ok(Some(("groups", "a group that you are in is excluded")));
    }
    if rules.starter_groups && caller.user != task.starter {
        let people = People { store: &*cx.platform().store, tenant: cx.tenant() };
        let theirs = people.groups(task.starter).await?;
        if theirs.iter().any(|group| caller.groups.contains(group)) {
            return Ok(Some(("starterGroups", "you are in a group with who began what is to be decided")));
        }
    }
    if let Some(execution) = task.execution_id.as_deref().filter(|_| rules.earlier_answerers) {
        for who in [by.clone(), Who::User(caller.user)] {
            let earlier = cx.get::<Answerer>(Answerer::id(execution, &who)).await?;
            if earlier.is_some_and(|earlier| earlier.value.task != id) {
                return Ok(Some(("earlierAnswerers", "you have answered an earlier task of the same execution")));
            }
        }
    }
    Ok(None)
}

/// Takes an answer.
///
/// # Errors
/// Why it is none: the task is over or answered, another's, separated duties, something else than was shown, or what does not fit.
pub(super) async fn answer(cx: &Cx, stored: Stored<Task>, given: Given) -> Result<Task, Fault> {
    may(cx, &stored).await?;
    let mut task = stored.value.clone();
    if given.shown_hash != task.shown_hash {
        let say = "what belongs to the task is not what was shown";
        return Err(Fault::new(&TASK_CHANGED, say).with_detail(json!({ "shownHash": task.shown_hash })));
    }
    let response = form::settled(given.response);
    let outcome = outcome(&task, given.outcome.as_deref(), &response)?;
    let (now, doer) = (cx.now(), Doer::of(cx.caller()));
    let by = Who::doing(cx.caller());
    let mut notes = Notes::default();
    if outcome == DEFER {
        let until = given.defer_until.filter(|until| *until > now);
        let until = until
            .ok_or_else(|| Fault::bad_input("/deferUntil", "must lie in the future where the answer is put off"))?;
        if task.quorum.is_some() {
            return Err(Fault::bad_input(
                "/outcome",
                "cannot be 'defer': several answer, and one does not put it off for all",
            ));
        }
        task.assignee.get_or_insert_with(|| by.clone());
        task.status = Status::Deferred;
        task.follow_up_at = Some(until);
        task.timers.retain(|timer| timer.what != Alarm::FollowUp);
        task.timers.push(Timer { at: until, what: Alarm::FollowUp });
        notes.note(What::Deferred, &doer, given.comment, json!({ "until": until }));
        notes.tell(RESPONDED);
        return change(cx, &stored, task, notes);
    }
    if given.defer_until.is_some() {
        return Err(Fault::bad_input("/deferUntil", "is only for the outcome 'defer'"));
    }
    form::fit(task.form.as_ref(), &response)?;
    let response = task.form.is_some().then_some(response);
    notes.note(What::Answered, &doer, given.comment.clone(), json!({ "outcome": outcome, "response": response }));
    task.answers.push(Answer {
        by: by.clone(),
        user: cx.caller().user,
        outcome: outcome.clone(),
        response: response.clone(),
        comment: given.comment,
        at: now,
        shown_hash: given.shown_hash,
        door: cx.call().origin.door.name().to_owned(),
    });
    mark(cx, stored.id, &task, &by).await?;
    notes.tell(RESPONDED);
    match &task.quorum {
        None => {
            task.assignee.get_or_insert_with(|| by.clone());
            task.response = response;
            end(&mut task, &mut notes, &doer, now, Status::Completed, &outcome);
        }
        Some(quorum) => {
            if let Some(outcome) = decided(quorum, task.candidates.len(), &task.answers) {
                let last = task.answers.iter().rev().find(|answer| answer.outcome == outcome);
                task.response = last.and_then(|answer| answer.response.clone());
                end(&mut task, &mut notes, &doer, now, Status::Completed, &outcome);
            }
        }
    }
    change(cx, &stored, task, notes)
}

/// What is decided: what the caller says, or what the form's own field says.
fn outcome(task: &Task, said: Option<&str>, response: &Map<String, Value>) -> Result<String, Fault> {
    let own = task.form.as_ref().is_some_and(|form| super::opening::decision(form).is_some());
    let of_form = response.get(DECISION).and_then(Value::as_str).filter(|_| own);
    if let (Some(said), Some(of_form)) = (said, of_form)
        && said != of_form
    {
        return Err(Fault::bad_input(
            "/outcome",
            format!("says one thing and response.{DECISION} another; give it once"),
        ));
    }
    let outcomes = task.outcomes.join(", ");
    match said.or(of_form) {
        Some(outcome) if task.outcomes.iter().any(|one| one == outcome) => Ok(outcome.to_owned()),
        Some(_) if said.is_none() => {
            Err(Fault::bad_input(format!("/response/{DECISION}"), format!("must be one of {outcomes}")))
        }
        Some(_) => Err(Fault::bad_input("/outcome", format!("must be one of {outcomes}"))),
        None if own => Err(Fault::bad_input(format!("/response/{DECISION}"), format!("is missing: one of {outcomes}"))),
        None => Err(Fault::bad_input("/outcome", format!("is missing: one of {outcomes}"))),
    }
}

/// Marks that somebody has answered in the execution. Another one that marks the same at the same time makes one of the two run again.
async fn mark(cx: &Cx, task_id: Uuid, task: &Task, by: &Who) -> Result<(), Fault> {
    let Some(execution) = &task.execution_id else { return Ok(()) };
    let id = Answerer::id(execution, by);
    if cx.get::<Answerer>(id).await?.is_some() {
        return Ok(());
    }
    let belongs = Belongs { owner: user_of(by).map(UserId::uuid), workspace: None, visibility: Visibility::Private };
    cx.derive(id, belongs, &Answerer { execution_id: execution.clone(), by: by.clone(), task: task_id })
}

fn user_of(by: &Who) -> Option<UserId> {
    match by {
        Who::User(user) => Some(*user),
        Who::Group(_) | Who::Agent(_) => None,
    }
}
