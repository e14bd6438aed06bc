//! The shelf of backups: one folder or one pack for each, made under another name and renamed when it is whole, so that what has
//! a backup's name is one; and packs in an object store, where an object appears when it is whole. Beside them lie the copies
//! that the store makes by itself before its schema changes.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::manifest::{FORM, Manifest};
use super::pack::{Head, LONGEST_HEAD, head};
use crate::capability::cx::store_fault;
use crate::domain::system::faults;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::tasks;
use crate::kernel::time::Timestamp;
use crate::port::objects::Objects;
use crate::port::secrets::MasterKeys;

/// What names a backup; the moment follows.
const PREFIX: &str = "backup-";
/// What a backup's name ends with while it is being made.
pub(super) const UNFINISHED: &str = ".part";
/// What the name of a pack ends with.
pub(super) const PACK: &str = ".pack";
/// What names the work of looking through a pack.
pub(super) const LOOKING: &str = "looking-";
/// The folder of packs in an object store.
pub(super) const REMOTE: &str = "backups";
/// Heads of packs in an object store that are read at once.
const AT_ONCE: usize = 8;
/// So often at most old packs in an object store are removed, when no backup is made.
const PRUNE_REMOTE: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
/// What names a copy that the store made before a change of its schema.
const AUTOMATIC: &str = "before-";
/// The store's copy in a backup.
pub(crate) const STORE: &str = "store.db";
/// The blobs in a backup.
pub(crate) const BLOBS: &str = "blobs";

/// Where backups lie and how many are kept.
pub struct Shelf {
    pub(super) folder: PathBuf,
    automatic: PathBuf,
    keep: usize,
    keep_days: u64,
    /// Where new backups go, where that is not the folder.
    pub(super) remote: Option<Arc<dyn Objects>>,
    /// What new backups are encrypted under, and old ones opened by.
    pub(super) keys: Option<Arc<dyn MasterKeys>>,
    remote_pruned: std::sync::Mutex<Option<Timestamp>>,
    busy: Arc<Mutex<()>>,
    /// The name of the backup that is being made.
    making: std::sync::Mutex<Option<String>>,
    /// The last restore of this run of the program.
    restore: std::sync::Mutex<Option<Restoring>>,
    /// How far what was forgotten was taken in, since the start.
    pub(super) noted: Mutex<Option<i64>>,
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
    /// What is known of it without looking through it.
    pub(crate) about: Option<About>,
    /// Its size.
    pub(crate) size_bytes: u64,
    /// Where it is.
    pub(crate) lies: Lies,
}

/// What a backup tells of itself.
#[derive(Debug, Clone)]
pub(crate) struct About {
    /// When it was begun.
    pub(crate) made_at: Timestamp,
    /// The program's version.
    pub(crate) version: String,
    /// The schema's number.
    pub(crate) schema: u32,
    /// Whether it is encrypted.
    pub(crate) encrypted: bool,
}

/// Where a backup is.
#[derive(Debug, Clone)]
pub(crate) enum Lies {
    /// It is a folder.
    Folder(PathBuf),
    /// It is a pack.
    Pack(PathBuf),
    /// It is a pack in the object store, of this name there.
    Remote(String),
    /// It is a copy of the store alone.
    Copy(PathBuf),
}

impl About {
    fn of_manifest(manifest: &Manifest) -> Self {
        let Manifest { made_at, version, schema, .. } = manifest;
        Self { made_at: *made_at, version: version.clone(), schema: *schema, encrypted: false }
    }

    fn of_head(head: Head) -> Self {
        let Head { made_at, version, schema, sealed, .. } = head;
        Self { made_at, version, schema, encrypted: sealed.is_some() }
    }
}

