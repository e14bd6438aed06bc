//! `schedule_create`: something is to be done again and again, or once.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::schedules::faults::TOO_MANY_SCHEDULES;
use crate::domain::schedules::model::schedule::{Missed, Overlap, Schedule, State};
use crate::domain::schedules::model::standing::Standing;
use crate::domain::schedules::planning::{TimingInput, sound, target};
use crate::domain::schedules::starting::{jitter, timer_job};
use crate::domain::schedules::timing::told_of;
use crate::domain::schedules::topics::CREATED;
use crate::domain::schedules::views::Full;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// Due times that are shown.
pub(super) const SHOWN: usize = 5;
/// The counter of a tenant's schedules.
pub(super) const COUNTER: &str = "schedules";
/// How many missed due times are made up for when nothing else is said.
const USUAL_LIMIT: usize = 10;
/// How long a run may take when nothing else is said, in seconds.
const USUAL_TIMEOUT: u64 = 600;

/// Makes a schedule.
pub(in crate::domain::schedules) struct ScheduleCreate;

/// What is to be done, and when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::schedules) struct Input {
    /// What lists show; what it does when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    description: Option<String>,
    /// The tool to call. Give this or `agentId`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    tool: Option<String>,
    /// The agent to run, by id or name.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    agent_id: Option<String>,
    /// The input of the tool; for an agent `prompt` and what else `agent_invoke` takes.
    #[serde(default)]
    variables: Map<String, Value>,
    #[serde(flatten)]
    timing: TimingInput,
    /// What becomes of due times at which nothing could run, because the program stood still: `once` when not given.
    #[serde(default)]
    missed: Missed,
    /// How many of them `all` makes up for, the last ones; 10 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    catch_up_limit: Option<usize>,
    /// What becomes of a due time while a run is under way: `skip` when not given.
    #[serde(default)]
    overlap: Overlap,
    /// A run begins up to so many seconds after it is due, always as many for the same due time: so that not everything begins at the full
    /// hour.
    #[serde(default)]
    #[schemars(range(max = 3600))]
    jitter_seconds: u64,
    /// How long a run may take, in seconds; 600 when not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 86400))]
    timeout_seconds: Option<u64>,
    /// Make it without letting it run yet; `schedule_update` lets it.
    #[serde(default)]
    paused: bool,
}

impl Capability for ScheduleCreate {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::create(
        "schedule_create",
        Domain::Schedules,
        Route::post("/schedules"),
        Permit::on(Resource::Schedules, Action::Create),
        "Calls a tool or runs an agent by time: a cron line, a recurrence rule (RRULE), an interval or once, in a time zone, held to a business \
         calendar where wanted. It runs on your behalf with the rights that you have then. The answer previews the next due times. To run \
         something at once call the tool itself.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let now = cx.now();
        let timing = input.timing.over(None, now)?;
        let (_, due) = sound(&timing, cx.platform(), now)?;
        let Some(target) = target(cx, input.tool, input.agent_id, &input.variables)? else {
            return Err(Fault::bad_input("", "say what is to be done: tool or agentId"));
        };
        let most = u32::try_from(cx.platform().config.schedules.per_tenant).unwrap_or(u32::MAX);
        cx.room_for_one(COUNTER, most, "schedules", &TOO_MANY_SCHEDULES).await?;
        let does = target.does();
        let schedule = Schedule {
            name: input.name.unwrap_or_else(|| does.clone()),
            description: input.description,
            timing,
            target,
            does,
            variables: input.variables,
            missed: input.missed,
            catch_up_limit: input.catch_up_limit.unwrap_or(USUAL_LIMIT),
            overlap: input.overlap,
            jitter_seconds: input.jitter_seconds,
            timeout_seconds: input.timeout_seconds.unwrap_or(USUAL_TIMEOUT),
            state: if input.paused { State::Paused } else { State::Active },
            reason: None,
            user: cx.caller().user,
            key: cx.caller().principal.key(),
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
}

/// Sets the timer of a schedule for a due time.
pub(super) fn arm(cx: &Cx, standing: &mut Standing, id: uuid::Uuid, schedule: &Schedule, due: Timestamp) {
    let job = timer_job(id, due.plus(jitter(id, due, schedule.jitter_seconds)), cx.now());
    (standing.timer, standing.next_due) = (Some(job.id), Some(due));
    cx.enqueue(job);
}
