//! `execution_cancel`: it is called off.

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

/// Calls an execution off.
pub(in crate::domain::executions) struct ExecutionCancel;

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

impl Capability for ExecutionCancel {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::remove(
        "execution_cancel",
        Domain::Executions,
        Route::put("/executions/{id}/cancel"),
        Permit::on(Resource::Executions, Action::Remove),
        "Calls an execution off for good: what is under way is given up, people's tasks and processes that it runs are withdrawn, timers and \
         messages let go. What was done stays done; to take it back use execution_compensate.",
    )
    .also(&[Route::post("/operations/{id}/cancel")]);

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let stored = load(cx, &input.id, Action::Remove).await?;
        let stage = Stage::of(cx, &stored.value.process_id, stored.value.revision).await?;
        must_be(&stored.value, &[Status::Running, Status::Paused, Status::Held], "called off")?;
        let scene = stage.scene(cx, stored.id);
        let played = scene.cancel(stored.value.clone());
        let detail = input.reason.map(|reason| serde_json::json!({ "reason": reason }));
        cx.steps(scene.deed("cancelled", cx.caller().user, detail).into_iter().collect());
        let execution = stage.write(cx, &stored, played).await?;
        Ok(Full::of(stored.id, execution, &stage.graph))
    }
}
