//! `execution_get`: one execution as it is.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::finding::{Stage, load};
use crate::domain::executions::views::Full;
use crate::kernel::fault::Fault;

/// Tells an execution.
pub(in crate::domain::executions) struct ExecutionGet;

/// Which one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The execution's id.
    #[schemars(length(min = 1, max = 64))]
    id: String,
}

impl Capability for ExecutionGet {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::read(
        "execution_get",
        Domain::Executions,
        Route::get("/executions/{id}"),
        Permit::on(Resource::Executions, Action::Read),
        "One execution of a process as it is now: status, current nodes, what each waits for, variables, progress, result or failure. For what \
         happened before use execution_history.",
    )
    .also(&[Route::get("/operations/{id}/status")]);

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let stored = load(cx, &input.id, Action::Read).await?;
        let stage = Stage::of(cx, &stored.value.process_id, stored.value.revision).await?;
        Ok(Full::of(stored.id, stored.value, &stage.graph))
    }
}
