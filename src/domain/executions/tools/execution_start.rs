//! `execution_start`: an execution of a published version.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::starting::{Start, start_whole};
use crate::domain::executions::views::Full;
use crate::kernel::fault::Fault;

/// Starts an execution.
pub(in crate::domain::executions) struct ExecutionStart;

/// What to start.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The id or name of the process.
    #[schemars(length(min = 1, max = 100))]
    process_id: String,
    /// A published version, such as `1.2.0`; the newest when not said.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    version: Option<String>,
    /// What it begins with, by variable.
    #[serde(default)]
    variables: Map<String, Value>,
    /// Who or what it is started by, for the record; on whose behalf it runs is whoever calls.
    #[serde(default)]
    #[schemars(length(max = 200))]
    initiator: Option<String>,
    /// Whether it is only made: `execution_run` or `execution_resume` begins it.
    #[serde(default)]
    hold: bool,
    /// Smaller comes first among what is due: -100 to 100; 0 when not said.
    #[serde(default)]
    #[schemars(range(min = -100, max = 100))]
    priority: i32,
}

impl Capability for ExecutionStart {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::create(
        "execution_start",
        Domain::Executions,
        Route::post("/executions"),
        Permit::on(Resource::Executions, Action::Create),
        "Starts a published process with variables, and answers at once; it goes on by itself, also after a restart. With hold it is only \
         made. To wait for its end use execution_run, to follow it execution_get. An idempotency key starts it once.",
    )
    .also(&[Route::post("/operations")]);

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let start = Start {
            process: input.process_id,
            version: input.version,
            variables: input.variables,
            initiator: input.initiator,
            hold: input.hold,
            priority: input.priority,
        };
        let (id, execution, stage) = start_whole(cx, start).await?;
        Ok(Full::of(id, execution, &stage.graph))
    }
}
