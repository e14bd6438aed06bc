//! Restoring a backup: only into an installation that nobody has written to, and only a backup that is what was written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::keys::Keys;
use super::manifest::Manifest;
use super::opened::{Opened, damaged};
use super::shelf::{BLOBS, Found, Lies, STORE, Shelf, State, blocking, disk};
use crate::capability::caches::NamedCache as _;
use crate::capability::cx::{Call, store_fault};
use crate::capability::gate::audit::{self, AUDIT, AuditEntry};
use crate::capability::gate::operation::OPERATION;
use crate::capability::gate::sealing::Sealer;
use crate::capability::platform::Platform;
use crate::domain::audit::engine::keeper::Keeper;
use crate::domain::identity::{default_tenant, what_was_changed};
use crate::domain::memory::retrieval::Following;
use crate::domain::system::faults;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::logs::LogQuery;
use crate::port::records::{Filter, Scalar, Scope};
use crate::port::store::Batch;

/// Actions that leave an installation as good as new: looking after it, and its first key.
const UPKEEP: [&str; 2] = ["system_", "keys_reset"];

/// Whether nobody has written to the installation but to look after it.
///
/// # Errors
/// `installation_not_empty` with what was found.
pub(crate) async fn check_empty(platform: &Platform) -> Result<(), Fault> {
    let store = &*platform.store;
    let refuse = |found: &str| {
        Err(Fault::new(&faults::NOT_EMPTY, format!("the installation is in use: {found}"))
            .with_detail(json!({ "found": found })))
    };
    if !store.is_empty().await.map_err(store_fault)? {
        return refuse("it holds data");
    }
    if let Some(found) = what_was_changed(store).await? {
        return refuse(found);
    }
    let running = Filter::is("state", Scalar::Text("running".to_owned()));
    if store.count(Scope::Platform, &OPERATION, running).await.map_err(store_fault)? > 0 {
        return refuse("a task is running");
    }
    // Deeds that left nothing count too, for as long as they are told of.
    let mut query = LogQuery { filter: Filter::All, beyond: None, descending: false, limit: 500 };
    loop {
        let entries = store.entries(Scope::Platform, &AUDIT, query.clone()).await.map_err(store_fault)?;
        let Some(last) = entries.last() else { return Ok(()) };
        query.beyond = Some(last.position);
        let actions = entries.iter().map(|entry| entry.body["action"].as_str().unwrap_or_default());
        if let Some(deed) = actions.into_iter().find(|deed| !UPKEEP.iter().any(|name| deed.starts_with(name))) {
            return refuse(&format!("'{deed}' has been called"));
        }
    }
}

/// A backup that may be restored.
pub(crate) enum Ready {
    /// It was looked through.
    Opened(Opened),
    /// A copy of the store alone.
    Copy(PathBuf),
}

/// Looks a backup through: whether it is whole, and of a form that this program reads.
///
/// # Errors
/// `backup_damaged`, `backup_locked`, `backup_too_new`.
pub(crate) async fn check_backup(platform: &Platform, shelf: &Shelf, found: &Found) -> Result<Ready, Fault> {
    match (found.state, &found.lies) {
        (State::Automatic, Lies::Copy(file)) => return Ok(Ready::Copy(file.clone())),
        (State::Complete, _) => {}
        (State::Running | State::Unfinished, _) => return Err(damaged(found, &["it is not finished".to_owned()])),
        (State::Damaged | State::Automatic, _) => {
            return Err(damaged(found, &["its manifest cannot be read".to_owned()]));
        }
    }
    let opened = shelf.open(found).await?;
    let present = platform.store.health().await.map_err(store_fault)?.schema;
    match &found.about {
        Some(about) if about.schema > present => Err(Fault::new(
            &faults::BACKUP_TOO_NEW,
            format!("the backup has schema {}, this program knows schema {present}", about.schema),
        )),
        _ => Ok(Ready::Opened(opened)),
    }
}

