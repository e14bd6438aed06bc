//! `system_restore`: a backup in place of an empty installation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::cx::{Cx, Lasting};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::restoring::{CallOfRestore, check_backup, check_empty, restore};
use crate::domain::system::engine::shelf::Shelf;
use crate::domain::system::operator;
use crate::kernel::fault::Fault;

/// Restores a backup.
pub(in crate::domain::system) struct Restore;

/// Which backup.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// The backup's name, as `system_backups` lists it. A backup from elsewhere is put into the folder of backups first.
    #[schemars(length(min = 1, max = 100))]
    name: String,
    /// Only check whether the backup could be restored.
    #[serde(default)]
    dry_run: bool,
}

/// What was restored.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Output {
    /// The backup.
    name: String,
    /// Whether it was put in place; false for a dry run, which found nothing against it.
    restored: bool,
    /// Bytes in the backup.
    size_bytes: u64,
    /// Blobs that came with it.
    blobs: u64,
    /// Whose people and keys are in force now.
    keys: String,
}

impl Capability for Restore {
    type Input = Input;
    type Output = Output;
    const SPEC: Spec = Spec::remove(
        "system_restore",
        Domain::System,
        Route::post("/system/restore"),
        Permit::on(Resource::System, Action::Remove),
        "Loads a backup into an installation that nobody has written to yet, after checking every checksum. From then on the \
         people and keys of the backup are in force. To make a backup use system_backup.",
    );

    async fn run(cx: &Cx, input: Input) -> Result<Output, Fault> {
        operator::check(cx).await?;
        // The record of a task would be lost with the store that it lies in.
        if cx.call().lasting == Lasting::Task {
            return Err(Fault::bad_input("", "restoring cannot run as a task: call it plainly"));
        }
        let shelf = cx.service::<Shelf>()?;
        let held = shelf.take()?;
        let found = shelf.find(&input.name).await?;
        let platform = cx.platform().clone();
        check_backup(&platform, &found).await?;
        check_empty(&platform).await?;
        let mut output = Output {
            name: input.name,
            restored: false,
            size_bytes: found.size_bytes,
            blobs: 0,
            keys: "unchanged".to_owned(),
        };
        if input.dry_run {
            return Ok(output);
        }
        // What is collected for this call belongs to the store that goes: the call must never run a second time by itself.
        cx.checkpoint().await?;
        let call = CallOfRestore::of(cx.call(), &output.name);
        // Goes on to its end should the call end before: half restored is not a state to be in.
        let work = shelf.tracker().spawn(async move {
            let _held = held;
            restore(&platform, &call, &found).await.inspect_err(|fault| tracing::error!(?fault, "the restore failed"))
        });
        output.blobs = work.await.map_err(Fault::internal)??;
        output.restored = true;
        "The people and keys of the backup are in force now. The key of this call is refused from here on, unless \
                       the backup knows it; a lost administrator key is replaced by 'convoke keys reset' on the machine."
            .clone_into(&mut output.keys);
        Ok(output)
    }
}
