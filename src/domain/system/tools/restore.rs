//! `system_restore`: a backup in place of an empty installation.

use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::capability::alarms::Alarms;
use crate::capability::cx::{Cx, Lasting};
use crate::capability::permit::{Action, Permit, Resource};
use crate::capability::platform::Platform;
use crate::capability::spec::{Domain, Route, Spec};
use crate::domain::system::engine::restoring::{CallOfRestore, check_backup, check_empty, missing_keys, restore};
use crate::domain::system::engine::shelf::{Found, RestoreState, Restoring, Shelf};
use crate::domain::system::{faults, operator};
use crate::kernel::fault::Fault;

/// Restores a backup.
pub(in crate::domain::system) struct Restore;

/// The alarm about keys that a restored backup wants.
const ALARM_KEYS: &str = "restore.keys";

/// A restore that takes longer than the call may is finished behind it; so much is left to say so.
const MARGIN: Duration = Duration::from_millis(500);

/// Which backup.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::domain::system) struct Input {
    /// The backup's name, as `system_backups` lists it. A backup from elsewhere is put into the folder of backups first, or lies in
    /// the object store that `backup.place` names.
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
    /// Keys that no backup holds, that this one wants, and that are not here: what that means and what to do. Nothing is lost for good: the
    /// files can be put in place later. Health has an alarm `restore.keys` until the server is started again.
    missing_keys: Vec<String>,
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
        let mut output = Output {
            name: input.name,
            restored: false,
            size_bytes: found.size_bytes,
            blobs: 0,
            keys: "unchanged".to_owned(),
            missing_keys: Vec::new(),
        };
        // Every file is read before anything is touched. What is seen to be in vain is refused before that.
        check_empty(cx.platform()).await?;
        let job = Job {
            platform: cx.platform().clone(),
            call: CallOfRestore::of(cx.call(), &output.name),
            shelf: shelf.clone(),
            found,
            dry_run: input.dry_run,
        };
        shelf.tell_restoring(job.told(RestoreState::Running, None));
        // Goes on to its end should the call end before: half restored is not a state to be in.
        let mut work = cx.platform().running().spawn(async move {
            let _held = held;
            job.run().await
        });
        tokio::select! {
            biased;
            done = &mut work => (output.blobs, output.missing_keys) = done.map_err(Fault::internal)??,
            () = tokio::time::sleep(cx.time_left().saturating_sub(MARGIN)) => {
                return Err(Fault::new(&faults::RESTORE_RUNNING, "the backup is still being checked or restored"));
            }
        }
        if input.dry_run {
            return Ok(output);
        }
        output.restored = true;
        "The people and keys of the backup are in force now. The key of this call is refused from here on, unless \
                       the backup knows it; a lost administrator key is replaced by 'convoke keys reset' on the machine."
            .clone_into(&mut output.keys);
        Ok(output)
    }
}

/// The work, which does not depend on how long the call may last.
struct Job {
    platform: Arc<Platform>,
    shelf: Arc<Shelf>,
    call: CallOfRestore,
    found: Found,
    dry_run: bool,
}

impl Job {
    async fn run(self) -> Result<(u64, Vec<String>), Fault> {
        let done = self.check_and_restore().await;
        let told = match &done {
            Ok(_) if self.dry_run => self.told(RestoreState::Checked, None),
            Ok(_) => self.told(RestoreState::Done, None),
            Err(fault) => {
                tracing::warn!(?fault, backup = self.found.name, "the backup was not restored");
                self.told(RestoreState::Failed, Some(fault))
            }
        };
        self.shelf.tell_restoring(told);
        done
    }

    async fn check_and_restore(&self) -> Result<(u64, Vec<String>), Fault> {
        let ready = check_backup(&self.platform, &self.shelf, &self.found).await?;
        let missing = missing_keys(&self.platform, &ready).await?;
        if self.dry_run {
            return check_empty(&self.platform).await.map(|()| (0, missing));
        }
        let blobs = restore(&self.platform, &self.shelf, &self.call, &ready).await?;
        if !missing.is_empty() {
            self.platform.service::<Alarms>()?.raise(ALARM_KEYS, missing.join(" "), self.platform.clock.now());
        }
        Ok((blobs, missing))
    }

    fn told(&self, state: RestoreState, fault: Option<&Fault>) -> Restoring {
        Restoring {
            name: self.found.name.clone(),
            state,
            begun_at: self.call.begun_at(),
            fault: fault.map(|fault| format!("{}: {fault}", fault.code().name)),
        }
    }
}