/// A step of making a backup, for those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The store is copied.
    Store,
    /// The blobs are copied.
    Blobs,
    /// Everything is digested and synced, and packed where it is.
    Digests,
    /// The pack is sent to the object store.
    Sending,
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
            keep_days: 0,
            remote: None,
            keys: None,
            remote_pruned: std::sync::Mutex::default(),
            busy: Arc::default(),
            making: std::sync::Mutex::default(),
            restore: std::sync::Mutex::default(),
            noted: Mutex::default(),
        }
    }

    /// The same, from which backups go after so many days, 0 for never.
    #[must_use]
    pub fn keeping_days(self, keep_days: u64) -> Self {
        Self { keep_days, ..self }
    }

    /// The same, whose new backups go to an object store.
    #[must_use]
    pub fn sending_to(self, remote: Option<Arc<dyn Objects>>) -> Self {
        Self { remote, ..self }
    }

    /// The same, whose new backups are encrypted.
    #[must_use]
    pub fn sealing_under(self, keys: Option<Arc<dyn MasterKeys>>) -> Self {
        Self { keys, ..self }
    }

    /// Where new backups go, for people.
    pub(crate) fn place(&self) -> String {
        match &self.remote {
            Some(remote) => format!("{}/{REMOTE}", remote.place()),
            None => self.folder.display().to_string(),
        }
    }

    /// Whether new backups are packs.
    pub(super) fn packs(&self) -> bool {
        self.remote.is_some() || self.keys.is_some()
    }

    /// The last restore of this run.
    pub(crate) fn restoring(&self) -> Option<Restoring> {
        self.restore.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says how far a restore is.
    pub(crate) fn tell_restoring(&self, restoring: Restoring) {
        *self.restore.lock().unwrap_or_else(PoisonError::into_inner) = Some(restoring);
    }

    pub(super) fn tell_making(&self, name: Option<&str>) {
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

    /// A name for a backup that none has yet.
    pub fn new_name(&self, at: Timestamp) -> String {
        let ending = if self.packs() { PACK } else { "" };
        let name = format!("{PREFIX}{}", at.to_string().replace([':', '.'], ""));
        let taken = |name: &String| self.folder.join(format!("{name}{ending}")).exists();
        let free = if taken(&name) {
            (2..10_000).map(|number| format!("{name}-{number}")).find(|name| !taken(name)).unwrap_or(name)
        } else {
            name
        };
        format!("{free}{ending}")
    }

    /// Everything on the shelf, newest first.
    ///
    /// # Errors
    /// When the folder cannot be read, or the object store not be asked.
    pub(crate) async fn list(self: &Arc<Self>) -> Result<Vec<Found>, Fault> {
        let mut found = self.list_here().await?;
        found.extend(self.list_remote().await?);
        found.sort_by(|one, other| newest_first(&one.name, &other.name));
        Ok(found)
    }

    /// Everything on the shelf on this machine, newest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(crate) async fn list_here(self: &Arc<Self>) -> Result<Vec<Found>, Fault> {
        let this = self.clone();
        blocking(move || this.look()).await
    }

    fn look(&self) -> Result<Vec<Found>, Fault> {
        let making = self.making.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut found = Vec::new();
        for (name, path) in entries(&self.folder)?.into_iter().filter(|(name, _)| name.starts_with(PREFIX)) {
            // The one that is being made has the name that it will have.
            if let Some(whole) = name.strip_suffix(UNFINISHED) {
                let is_made = making.as_deref() == Some(whole);
                let state = if is_made { State::Running } else { State::Unfinished };
                let name = if is_made { whole.to_owned() } else { name };
                found.push(Found { name, state, about: None, size_bytes: 0, lies: Lies::Folder(path) });
            } else if name.ends_with(PACK) {
                let about = head_of_file(&path).map(About::of_head);
                let size_bytes = fs::metadata(&path).map_or(0, |file| file.len());
                found.push(Found { state: state_of(about.as_ref()), name, about, size_bytes, lies: Lies::Pack(path) });
            } else {
                let manifest = Manifest::read(&path).ok().filter(|manifest| manifest.form == FORM);
                let size_bytes = manifest.as_ref().map_or(0, Manifest::size_bytes);
                let about = manifest.as_ref().map(About::of_manifest);
                found.push(Found {
                    state: state_of(about.as_ref()),
                    name,
                    about,
                    size_bytes,
                    lies: Lies::Folder(path),
                });
            }
        }
        for (name, path) in entries(&self.automatic)?.into_iter().filter(|(name, _)| name.starts_with(AUTOMATIC)) {
            let size_bytes = fs::metadata(&path).map_or(0, |file| file.len());
            found.push(Found { name, state: State::Automatic, about: None, size_bytes, lies: Lies::Copy(path) });
        }
        found.sort_by(|one, other| newest_first(&one.name, &other.name));
        Ok(found)
    }

    /// The packs in the object store, newest first.
    async fn list_remote(&self) -> Result<Vec<Found>, Fault> {
        let Some(remote) = &self.remote else { return Ok(Vec::new()) };
        let listed = remote.list(REMOTE).await.map_err(store_fault)?;
        let packs = listed.into_iter().filter_map(|object| {
            let name = object.name.strip_prefix(REMOTE)?.strip_prefix('/')?.to_owned();
            (name.starts_with(PREFIX) && name.ends_with(PACK)).then_some((name, object))
        });
        let heads = packs.map(async |(name, object)| {
            let first = remote.get_first(&object.name, LONGEST_HEAD).await.map_err(store_fault)?;
            let about = first.and_then(|first| head(&first)).map(About::of_head);
            let (state, lies) = (state_of(about.as_ref()), Lies::Remote(object.name));
            Ok::<_, Fault>(Found { name, state, about, size_bytes: object.size_bytes, lies })
        });
        let read: Vec<Result<Found, Fault>> = futures::stream::iter(heads).buffered(AT_ONCE).collect().await;
        let mut found = read.into_iter().collect::<Result<Vec<Found>, Fault>>()?;
        found.sort_by(|one, other| newest_first(&one.name, &other.name));
        Ok(found)
    }

    /// The backup of a name.
    ///
    /// # Errors
    /// `not_found`.
    pub(crate) async fn find(self: &Arc<Self>, name: &str) -> Result<Found, Fault> {
        // What lies here is found also while the object store is away.
        if let Some(found) = self.list_here().await?.into_iter().find(|found| found.name == name) {
            return Ok(found);
        }
        let found = self.list_remote().await?.into_iter().find(|found| found.name == name);
        found.ok_or_else(|| Fault::not_found("backup", name))
    }

    /// The file of a copy that the store made before a change of its schema.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn copy_before_change(self: &Arc<Self>, name: &str) -> Result<PathBuf, Fault> {
        let found = self.list_here().await?.into_iter().find(|found| found.name == name);
        match found.map(|found| found.lies) {
            Some(Lies::Copy(file)) => Ok(file),
            _ => Err(Fault::not_found("copy", name)),
        }
    }

    /// Removes the oldest whole backups beyond what is kept; answers how many went. While a backup is being made or restored it
    /// leaves all as it is.
    ///
    /// # Errors
    /// When the disk or the object store fails.
    pub async fn prune(self: &Arc<Self>, now: Timestamp) -> Result<usize, Fault> {
        let Ok(_held) = self.take() else { return Ok(0) };
        let before = *self.remote_pruned.lock().unwrap_or_else(PoisonError::into_inner);
        let with_remote = before.is_none_or(|before| now.since(before) >= PRUNE_REMOTE);
        self.prune_held(now, with_remote).await
    }

    /// The same, for whoever holds the right to make backups.
    pub(crate) async fn prune_held(self: &Arc<Self>, now: Timestamp, with_remote: bool) -> Result<usize, Fault> {
        let this = self.clone();
        let gone = blocking(move || this.remove_old(now)).await?;
        if !with_remote || self.keep == 0 && self.keep_days == 0 {
            return Ok(gone);
        }
        *self.remote_pruned.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        match self.prune_remote(now).await {
            Ok(more) => Ok(gone + more),
            // They take up room there and keep nobody from anything here.
            Err(fault) => {
                tracing::warn!(?fault, "old backups in the object store are left");
                Ok(gone)
            }
        }
    }

    async fn prune_remote(&self, now: Timestamp) -> Result<usize, Fault> {
        let Some(remote) = &self.remote else { return Ok(0) };
        let old = self.old(self.list_remote().await?, now);
        for old in &old {
            if let Lies::Remote(name) = &old.lies {
                remote.remove(name).await.map_err(store_fault)?;
            }
        }
        Ok(old.len())
    }

    /// Of backups of one place, newest first, those that are not kept. The newest whole one always is.
    fn old(&self, found: Vec<Found>, now: Timestamp) -> Vec<Found> {
        let whole = found.into_iter().filter(|found| found.state == State::Complete).enumerate();
        let is_old = |(place, found): &(usize, Found)| {
            let too_many = self.keep > 0 && *place >= self.keep;
            let age = found.about.as_ref().map_or(Duration::ZERO, |about| now.since(about.made_at));
            let too_old = self.keep_days > 0 && age > DAY * u32::try_from(self.keep_days).unwrap_or(u32::MAX);
            *place > 0 && (too_many || too_old)
        };
        whole.filter(is_old).map(|(_, found)| found).collect()
    }

    fn remove_old(&self, now: Timestamp) -> Result<usize, Fault> {
        if self.keep == 0 && self.keep_days == 0 {
            return Ok(0);
        }
        let old = self.old(self.look()?, now);
        for old in &old {
            // Renamed first: what is half removed must not look whole.
            let going = self.folder.join(format!("{}{UNFINISHED}", old.name));
            match &old.lies {
                Lies::Folder(path) => {
                    fs::rename(path, &going).and_then(|()| fs::remove_dir_all(&going)).map_err(disk)?;
                }
                Lies::Pack(path) => fs::remove_file(path).map_err(disk)?,
                Lies::Remote(_) | Lies::Copy(_) => {}
            }
        }
        Ok(old.len())
    }

    pub(super) fn clear_unfinished(&self) -> Result<(), Fault> {
        for (name, path) in entries(&self.folder)? {
            // Nobody looks through a pack for a day: it is left from a run that was ended.
            let is_left = || {
                let written = fs::metadata(&path).and_then(|found| found.modified()).ok();
                written.and_then(|written| written.elapsed().ok()).is_some_and(|age| age > DAY)
            };
            let goes =
                (name.starts_with(PREFIX) && name.ends_with(UNFINISHED)) || (name.starts_with(LOOKING) && is_left());
            if goes {
                let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
                removed.map_err(disk)?;
            }
        }
        Ok(())
    }
}

const fn state_of(about: Option<&About>) -> State {
    if about.is_some() { State::Complete } else { State::Damaged }
}

fn head_of_file(file: &Path) -> Option<Head> {
    let mut first = Vec::new();
    File::open(file).ok()?.take(LONGEST_HEAD).read_to_end(&mut first).ok()?;
    head(&first)
}

/// Runs what waits for the disk on a thread that nobody else waits for.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tasks::blocking(work).await.unwrap_or_else(|| Err(Fault::internal("work on a backup ended early")))
}

/// Makes the names in a folder durable, where the platform can.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

pub(super) fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// What lies in a folder, by name; nothing where there is no folder.
pub(super) fn entries(folder: &Path) -> Result<Vec<(String, PathBuf)>, Fault> {
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

pub(super) fn disk(error: io::Error) -> Fault {
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
