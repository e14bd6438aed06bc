//! `execution_resume`: it goes on.

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

/// Lets an execution go on.
pub(in crate::domain::executions) struct ExecutionResume;

/// Which execution.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The execution's id.
    #[schemars(length(min = 1, max = 64))]
    id: String,
}

impl Capability for ExecutionResume {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::change(
        "execution_resume",
        Domain::Executions,
        Route::put("/executions/{id}/resume"),
        Permit::on(Resource::Executions, Action::Change),
        "Lets a paused execution go on where it is, or begins one that was only made. For one that failed use execution_recover.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let stage = Stage::of(cx, &stored.value.process_id, stored.value.revision).await?;
        must_be(&stored.value, &[Status::Paused, Status::Held], "resumed")?;
        stage.held_to(cx)?;
        let scene = stage.scene(cx, stored.id);
        let played = scene.resume(stored.value.clone()).map_err(|failure| unfit(&failure))?;
        cx.steps(scene.deed("resumed", cx.caller().user, None).into_iter().collect());
        let execution = stage.write(cx, &stored, played).await?;
        Ok(Full::of(stored.id, execution, &stage.graph))
    }
}
