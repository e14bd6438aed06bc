//! Making schedules, also for other domains: what is to be done is held to what can be, and the first due time waits.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::faults::TOO_MANY_SCHEDULES;
use super::model::schedule::{Schedule, State, Target};
use super::model::standing::Standing;
use super::planning::{Named, sound, target};
use super::starting::{jitter, timer_job};
use super::timing::told_of;
use super::topics::CREATED;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

pub(crate) use super::model::schedule::{Missed, Overlap};
pub(crate) use super::planning::TimingInput;
pub(crate) use super::views::Full;

/// Due times that are shown.
pub(super) const SHOWN: usize = 5;
/// The counter of a tenant's schedules.
pub(super) const COUNTER: &str = "schedules";
/// How many missed due times are made up for when nothing else is said.
const USUAL_LIMIT: usize = 10;
/// How long a run may take when nothing else is said, in seconds.
const USUAL_TIMEOUT: u64 = 600;

/// A schedule to be made.
pub(super) struct Wanted {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) timing: TimingInput,
    pub(super) target: Target,
    pub(super) variables: Map<String, Value>,
    pub(super) missed: Missed,
    pub(super) catch_up_limit: Option<usize>,
    pub(super) overlap: Overlap,
    pub(super) jitter_seconds: u64,
    pub(super) timeout_seconds: Option<u64>,
    pub(super) paused: bool,
}

/// A process that is to be started by time.
pub(crate) struct Starting {
    /// What lists show.
    pub(crate) name: Option<String>,
    /// What it is for.
    pub(crate) description: Option<String>,
    /// The process, by id or name.
    pub(crate) process: String,
    /// Its version.
    pub(crate) version: Option<String>,
    /// Its variables.
    pub(crate) variables: Map<String, Value>,
    /// When.
    pub(crate) timing: TimingInput,
    /// What becomes of due times at which nothing could run.
    pub(crate) missed: Missed,
    /// It begins up to so many seconds later.
    pub(crate) jitter_seconds: u64,
    /// Whether it waits until somebody lets it run.
    pub(crate) paused: bool,
}

/// Makes a schedule that starts a process.
///
/// # Errors
/// As `schedule_create`.
pub(crate) async fn make_of_process(cx: &Cx, starting: Starting) -> Result<Full, Fault> {
    let named = Named { process: Some(starting.process), version: starting.version, ..Named::default() };
    let Some(target) = target(cx, named, &starting.variables).await? else {
        return Err(Fault::internal("a process that is named is a target"));
    };
    let wanted = Wanted {
        name: starting.name,
        description: starting.description,
        timing: starting.timing,
        target,
        variables: starting.variables,
        missed: starting.missed,
        catch_up_limit: None,
        // A run is over when the execution has begun: two at the same time are none that wait for each other.
        overlap: Overlap::Allow,
        jitter_seconds: starting.jitter_seconds,
        timeout_seconds: None,
        paused: starting.paused,
    };
    make(cx, wanted).await
}

/// Makes a schedule.
pub(super) async fn make(cx: &Cx, wanted: Wanted) -> Result<Full, Fault> {
    let now = cx.now();
    let timing = wanted.timing.over(None, now)?;
    let (_, due) = sound(&timing, cx.platform(), now)?;
    let most = u32::try_from(cx.platform().config.schedules.per_tenant).unwrap_or(u32::MAX);
    cx.room_for_one(COUNTER, most, "schedules", &TOO_MANY_SCHEDULES).await?;
    let does = wanted.target.does();
    let schedule = Schedule {
        name: wanted.name.unwrap_or_else(|| does.clone()),
        description: wanted.description,
        timing,
        target: wanted.target,
        does,
        variables: wanted.variables,
        missed: wanted.missed,
        catch_up_limit: wanted.catch_up_limit.unwrap_or(USUAL_LIMIT),
        overlap: wanted.overlap,
        jitter_seconds: wanted.jitter_seconds,
        timeout_seconds: wanted.timeout_seconds.unwrap_or(USUAL_TIMEOUT),
        state: if wanted.paused { State::Paused } else { State::Active },
        reason: None,
        user: cx.caller().user,
        key: cx.caller().principal.key(),
        bound: cx.caller().bound.as_deref().cloned(),
    };
    let id = cx.new_id();
    let belongs = cx.belongs_to_caller();
    cx.create(id, belongs, &schedule)?;
    let mut standing = Standing::default();
    if schedule.state == State::Active {
        arm(cx, &mut standing, id, &schedule, due);
    }
    cx.derive(id, belongs, &standing)?;
    cx.emit(CREATED, id, &told_of(id, &schedule))?;
    let stored = Stored {
        id,
        revision: 1,
        owner: belongs.owner,
        workspace: None,
        visibility: belongs.visibility,
        created_at: now,
        updated_at: now,
        value: schedule,
    };
    Ok(Full::of(stored, &standing, Vec::new(), SHOWN, cx.platform()))
}

/// Sets the timer of a schedule for a due time.
pub(super) fn arm(cx: &Cx, standing: &mut Standing, id: Uuid, schedule: &Schedule, due: Timestamp) {
    let job = timer_job(id, due.plus(jitter(id, due, schedule.jitter_seconds)), cx.now());
    (standing.timer, standing.next_due) = (Some(job.id), Some(due));
    cx.enqueue(job);
}
