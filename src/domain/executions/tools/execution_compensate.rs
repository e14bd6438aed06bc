//! `execution_compensate`: what it did is taken back.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::finding::{Stage, load, must_be, unfit};
use crate::domain::executions::model::execution::Status;
use crate::domain::executions::views::Full;
use crate::kernel::fault::Fault;

/// Takes back what an execution did.
pub(in crate::domain::executions) struct ExecutionCompensate;

/// Which execution.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The execution's id.
    #[schemars(length(min = 1, max = 64))]
    id: String,
}

impl Capability for ExecutionCompensate {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::change(
        "execution_compensate",
        Domain::Executions,
        Route::post("/executions/{id}/compensate"),
        Permit::on(Resource::Executions, Action::Change),
        "Takes back what an execution has done: the compensations of its activities, the last one first (saga). What is under way is given up. It is \
         compensated when that is through.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let stage = Stage::of(cx, &stored.value.process_id, stored.value.revision).await?;
        let states = [Status::Running, Status::Paused, Status::Failed, Status::Completed, Status::Cancelled];
        must_be(&stored.value, &states, "taken back")?;
        stage.held_to(cx)?;
        let scene = stage.scene(cx, stored.id);
        let mut execution = stored.value.clone();
        execution.status = Status::Running;
        (execution.failure, execution.failed_at, execution.ended_at) = (None, None, None);
        execution.result = None;
        let ((), played) = scene
            .handle(execution, |play| {
                play.compensate();
                Ok(())
            })
            .map_err(|failure| unfit(&failure))?;
        cx.steps(scene.deed("compensating", cx.caller().user, None).into_iter().collect());
        let execution = stage.write(cx, &stored, played).await?;
        Ok(Full::of(stored.id, execution, &stage.graph))
    }
}
