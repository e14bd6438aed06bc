//! `execution_run`: an execution, and its end.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::owned::Stored;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::executions::finding::{Stage, load, unfit};
use crate::domain::executions::model::execution::{Execution, Status};
use crate::domain::executions::views::Full;
use crate::domain::executions::working::Desk;
use crate::kernel::fault::Fault;

/// How often it is looked, should no event come: it may run on another instance.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs an execution to its end.
pub(in crate::domain::executions) struct ExecutionRun;

/// Which one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::executions) struct Input {
    /// The execution's id.
    #[schemars(length(min = 1, max = 64))]
    id: String,
    /// How long to wait at most, in seconds; 25 when not said. A client that follows tasks need not wait at all.
    #[serde(default)]
    #[schemars(range(min = 0, max = 3600))]
    wait_seconds: Option<u32>,
}

impl Capability for ExecutionRun {
    type Input = Input;
    type Output = Full;
    const SPEC: Spec = Spec::change(
        "execution_run",
        Domain::Executions,
        Route::post("/operations/{id}/execute"),
        Permit::on(Resource::Executions, Action::Change),
        "Begins an execution that was only made, or takes one that runs, and waits for its end, up to a limit; answers how it stands then. To \
         start one from a process use execution_start.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Full, Fault> {
        let stored = load(cx, &input.id, Action::Change).await?;
        let stage = Stage::of(cx, &stored.value.process_id, stored.value.revision).await?;
        if stored.value.status == Status::Held {
            stage.held_to(cx)?;
            let scene = stage.scene(cx, stored.id);
            let played = scene.resume(stored.value.clone()).map_err(|failure| unfit(&failure))?;
            cx.steps(scene.deed("resumed", cx.caller().user, None).into_iter().collect());
            stage.write(cx, &stored, played).await?;
            cx.checkpoint().await?;
            cx.service::<Desk>()?.wake();
        }
        let wait = Duration::from_secs(u64::from(input.wait_seconds.unwrap_or(25)));
        if wait > cx.time_left() {
            cx.prefer_task()?;
        }
        // A moment is left for the answer.
        let wait = wait.min(cx.time_left().saturating_sub(Duration::from_secs(1)));
        let ended = tokio::time::timeout(wait, Box::pin(end_of(cx, &stored))).await;
        let execution = match ended {
            Ok(ended) => ended?,
            Err(_) => now(cx, &stored).await?,
        };
        Ok(Full::of(stored.id, execution, &stage.graph))
    }
}

async fn now(cx: &Cx, stored: &Stored<Execution>) -> Result<Execution, Fault> {
    let found = cx.get::<Execution>(stored.id).await?;
    found.map(|stored| stored.value).ok_or_else(|| Fault::not_found("execution", stored.id))
}

async fn end_of(cx: &Cx, stored: &Stored<Execution>) -> Result<Execution, Fault> {
    let mut events = cx.platform().hear();
    let subject = stored.id.to_string();
    loop {
        let execution = now(cx, stored).await?;
        if execution.status.is_over() || execution.status == Status::Paused {
            return Ok(execution);
        }
        let hearing = async {
            loop {
                match events.recv().await {
                    Ok(event) if event.subject == subject && event.tenant_id == cx.tenant() => return,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return,
                }
            }
        };
        // However it is told, it is looked at.
        let _ = tokio::time::timeout(LOOK_EVERY, hearing).await;
    }
}
