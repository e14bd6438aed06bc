//! The shelf of backups: one folder for each, made under another name and renamed when it is whole, so that what has a
//! backup's name is one. Beside them lie the copies that the store makes by itself before its schema changes.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::manifest::{FORM, MANIFEST, Manifest, take_stock};
use crate::capability::cx::store_fault;
use crate::capability::platform::Platform;
use crate::domain::system::faults;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::tasks;
use crate::kernel::time::Timestamp;

/// What names a backup; the moment follows.
const PREFIX: &str = "backup-";
/// What a backup's name ends with while it is being made.
const UNFINISHED: &str = ".part";
/// What names a copy that the store made before a change of its schema.
const AUTOMATIC: &str = "before-";
/// The store's copy in a backup.
pub(crate) const STORE: &str = "store.db";
/// The blobs in a backup.
pub(crate) const BLOBS: &str = "blobs";

/// Where backups lie and how many are kept.
pub struct Shelf {
    folder: PathBuf,
    automatic: PathBuf,
    keep: usize,
    busy: Arc<Mutex<()>>,
    /// The name of the backup that is being made.
    making: std::sync::Mutex<Option<String>>,
    /// The last restore of this run of the program.
    restore: std::sync::Mutex<Option<Restoring>>,
}

/// A restore, as those learn of it who could not wait for its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Restoring {
    /// The backup.
    pub(crate) name: String,
    /// How far it is.
    pub(crate) state: RestoreState,
    /// When it was begun.
    pub(crate) begun_at: Timestamp,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
}

/// How far a restore is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RestoreState {
    /// It is being checked or put in place.
    Running,
    /// It is in place.
    Done,
    /// It was only to be checked, and nothing is against it.
    Checked,
    /// Nothing was changed.
    Failed,
}

/// How a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// Whole.
    Complete,
    /// Being made now.
    Running,
    /// The program ended before it was whole; the next backup clears it away.
    Unfinished,
    /// Its manifest cannot be read.
    Damaged,
    /// A copy of the store alone, made by itself before the schema changed.
    Automatic,
}

/// A backup on the shelf.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Its name.
    pub(crate) name: String,
    /// How it is.
    pub(crate) state: State,
    /// What it holds, where that can be read.
    pub(crate) manifest: Option<Manifest>,
    /// Its size.
    pub(crate) size_bytes: u64,
    /// Its folder or file.
    pub(crate) path: PathBuf,
}

/// A step of making a backup, for those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The store is copied.
    Store,
    /// The blobs are copied.
    Blobs,
    /// Everything is digested and synced.
    Digests,
}

