//! `system_backup`: a backup of everything, while running.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::mpsc;

use super::Nothing;
use crate::capability::Capability;
use crate::capability::cx::Cx;
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::backing::Right;
use crate::domain::system::engine::shelf::{Shelf, Stage, State};
use crate::domain::system::operator;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;

/// Makes a backup.
pub(in crate::domain::system) struct Backup;

/// A backup that takes longer than the call may is finished behind it; so much is left to answer.
const MARGIN: Duration = Duration::from_millis(500);

/// The backup.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// Its name: what `system_restore` takes.
    name: String,
    /// Whether it is complete, or still running because it takes longer than a call may.
    state: State,
    /// When it was begun.
    made_at: Timestamp,
    /// Where it is: its folder or file on the server's machine, or its address in the object store.
    folder: String,
    /// Its size, when it is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    /// Its files, when it is complete; each has its SHA-256 in the backup's manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<usize>,
    /// Older backups that were removed, because only so many are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<usize>,
}

impl Capability for Backup {
    type Input = Nothing;
    type Output = Output;
    const SPEC: Spec = Spec::create(
        "system_backup",
        Domain::System,
        Route::post("/system/backup"),
        Permit::on(Resource::System, Action::Create),
        "Makes a consistent, checksummed backup of all data while the server runs, in the folder or the object store of the \
         configuration, encrypted where that says so, and removes the oldest beyond the number kept. See system_backups for those there are, system_restore to load one.",
    )
    .sees_entries();

    async fn run(cx: &Cx, _: Nothing) -> Result<Output, Fault> {
        operator::check(cx).await?;
        let shelf = cx.service::<Shelf>()?;
        let right = Right::take(cx.platform()).await?;
        let at = cx.now();
        let name = shelf.new_name(at);
        let mut output = Output {
            state: State::Running,
            made_at: at,
            folder: format!("{}/{name}", shelf.place()),
            size_bytes: None,
            files: None,
            removed: None,
            name: name.clone(),
        };
        let (tell, mut told) = mpsc::unbounded_channel();
        let platform = cx.platform().clone();
        let mut work = cx.platform().running().spawn(async move {
            let made = right.back_up(&platform, &name, at, false, |stage| {
                // Nobody listening is not a fault.
                let _ = tell.send(stage);
            });
            made.await.inspect_err(|fault| tracing::error!(?fault, "the backup failed"))
        });
        let until = tokio::time::Instant::now() + cx.time_left().saturating_sub(MARGIN);
        loop {
            tokio::select! {
                biased;
                Some(stage) = told.recv() => tell_client(cx, stage),
                made = &mut work => {
                    let made = made.map_err(Fault::internal)??;
                    output.state = State::Complete;
                    output.size_bytes = Some(made.size_bytes);
                    output.files = Some(made.files);
                    output.removed = Some(made.removed);
                    return Ok(output);
                }
                () = tokio::time::sleep_until(until) => return Ok(output),
            }
        }
    }
}

fn tell_client(cx: &Cx, stage: Stage) {
    let (done, message) = match stage {
        Stage::Store => (0.0, "copying the store"),
        Stage::Blobs => (1.0, "copying the blobs"),
        Stage::Digests => (2.0, "writing checksums"),
        Stage::Sending => (3.0, "sending it to the object store"),
    };
    cx.progress(done, Some(4.0), message);
}
