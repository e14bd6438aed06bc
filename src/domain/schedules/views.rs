//! How schedules and their runs are shown.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::engine::when::{Closed, When};
use super::model::run::{Cause, Run, Status};
use super::model::schedule::{Missed, Overlap, Schedule, State, Target};
use super::model::standing::Standing;
use super::planning::when;
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::calendar::CalendarSpec;
use crate::kernel::id::{CallId, ScheduleId, ScheduleRunId, UserId};
use crate::kernel::time::Timestamp;

/// A schedule.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduleView {
    /// Its id.
    pub(super) id: ScheduleId,
    /// Its name.
    pub(super) name: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    /// The tool that it calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool: Option<String>,
    /// The agent that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent_id: Option<String>,
    /// The process that it starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) process_id: Option<String>,
    /// The version of the process, where it keeps to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// The input of what it runs.
    pub(super) variables: Map<String, Value>,
    /// The cron line by which it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cron_expression: Option<String>,
    /// The recurrence rule by which it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rrule: Option<String>,
    /// Every how many seconds it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) interval_seconds: Option<u64>,
    /// The one moment at which it is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Timestamp>,
    /// The time zone of the line, the rule and the days.
    pub(super) timezone: String,
    /// Not due before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_at: Option<Timestamp>,
    /// Not due after this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_at: Option<Timestamp>,
    /// The business calendar by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) calendar: Option<String>,
    /// The business calendar of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) own_calendar: Option<CalendarSpec>,
    /// What becomes of a due time on which the calendar is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) when_closed: Option<Closed>,
    /// What becomes of due times at which nothing could run.
    pub(super) missed: Missed,
    /// How many of them are made up for where all are.
    pub(super) catch_up_limit: usize,
    /// What becomes of a due time while a run is under way.
    pub(super) overlap: Overlap,
    /// A run begins up to so many seconds after it is due.
    pub(super) jitter_seconds: u64,
    /// How long a run may take, in seconds.
    pub(super) timeout_seconds: u64,
    /// How it stands.
    pub(super) state: State,
    /// Why it stands so, where it stopped by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The next due time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_run_at: Option<Timestamp>,
    /// On whose behalf it runs.
    pub(super) user_id: UserId,
    /// When it was made.
    pub(super) created_at: Timestamp,
}

/// A schedule with what it did and will do.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Full {
    /// The schedule.
    #[serde(flatten)]
    pub(super) view: ScheduleView,
    /// The next due times.
    pub(super) next_runs: Vec<NextRun>,
    /// The last runs, the newest first.
    pub(super) runs: Vec<RunView>,
    /// What was counted.
    pub(super) counts: Counts,
}

/// A due time to come.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NextRun {
    /// When.
    pub(super) at: Timestamp,
    /// The same on the wall clock of the schedule's time zone.
    pub(super) local: String,
}

/// What was counted of a schedule.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    /// Runs that were begun.
    pub(super) begun: u64,
    /// Runs that failed.
    pub(super) failed: u64,
    /// Due times left out since another run was under way.
    pub(super) skipped: u64,
    /// Due times at which nothing could run and that were not made up for.
    pub(super) missed: u64,
    /// Runs under way.
    pub(super) running: usize,
    /// Runs that wait for another to end.
    pub(super) waiting: usize,
}

/// A run.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunView {
    /// Its id.
    pub(super) run_id: ScheduleRunId,
    /// The schedule.
    pub(super) schedule_id: ScheduleId,
    /// When it was due.
    pub(super) due_at: Timestamp,
    /// What set it off.
    pub(super) cause: Cause,
    /// How it stands.
    pub(super) status: Status,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) began_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ended_at: Option<Timestamp>,
    /// How long it took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration_ms: Option<u64>,
    /// The fault code of what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The call, as logs and the audit log name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_id: Option<CallId>,
    /// The run of the agent, for `agent_status` and `agent_metrics`; or the execution of the process, for `execution_get`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) execution_id: Option<String>,
}

impl ScheduleView {
    pub(super) fn of(stored: Stored<Schedule>, next_run_at: Option<Timestamp>) -> Self {
        let Stored { id, created_at, value: schedule, .. } = stored;
        let (mut tool, mut agent_id, mut process_id, mut kept) = (None, None, None, None);
        match schedule.target {
            Target::Tool(name) => tool = Some(name),
            Target::Agent(name) => agent_id = Some(name),
            Target::Process { process, version } => (process_id, kept) = (Some(process), version),
        }
        let timing = schedule.timing;
        let held = timing.calendar.is_some() || timing.own_calendar.is_some();
        Self {
            id: ScheduleId::from_uuid(id),
            name: schedule.name,
            description: schedule.description,
            tool,
            agent_id,
            process_id,
            version: kept,
            variables: schedule.variables,
            cron_expression: timing.cron,
            rrule: timing.rrule,
            interval_seconds: timing.interval_seconds,
            at: timing.at,
            timezone: timing.timezone,
            start_at: timing.not_before,
            end_at: timing.not_after,
            calendar: timing.calendar,
            own_calendar: timing.own_calendar,
            when_closed: held.then_some(timing.when_closed),
            missed: schedule.missed,
            catch_up_limit: schedule.catch_up_limit,
            overlap: schedule.overlap,
            jitter_seconds: schedule.jitter_seconds,
            timeout_seconds: schedule.timeout_seconds,
            state: schedule.state,
            reason: schedule.reason,
            next_run_at,
            user_id: schedule.user,
            created_at,
        }
    }
}

impl Full {
    pub(super) fn of(
        stored: Stored<Schedule>,
        standing: &Standing,
        runs: Vec<Stored<Run>>,
        next: usize,
        platform: &Platform,
    ) -> Self {
        // What is due is shown also of a schedule whose calendar is not there any more: then there is nothing to show.
        let when = when(&stored.value.timing, platform).ok();
        let next_runs = match (&when, standing.next_due) {
            (Some(when), Some(due)) => upcoming(when, due, next),
            _ => Vec::new(),
        };
        Self {
            view: ScheduleView::of(stored, standing.next_due),
            next_runs,
            runs: runs.into_iter().map(|run| RunView::of(run.id, run.value)).collect(),
            counts: Counts {
                begun: standing.begun,
                failed: standing.failed,
                skipped: standing.left_out,
                missed: standing.missed,
                running: standing.active.len(),
                waiting: standing.waiting.len(),
            },
        }
    }
}

/// Due times from one on.
fn upcoming(when: &When, due: Timestamp, count: usize) -> Vec<NextRun> {
    let after = Timestamp::from_millis(due.as_millis() - 1);
    let local = |at: Timestamp| format!("{} {}", when.zone().wall(at), when.zone().name());
    when.after(after).take(count).map(|at| NextRun { at, local: local(at) }).collect()
}

impl RunView {
    pub(super) fn of(id: Uuid, run: Run) -> Self {
        let took = run.began_at.zip(run.ended_at).map(|(began, ended)| ended.since(began).as_millis());
        Self {
            run_id: ScheduleRunId::from_uuid(id),
            schedule_id: ScheduleId::from_uuid(run.schedule),
            due_at: run.due_at,
            cause: run.cause,
            status: run.status,
            began_at: run.began_at,
            ended_at: run.ended_at,
            duration_ms: took.map(|took| u64::try_from(took).unwrap_or(u64::MAX)),
            code: run.code,
            reason: run.reason,
            request_id: run.call,
            execution_id: run.execution,
        }
    }
}
