//! When something happens to a task by itself, and what follows when it does.

use std::time::Duration;

use serde_json::json;

use crate::domain::tasks::model::entry::What;
use crate::domain::tasks::model::task::{Alarm, SlaStatus, Status, Task, Timer};
use crate::domain::tasks::model::who::Who;
use crate::domain::tasks::topics::{ASSIGNED, BREACHED, DUE, ESCALATED, FOLLOW_UP, WARNED};
use crate::domain::tasks::writing::{Doer, Notes, end};
use crate::kernel::calendar::Calendar;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// The outcome of a chain's step that says that nobody answered and that this is a failure.
pub const FAIL: &str = "fail";

/// The hours in which time is counted: those of the clock, or those of a business calendar.
#[derive(Debug, Default)]
pub struct Hours(Option<Calendar>);

impl Hours {
    /// Those of a calendar.
    #[must_use]
    pub const fn of(calendar: Calendar) -> Self {
        Self(Some(calendar))
    }

    /// When so many of them will have passed.
    ///
    /// # Errors
    /// `calendar_never_open`.
    pub fn after(&self, moment: Timestamp, count: f64) -> Result<Timestamp, Fault> {
        match &self.0 {
            None => Ok(moment.plus(span(count))),
            Some(calendar) => calendar.after(moment, span(count)),
        }
    }
}

/// So many hours as a span.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "hours are between 0 and some years")]
pub fn span(hours: f64) -> Duration {
    Duration::from_millis((hours.max(0.0) * 3_600_000.0).round() as u64)
}

/// Everything that will happen to a new task by itself: what lies in its fields, as timers.
#[must_use]
pub fn timers(task: &Task, warnings: Vec<(u32, Timestamp)>) -> Vec<Timer> {
    let mut timers: Vec<Timer> =
        warnings.into_iter().map(|(percent, at)| Timer { at, what: Alarm::Warn { percent } }).collect();
    timers.extend(task.sla_deadline.map(|at| Timer { at, what: Alarm::Breach }));
    timers.extend(task.due_at.map(|at| Timer { at, what: Alarm::Due }));
    timers.extend(task.follow_up_at.map(|at| Timer { at, what: Alarm::FollowUp }));
    for (step, one) in task.chain.iter().enumerate() {
        timers.extend(one.at.map(|at| Timer { at, what: Alarm::Escalate { step } }));
    }
    timers.sort_by_key(|timer| timer.at);
    timers
}

/// Lets everything happen that is due, in order; whether anything was.
pub(in crate::domain::tasks) fn ring(task: &mut Task, notes: &mut Notes, now: Timestamp) -> bool {
    let mut rang = false;
    while let Some(timer) = task.timers.first().filter(|timer| timer.at <= now).cloned() {
        task.timers.remove(0);
        rang = true;
        happen(task, notes, &timer, now);
        if task.status.is_over() {
            break;
        }
    }
    rang
}

fn happen(task: &mut Task, notes: &mut Notes, timer: &Timer, now: Timestamp) {
    let doer = Doer::timer();
    let detail = json!({ "at": timer.at });
    match timer.what {
        Alarm::Warn { percent } => {
            if task.sla_status == SlaStatus::OnTrack {
                task.sla_status = SlaStatus::Warned;
            }
            notes.note(What::SlaWarning, &doer, None, json!({ "at": timer.at, "percent": percent }));
            notes.tell(WARNED);
        }
        Alarm::Breach => {
            task.sla_status = SlaStatus::Breached;
            notes.note(What::SlaBreached, &doer, None, detail);
            notes.tell(BREACHED);
        }
        Alarm::Due => {
            notes.note(What::Due, &doer, None, detail);
            notes.tell(DUE);
        }
        Alarm::FollowUp => {
            task.follow_up_at = None;
            if task.status == Status::Deferred {
                task.status = if task.assignee.is_some() { Status::Assigned } else { Status::Open };
            }
            notes.note(What::FollowUp, &doer, None, detail);
            notes.tell(FOLLOW_UP);
        }
        // One that was taken by hand before its time is not taken again.
        Alarm::Escalate { step } if step >= task.chain_at => escalate(task, notes, &doer, step, None, now),
        Alarm::Escalate { .. } => {}
    }
}

/// Takes a step of the chain.
pub(in crate::domain::tasks) fn escalate(
    task: &mut Task,
    notes: &mut Notes,
    doer: &Doer,
    step: usize,
    reason: Option<String>,
    now: Timestamp,
) {
    let Some(taken) = task.chain.get(step).cloned() else { return };
    task.chain_at = step + 1;
    task.timers.retain(|timer| !matches!(timer.what, Alarm::Escalate { step } if step < task.chain_at));
    let from = task.assignee.clone();
    let detail = json!({ "step": step + 1, "from": from, "to": taken.to, "outcome": taken.outcome });
    notes.note(What::Escalated, doer, reason, detail);
    notes.tell(ESCALATED);
    if let Some(to) = taken.to {
        hand(task, to);
        notes.tell(ASSIGNED);
    }
    if let Some(outcome) = taken.outcome {
        let status = if outcome == FAIL { Status::Failed } else { Status::Completed };
        end(task, notes, doer, now, status, &outcome);
    }
}

/// Gives a task to somebody: a group's members may claim it.
pub(in crate::domain::tasks) fn hand(task: &mut Task, to: Who) {
    let deferred = task.status == Status::Deferred;
    if matches!(to, Who::Group(_)) || task.quorum.is_some() {
        task.assignee = None;
        task.status = Status::Open;
        if !task.candidates.contains(&to) {
            task.candidates.push(to);
        }
    } else {
        task.assignee = Some(to);
        task.status = Status::Assigned;
    }
    // Whoever it goes to has not put it off.
    if deferred {
        task.timers.retain(|timer| timer.what != Alarm::FollowUp);
        task.follow_up_at = None;
    }
}
