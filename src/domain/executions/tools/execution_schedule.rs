//! `execution_schedule`: an execution later, once or again and again.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::schedules::making::{Full, Missed, Starting, TimingInput, make_of_process};
use crate::kernel::fault::Fault;

/// Starts a process by time.
pub(in crate::domain::executions) struct ExecutionSchedule;

/// What to start, and when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    process_id: String,
    /// A published version, such as `1.2.0`; the newest that is published then when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// What each execution begins with, by variable.
    #[serde(default)]
    variables: Map<String, Value>,
    /// What lists of schedules show; what it does when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// What it is for.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    description: Option<String>,
    #[serde(flatten)]
    timing: TimingInput,
    /// What becomes of times at which nothing could be started, because the program stood still: `once` when not said.
    #[serde(default)]
    missed: Missed,
    /// It begins up to so many seconds after it is due, so that not everything begins at the full hour.
    #[serde(default)]
    #[schemars(range(max = 3600))]
    jitter_seconds: u64,
    /// Make it without letting it run yet; `schedule_update` lets it.
    #[serde(default)]
    paused: bool,
}

impl Capability for ExecutionSchedule {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::create(
        "execution_schedule",
        Domain::Executions,
        Route::post("/operations/schedule"),
        Permit::on(Resource::Schedules, Action::Create),
        "Starts a published process later or repeatedly: at a moment, by a cron line, a recurrence rule (RRULE) or an interval. The variables are \
         checked now. It is a schedule from then on: look at it, pause or remove it with the schedule tools. To start it now use execution_start.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let starting = Starting {
            name: input.name,
            description: input.description,
            process: input.process_id,
            version: input.version,
            variables: input.variables,
            timing: input.timing,
            missed: input.missed,
            jitter_seconds: input.jitter_seconds,
            paused: input.paused,
        };
        make_of_process(cx, starting).await
    }
}