/// What of the keys that a backup wants and does not hold is not here.
///
/// # Errors
/// When its manifest or the keys cannot be read.
pub(crate) async fn missing_keys(platform: &Platform, ready: &Ready) -> Result<Vec<String>, Fault> {
    let Ready::Opened(opened) = ready else { return Ok(Vec::new()) };
    let folder = opened.folder().to_owned();
    let manifest = blocking(move || Manifest::read(&folder).map_err(disk)).await?;
    let Some(wanted) = manifest.keys else { return Ok(Vec::new()) };
    Ok(wanted.missing(&Keys::present(platform).await?))
}

/// Puts a checked backup in place of everything, provided that nobody has written to the installation. What was forgotten since it was
/// made stays forgotten. Answers how many blobs came with it.
///
/// # Errors
/// `installation_not_empty`; when the store refuses the copy or fails.
pub(crate) async fn restore(
    platform: &Arc<Platform>,
    shelf: &Arc<Shelf>,
    call: &CallOfRestore,
    ready: &Ready,
) -> Result<u64, Fault> {
    // Whatever is acknowledged between the look and the end would be lost: nothing is.
    let frozen = platform.store.freeze().await.map_err(store_fault)?;
    check_empty(platform).await?;
    let (store_file, blobs) = match ready {
        Ready::Copy(file) => (file.clone(), 0),
        Ready::Opened(opened) => {
            let folder = opened.folder();
            (folder.join(STORE), restore_blobs(platform, &folder.join(BLOBS)).await?)
        }
    };
    // The index of vectors was made of what was there before.
    let restoring = async { platform.store.restore_from(&store_file).await.map_err(store_fault) };
    match platform.service::<Following>() {
        Ok(following) => following.anew(platform, restoring).await?,
        Err(_) => restoring.await?,
    }
    for listed in platform.caches.all() {
        listed.clear();
    }
    platform.service::<Sealer>()?.forget_all();
    platform.authority_changed_everywhere();
    drop(frozen);
    let again = shelf.forget_again(platform).await?;
    if again > 0 {
        tracing::info!(again, "memories that were forgotten after the backup was made are forgotten again");
    }
    call.leave_entry(platform).await?;
    // The restore is through; a log that could not be chained at once is chained later, and health tells what anchors miss.
    if let Err(fault) = Box::pin(platform.service::<Keeper>()?.begin_anew()).await {
        tracing::warn!(%fault, "the anchors could not be told that the audit log begins anew");
    }
    Ok(blobs)
}

/// Before the store: blobs are named by their content, so those of a restore that fails harm nobody.
async fn restore_blobs(platform: &Platform, folder: &Path) -> Result<u64, Fault> {
    if !folder.is_dir() {
        return Ok(0);
    }
    platform.blobs.restore_from(folder).await.map_err(store_fault)
}

/// What the restored installation's audit log says of the restore. The gate's own entry lies in the tenant that the call came
/// from, which is gone.
pub(crate) struct CallOfRestore {
    entry: AuditEntry,
}

impl CallOfRestore {
    /// Of this call.
    pub(crate) fn of(call: &Call, backup: &str) -> Self {
        let door = serde_json::to_value(call.origin.door).ok();
        let entry = AuditEntry {
            timestamp: call.at,
            actor: call.caller.user,
            principal: call.caller.principal_name(),
            agent: None,
            action: call.tool.name.to_string(),
            effect: "remove".to_owned(),
            resource_type: "backup".to_owned(),
            resource_id: backup.to_owned(),
            changes: serde_json::Value::Null,
            also: serde_json::Value::Null,
            tenant_id: call.caller.tenant,
            request_id: call.id,
            door: door.and_then(|door| door.as_str().map(str::to_owned)).unwrap_or_default(),
            address: None,
            outcome: "done".to_owned(),
            compliance: true,
            recorded: None,
            cut: None,
            withheld: None,
        };
        Self { entry }
    }

    /// When the call came in.
    pub(crate) fn begun_at(&self) -> Timestamp {
        self.entry.timestamp
    }

    async fn leave_entry(&self, platform: &Platform) -> Result<(), Fault> {
        let Some((tenant, _)) = default_tenant(&*platform.store).await? else { return Ok(()) };
        let entry = AuditEntry { tenant_id: tenant, ..self.entry.clone() };
        let steps = vec![audit::plain(&entry)?];
        platform.store.commit(vec![Batch { tenant, at: platform.clock.now(), steps }]).await.map_err(store_fault)?;
        Ok(())
    }
}