impl Shelf {
    /// A shelf. `configured` is the folder of the configuration, empty for `backups` in the data folder; `keep` is how many
    /// backups stay, 0 for all.
    #[must_use]
    pub fn new(configured: &str, keep: usize, data: &Path) -> Self {
        let automatic = data.join("backups");
        // A relative folder is one of the data folder, wherever the program was started.
        let folder = if configured.is_empty() { automatic.clone() } else { data.join(configured) };
        Self {
            folder,
            automatic,
            keep,
            busy: Arc::default(),
            making: std::sync::Mutex::default(),
            restore: std::sync::Mutex::default(),
        }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The last restore of this run.
    pub(crate) fn restoring(&self) -> Option<Restoring> {
        self.restore.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says how far a restore is.
    pub(crate) fn tell_restoring(&self, restoring: Restoring) {
        *self.restore.lock().unwrap_or_else(PoisonError::into_inner) = Some(restoring);
    }

    fn tell_making(&self, name: Option<&str>) {
        *self.making.lock().unwrap_or_else(PoisonError::into_inner) = name.map(str::to_owned);
    }

    /// The right to make or restore a backup: one at a time.
    ///
    /// # Errors
    /// `backup_busy`.
    pub(crate) fn take(&self) -> Result<OwnedMutexGuard<()>, Fault> {
        let held = Arc::clone(&self.busy).try_lock_owned();
        held.map_err(|_| Fault::new(&faults::BACKUP_BUSY, "a backup is being made or restored"))
    }

    /// Makes a backup. Whoever calls this holds the right to.
    ///
    /// # Errors
    /// When the store or the disk fails; what was begun is cleared away then.
    pub(crate) async fn make(
        &self,
        platform: &Platform,
        name: &str,
        at: Timestamp,
        tell: impl Fn(Stage) + Send,
    ) -> Result<Manifest, Fault> {
        let part = self.folder.join(format!("{name}{UNFINISHED}"));
        self.tell_making(Some(name));
        let made = self.make_in(platform, &part, name, at, tell).await;
        self.tell_making(None);
        if made.is_err() {
            let _ = fs::remove_dir_all(&part);
        }
        made
    }

    async fn make_in(
        &self,
        platform: &Platform,
        part: &Path,
        name: &str,
        at: Timestamp,
        tell: impl Fn(Stage) + Send,
    ) -> Result<Manifest, Fault> {
        self.clear_unfinished()?;
        make_private_folder(part).map_err(disk)?;
        let health = platform.store.health().await.map_err(store_fault)?;
        // Until the blobs are copied too: none that the store's copy names may go meanwhile.
        let _held = platform.blobs.hold();
        tell(Stage::Store);
        platform.store.copy_to(&part.join(STORE)).await.map_err(store_fault)?;
        // After the store: a blob is kept before the document that names it, so none that the copy names is missing.
        tell(Stage::Blobs);
        platform.blobs.copy_to(&part.join(BLOBS)).await.map_err(store_fault)?;
        tell(Stage::Digests);
        let manifest = Manifest {
            form: FORM,
            made_at: at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            backend: health.backend,
            schema: health.schema,
            files: Vec::new(),
        };
        let (part, whole, folder) = (part.to_owned(), self.folder.join(name), self.folder.clone());
        blocking(move || finish(manifest, &part, &whole, &folder).map_err(disk)).await
    }

    /// A name for a backup that none has yet.
    pub(crate) fn new_name(&self, at: Timestamp) -> String {
        let name = format!("{PREFIX}{}", at.to_string().replace([':', '.'], ""));
        let taken = |name: &String| self.folder.join(name).exists();
        if !taken(&name) {
            return name;
        }
        (2..10_000).map(|number| format!("{name}-{number}")).find(|name| !taken(name)).unwrap_or(name)
    }

    /// Everything on the shelf, newest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(crate) async fn list(self: &Arc<Self>) -> Result<Vec<Found>, Fault> {
        let this = self.clone();
        blocking(move || this.look()).await
    }

    fn look(&self) -> Result<Vec<Found>, Fault> {
        let making = self.making.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut found = Vec::new();
        for (name, path) in entries(&self.folder)?.into_iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            let manifest = Manifest::read(&path).ok().filter(|manifest| manifest.form == FORM);
            // The one that is being made has the name that it will have.
            let (name, state) = match (&manifest, name.strip_suffix(UNFINISHED)) {
                (_, Some(whole)) if making.as_deref() == Some(whole) => (whole.to_owned(), State::Running),
                (_, Some(_)) => (name, State::Unfinished),
                (Some(_), None) => (name, State::Complete),
                (None, None) => (name, State::Damaged),
            };
            let size_bytes = manifest.as_ref().map_or(0, Manifest::size_bytes);
            found.push(Found { name, state, manifest, size_bytes, path });
        }
        for (name, path) in entries(&self.automatic)?.into_iter().filter(|(name, _)| name.starts_with(AUTOMATIC)) {
            let size_bytes = fs::metadata(&path).map_or(0, |file| file.len());
            found.push(Found { name, state: State::Automatic, manifest: None, size_bytes, path });
        }
        found.sort_by(|one, other| newest_first(&one.name, &other.name));
        Ok(found)
    }

    /// The backup of a name.
    ///
    /// # Errors
    /// `not_found`.
    pub(crate) async fn find(self: &Arc<Self>, name: &str) -> Result<Found, Fault> {
        let found = self.list().await?.into_iter().find(|found| found.name == name);
        found.ok_or_else(|| Fault::not_found("backup", name))
    }

