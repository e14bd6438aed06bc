//! `schedule_update`: a schedule is changed, paused or resumed.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::schedules::making::{SHOWN, arm};
use crate::domain::schedules::model::run::{Run, Status};
use crate::domain::schedules::model::schedule::{Missed, Overlap, Schedule, State};
use crate::domain::schedules::model::standing::Standing;
use crate::domain::schedules::planning::{Named, TimingInput, fits, sound, target};
use crate::domain::schedules::timing::told_of;
use crate::domain::schedules::topics::UPDATED;
use crate::domain::schedules::views::Full;
use crate::kernel::fault::Fault;
use crate::kernel::id::ScheduleId;

/// Changes a schedule.
pub(in crate::domain::schedules) struct ScheduleUpdate;

/// What changes; what is not given stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::schedules) struct Input {
    /// The schedule.
    id: ScheduleId,
    /// True pauses it: nothing more begins, and what is due meanwhile is not made up for. False lets it go on, also where it stopped by itself.
    #[serde(default)]
    paused: Option<bool>,
    /// Another name.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    description: Option<String>,
    /// Another tool to call, in place of what it did before.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    tool: Option<String>,
    /// Another agent to run.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    agent_id: Option<String>,
    /// Another process to start.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    process_id: Option<String>,
    /// The version of that process; the newest that is published then when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// Another input, whole.
    #[serde(default)]
    variables: Option<Map<String, Value>>,
    #[serde(flatten)]
    timing: TimingInput,
    /// What becomes of due times at which nothing could run.
    #[serde(default)]
    missed: Option<Missed>,
    /// How many of them `all` makes up for.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    catch_up_limit: Option<usize>,
    /// What becomes of a due time while a run is under way.
    #[serde(default)]
    overlap: Option<Overlap>,
    /// A run begins up to so many seconds after it is due.
    #[serde(default)]
    #[schemars(range(max = 3600))]
    jitter_seconds: Option<u64>,
    /// How long a run may take, in seconds.
    #[serde(default)]
    #[schemars(range(min = 1, max = 86400))]
    timeout_seconds: Option<u64>,
}

impl Capability for ScheduleUpdate {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::change(
        "schedule_update",
        Domain::Schedules,
        Route::put("/schedules/{id}"),
        Permit::on(Resource::Schedules, Action::Change),
        "Changes when or what a schedule runs, pauses or resumes it; what is not named stays. Who changes what it runs, or lets a stopped one go on, \
         is from then on the one for whom it runs. To run it once now use schedule_trigger.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let now = cx.now();
        let stored = cx.load::<Schedule>(input.id.uuid(), Action::Change).await?;
        let before = &stored.value;
        let named =
            Named { tool: input.tool, agent: input.agent_id, process: input.process_id, version: input.version };
        let (retimed, renamed) = (input.timing.is_something(), named.is_something());
        let timing = if retimed { input.timing.over(Some(&before.timing), now)? } else { before.timing.clone() };
        let variables = input.variables.clone().unwrap_or_else(|| before.variables.clone());
        let retargeted = renamed || input.variables.is_some();
        let target = target(cx, named, &variables).await?.unwrap_or_else(|| before.target.clone());
        let revived = before.state == State::Suspended && input.paused == Some(false);
        // Whose rights it has then is decided by whoever says what it does: nobody lets another's rights do something else.
        let mine = retargeted || revived;
        if mine {
            fits(cx, &target, &variables).await?;
        }
        let state = match (input.paused, before.state) {
            (Some(true), _) => State::Paused,
            (Some(false), _) => State::Active,
            // What was over goes on where it is due again.
            (None, State::Completed) if retimed => State::Active,
            (None, state) => state,
        };
        let schedule = Schedule {
            name: input.name.unwrap_or_else(|| before.name.clone()),
            description: input.description.or_else(|| before.description.clone()),
            does: target.does(),
            timing,
            target,
            variables,
            missed: input.missed.unwrap_or(before.missed),
            catch_up_limit: input.catch_up_limit.unwrap_or(before.catch_up_limit),
            overlap: input.overlap.unwrap_or(before.overlap),
            jitter_seconds: input.jitter_seconds.unwrap_or(before.jitter_seconds),
            timeout_seconds: input.timeout_seconds.unwrap_or(before.timeout_seconds),
            state,
            reason: if state == State::Suspended { before.reason.clone() } else { None },
            user: if mine { cx.caller().user } else { before.user },
            key: if mine { cx.caller().principal.key() } else { before.key },
            bound: if mine { cx.caller().bound.as_deref().cloned() } else { before.bound.clone() },
        };
        let standing = cx.get::<Standing>(stored.id).await?;
        let Some(standing) = standing else { return Err(Fault::not_found("schedule", stored.id)) };
        let mut next = standing.value.clone();
        if state == State::Active {
            let resumed = before.state != State::Active;
            if retimed || resumed || next.next_due.is_none() {
                // What was dealt with is not due again.
                let after = next.last_due.map_or(now, |last| last.max(now));
                let (_, due) = sound(&schedule.timing, cx.platform(), after)?;
                arm(cx, &mut next, stored.id, &schedule, due);
            }
        } else {
            if retimed {
                sound(&schedule.timing, cx.platform(), now)?;
            }
            (next.timer, next.next_due) = (None, None);
            drop_waiting(cx, &mut next).await?;
        }
        cx.change(&stored, &schedule)?;
        if next != standing.value {
            cx.change(&standing, &next)?;
        }
        cx.emit(UPDATED, stored.id, &told_of(stored.id, &schedule))?;
        Ok(Full::of(Stored { value: schedule, ..stored }, &next, Vec::new(), SHOWN, cx.platform()))
    }
}

/// What waits for a run to end is left out.
async fn drop_waiting(cx: &Cx, standing: &mut Standing) -> Result<(), Fault> {
    for waiting in std::mem::take(&mut standing.waiting) {
        let Some(run) = cx.get::<Run>(waiting.run).await? else { continue };
        let reason = Some("the schedule was paused".to_owned());
        let over = Run { status: Status::Skipped, ended_at: Some(cx.now()), reason, ..run.value.clone() };
        cx.change(&run, &over)?;
        standing.left_out += 1;
    }
    Ok(())
}
