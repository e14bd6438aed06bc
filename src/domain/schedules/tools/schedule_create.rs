//! `schedule_create`: something is to be done again and again, or once.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::schedules::making::{Wanted, make};
use crate::domain::schedules::model::schedule::{Missed, Overlap};
use crate::domain::schedules::planning::{Named, TimingInput, target};
use crate::domain::schedules::views::Full;
use crate::kernel::fault::Fault;

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
    /// The tool to call. Give this, `agentId` or `processId`.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    tool: Option<String>,
    /// The agent to run, by id or name.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    agent_id: Option<String>,
    /// The process to start, by id or name: a published version of it.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    process_id: Option<String>,
    /// The version of the process; the newest that is published then when not given.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// The input of the tool; for an agent `prompt` and what else `agent_invoke` takes; for a process its variables.
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
        "Calls a tool, runs an agent or starts a process by time: a cron line, a recurrence rule (RRULE), an interval or once, in a time zone, held \
         to a business calendar where wanted. It runs on your behalf with the rights that you have then. The answer previews the next due times. \
         To run something at once call the tool itself.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let named =
            Named { tool: input.tool, agent: input.agent_id, process: input.process_id, version: input.version };
        let Some(target) = target(cx, named, &input.variables).await? else {
            return Err(Fault::bad_input("", "say what is to be done: tool, agentId or processId"));
        };
        let wanted = Wanted {
            name: input.name,
            description: input.description,
            timing: input.timing,
            target,
            variables: input.variables,
            missed: input.missed,
            catch_up_limit: input.catch_up_limit,
            overlap: input.overlap,
            jitter_seconds: input.jitter_seconds,
            timeout_seconds: input.timeout_seconds,
            paused: input.paused,
        };
        make(cx, wanted).await
    }
}