    /// The file of a copy that the store made before a change of its schema.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn copy_before_change(self: &Arc<Self>, name: &str) -> Result<PathBuf, Fault> {
        let found = self.find(name).await?;
        if found.state == State::Automatic { Ok(found.path) } else { Err(Fault::not_found("copy", name)) }
    }

    /// Removes the oldest whole backups beyond the number that is kept; answers how many went. While a backup is being made
    /// or restored it leaves all as it is.
    ///
    /// # Errors
    /// When the disk fails.
    pub async fn prune(self: &Arc<Self>) -> Result<usize, Fault> {
        let Ok(_held) = self.take() else { return Ok(0) };
        self.prune_held().await
    }

    /// The same, for whoever holds the right to make backups.
    pub(crate) async fn prune_held(self: &Arc<Self>) -> Result<usize, Fault> {
        let this = self.clone();
        blocking(move || this.remove_old()).await
    }

    fn remove_old(&self) -> Result<usize, Fault> {
        if self.keep == 0 {
            return Ok(0);
        }
        let whole = self.look()?.into_iter().filter(|found| found.state == State::Complete);
        let mut gone = 0;
        for old in whole.skip(self.keep) {
            // Renamed first: what is half removed must not look whole.
            let going = self.folder.join(format!("{}{UNFINISHED}", old.name));
            fs::rename(&old.path, &going).and_then(|()| fs::remove_dir_all(&going)).map_err(disk)?;
            gone += 1;
        }
        Ok(gone)
    }

    fn clear_unfinished(&self) -> Result<(), Fault> {
        for (name, path) in entries(&self.folder)? {
            if name.starts_with(PREFIX) && name.ends_with(UNFINISHED) {
                fs::remove_dir_all(path).map_err(disk)?;
            }
        }
        Ok(())
    }
}

impl Found {
    /// What is wrong with the backup's files; `None` where it has no digests to measure by.
    ///
    /// # Errors
    /// When the files cannot be read.
    pub(crate) async fn verify(&self) -> Result<Option<Vec<String>>, Fault> {
        let Some(manifest) = self.manifest.clone() else { return Ok(None) };
        let folder = self.path.clone();
        blocking(move || Ok(Some(manifest.faults(&folder).unwrap_or_else(|error| vec![error.to_string()])))).await
    }
}

/// Runs what waits for the disk on a thread that nobody else waits for.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Fault> + Send + 'static) -> Result<T, Fault> {
    tasks::blocking(work).await.unwrap_or_else(|| Err(Fault::internal("work on a backup ended early")))
}

/// Digests and syncs everything, writes the manifest and gives the backup its name.
fn finish(mut manifest: Manifest, part: &Path, whole: &Path, folder: &Path) -> io::Result<Manifest> {
    manifest.files = take_stock(part)?;
    let mut file = File::create(part.join(MANIFEST))?;
    serde_json::to_writer_pretty(&mut file, &manifest)?;
    file.sync_all()?;
    sync_folder(part)?;
    fs::rename(part, whole)?;
    sync_folder(folder)?;
    Ok(manifest)
}

/// Makes the names in a folder durable, where the platform can.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// What lies in a folder, by name; nothing where there is no folder.
fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, Fault> {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(disk(error)),
    };
    let named = listed.map(|entry| {
        let entry = entry.map_err(disk)?;
        Ok((entry.file_name().to_string_lossy().into_owned(), entry.path()))
    });
    named.collect()
}

/// The order of the shelf, by name.
pub(crate) fn newest_first(one: &str, other: &str) -> Ordering {
    moment_of(other).cmp(moment_of(one)).then_with(|| other.cmp(one))
}

/// The moment in a name, as text that sorts.
fn moment_of(name: &str) -> &str {
    name.find('T').and_then(|place| name.get(place.saturating_sub("2026-11-20".len())..)).unwrap_or(name)
}

fn disk(error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Fault::new(&codes::STORAGE_FULL, "the folder of backups has no room left").caused_by(error)
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::NotFound => {
            Fault::new(&codes::UNAVAILABLE, "the folder of backups cannot be used").caused_by(error)
        }
        _ => Fault::internal(error),
    }
}
