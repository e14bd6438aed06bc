//! `system_reindex`: the index of vectors filled anew from the store.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::memory::retrieval::{Following, Refilling, Stage};
use crate::domain::system::operator;
use crate::kernel::codes::Blame;
use crate::kernel::fault::Fault;

/// Fills the index of vectors anew.
pub(in crate::domain::system) struct Reindex;

/// What takes longer than the call may goes on behind it; so much is left to answer.
const MARGIN: Duration = Duration::from_millis(500);

/// Whether it is begun.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// Only tells how far the one that runs has come, or how the last one ended; none is begun.
    #[serde(default)]
    watch: bool,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It goes on behind the call.
    Running,
    /// The new index is in force.
    Complete,
    /// It was broken off; the log says why. The next one goes on from there.
    Failed,
    /// None was begun since the start of the process.
    None,
}

/// How far it has come.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// How it stands: `running`, `complete`, `failed`, or `none` where none was begun since the start of the process.
    state: State,
    /// Vectors that were read from the store.
    read: u64,
    /// Of so many.
    of: u64,
    /// Whether it went on where an earlier one had been broken off.
    taken_up: bool,
}

impl Output {
    fn of(refilling: Option<Refilling>) -> Self {
        let Some(Refilling { stage, read, of, taken_up }) = refilling else {
            return Self { state: State::None, read: 0, of: 0, taken_up: false };
        };
        let state = match stage {
            Stage::Running => State::Running,
            Stage::Complete => State::Complete,
            Stage::Failed => State::Failed,
        };
        Self { state, read, of, taken_up }
    }
}

impl Capability for Reindex {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::change(
        "system_reindex",
        Domain::System,
        Route::post("/system/reindex"),
        Permit::on(Resource::System, Action::Change),
        "Fills the index of vectors anew from the store, beside the one that is searched meanwhile, and puts it in its place. One that was \
         broken off is gone on with. Nothing is embedded again and nothing is lost: an index that is damaged or too old fills \
         itself, so this is for one that finds wrongly.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        operator::check(cx).await?;
        if input.watch {
            return Ok(Output::of(cx.service::<Following>()?.refilling()));
        }
        let (tell, mut told) = mpsc::unbounded_channel();
        let platform = cx.platform().clone();
        let mut work = cx.platform().running().spawn(async move {
            let following = platform.service::<Following>()?;
            let refilled = following.refill(&platform, |refilling| {
                // Nobody listening is not a fault.
                let _ = tell.send(refilling);
            });
            Box::pin(refilled).await.inspect_err(|fault| {
                // Whoever asks for what is not there is told so, and nobody else need look.
                if fault.code().blame == Blame::Caller {
                    tracing::debug!(?fault, "the index of vectors is not filled anew");
                } else {
                    tracing::error!(?fault, "the index of vectors was not filled anew");
                }
            })
        });
        let until = tokio::time::Instant::now() + cx.time_left().saturating_sub(MARGIN);
        loop {
            tokio::select! {
                biased;
                Some(refilling) = told.recv() => tell_client(cx, refilling),
                done = &mut work => return Ok(Output::of(Some(done.map_err(Fault::internal)??))),
                () = tokio::time::sleep_until(until) => {
                    return Ok(Output::of(cx.service::<Following>()?.refilling()));
                }
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a drawing")]
fn tell_client(cx: &Cx, refilling: Refilling) {
    cx.progress(refilling.read as f64, Some(refilling.of as f64), "vectors read into the new index");
}
