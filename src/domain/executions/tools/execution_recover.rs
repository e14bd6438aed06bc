//! `execution_recover`: it goes on after a failure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::finding::{Stage, load, must_be, unfit};
use crate::domain::executions::model::execution::Status;
use crate::domain::executions::views::Full;
use crate::domain::processes::engine::interpreter::{Failure, Recovery};
use crate::kernel::fault::Fault;

/// Lets an execution go on after a failure.
pub(in crate::domain::executions) struct ExecutionRecover;

/// Which execution.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The execution's id.
    #[schemars(length(min = 1, max = 64))]
    id: String,
    /// What becomes of the step that failed: `retry` does it again, `skip` leaves it out; `retry` when not said.
    #[serde(default)]
    action: How,
    /// Values of variables that are other from now on.
    #[serde(default)]
    variables: Map<String, Value>,
}

/// What becomes of the step that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::domain::executions) enum How {
    /// It is done again.
    #[default]
    Retry,
    /// It is left out.
    Skip,
}

/// How it goes on.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Output {
    /// Why it had failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered_from: Option<Failure>,
    /// The node at which it had failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered_at: Option<String>,
    /// What becomes of the step.
    action: How,
    /// The execution as it is now.
    #[serde(flatten)]
    full: Full,
}

impl Capability for ExecutionRecover {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "execution_recover",
        Domain::Executions,
        Route::post("/operations/{id}/recover"),
        Permit::on(Resource::Executions, Action::Change),
        "Lets an execution that failed go on from there: the failed step is done again or left out, with other values of variables where given. The \
         answer says why it had failed.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let stage = Stage::of(cx, &stored.value.process_id, stored.value.revision).await?;
        must_be(&stored.value, &[Status::Failed], "recovered")?;
        stage.held_to(cx)?;
        let scene = stage.scene(cx, stored.id);
        let mut execution = stored.value.clone();
        execution.status = Status::Running;
        execution.ended_at = None;
        let (failure, failed_at) = (execution.failure.take(), execution.failed_at.take());
        let how = if input.action == How::Skip { Recovery::Skip } else { Recovery::Retry };
        let ((), played) =
            scene.handle(execution, |play| play.recover(how, input.variables)).map_err(|failure| unfit(&failure))?;
        let detail = serde_json::json!({ "action": input.action, "failure": failure, "node": failed_at });
        cx.steps(scene.deed("recovered", cx.caller().user, Some(detail)).into_iter().collect());
        let execution = stage.write(cx, &stored, played).await?;
        let full = Full::of(stored.id, execution, &stage.graph);
        Ok(Output { recovered_from: failure, recovered_at: failed_at, action: input.action, full })
    }
}
