//! `execution_pause`: no new steps are taken.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::finding::{Stage, load, must_be};
use crate::domain::executions::model::execution::Status;
use crate::domain::executions::views::Full;
use crate::kernel::fault::Fault;

/// Pauses an execution.
pub(in crate::domain::executions) struct ExecutionPause;

/// Which execution.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The execution's id.
    #[schemars(length(min = 1, max = 64))]
    id: String,
    /// Why, for the history.
    #[serde(default)]
    #[schemars(length(max = 500))]
    reason: Option<String>,
}

impl Capability for ExecutionPause {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::change(
        "execution_pause",
        Domain::Executions,
        Route::put("/executions/{id}/pause"),
        Permit::on(Resource::Executions, Action::Change),
        "Pauses an execution: what is under way ends, and no new step is begun; timers and messages wait. To go on use execution_resume, to call it \
         off execution_cancel.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let stage = Stage::of(cx, &stored.value.process_id, stored.value.revision).await?;
        must_be(&stored.value, &[Status::Running], "paused")?;
        let mut execution = stored.value.clone();
        execution.status = Status::Paused;
        cx.change(&stored, &execution)?;
        let detail = input.reason.map(|reason| serde_json::json!({ "reason": reason }));
        cx.steps(stage.scene(cx, stored.id).deed("paused", cx.caller().user, detail).into_iter().collect());
        Ok(Full::of(stored.id, execution, &stage.graph))
    }
}
