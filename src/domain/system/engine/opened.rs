//! Opening backups: a pack is looked through to its end before anything of it is used, wherever it lies.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::making::locked;
use super::manifest::Manifest;
use super::pack::{PackFault, unpack};
use super::shelf::{Found, LOOKING, Lies, Shelf, blocking, disk, make_private_folder};
use crate::capability::cx::store_fault;
use crate::domain::system::faults;
use crate::kernel::cipher::CipherKey;
use crate::kernel::fault::Fault;
use crate::port::secrets::KeyFault;

/// A backup that was looked through, as a folder.
pub(crate) struct Opened {
    folder: PathBuf,
    _work: Option<Work>,
}

impl Opened {
    /// The folder, with the store and the blobs in it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// A folder to work in, which goes with this.
struct Work(PathBuf);

impl Drop for Work {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "what was unpacked is left");
        }
    }
}

/// How looking through a backup ended, where it was not in order.
enum Misfit {
    Damaged(Vec<String>),
    Other(Fault),
}

impl From<Fault> for Misfit {
    fn from(fault: Fault) -> Self {
        Self::Other(fault)
    }
}

impl Shelf {
    /// Looks a backup through and opens it. A copy of the store alone has nothing to look through.
    ///
    /// # Errors
    /// `backup_damaged`; `backup_locked`; when the disk or the object store fails.
    pub(crate) async fn open(&self, found: &Found) -> Result<Opened, Fault> {
        match self.look_through(found, true).await {
            Ok(Some(opened)) => Ok(opened),
            Ok(None) => Err(Fault::not_found("backup", &found.name)),
            Err(Misfit::Damaged(places)) => Err(damaged(found, &places)),
            Err(Misfit::Other(fault)) => Err(fault),
        }
    }

    /// What is wrong with a backup, read to its end; `None` where it has no digests to measure by.
    ///
    /// # Errors
    /// `backup_locked`; when the object store fails.
    pub(crate) async fn verify(&self, found: &Found) -> Result<Option<Vec<String>>, Fault> {
        if matches!(found.lies, Lies::Copy(_)) || found.about.is_none() {
            return Ok(None);
        }
        match self.look_through(found, false).await {
            Ok(_) => Ok(Some(Vec::new())),
            Err(Misfit::Damaged(places)) => Ok(Some(places)),
            Err(Misfit::Other(fault)) => Err(fault),
        }
    }

    async fn look_through(&self, found: &Found, unpacked: bool) -> Result<Option<Opened>, Misfit> {
        match &found.lies {
            Lies::Copy(_) => Ok(None),
            Lies::Folder(folder) => {
                let looked_at = folder.clone();
                let places = blocking(move || {
                    let told = |error: std::io::Error| vec![error.to_string()];
                    let manifest = Manifest::read(&looked_at).map_err(told);
                    Ok(manifest
                        .and_then(|manifest| manifest.faults(&looked_at).map_err(told))
                        .unwrap_or_else(|told| told))
                })
                .await?;
                if !places.is_empty() {
                    return Err(Misfit::Damaged(places));
                }
                Ok(Some(Opened { folder: folder.clone(), _work: None }))
            }
            Lies::Pack(file) => self.look_through_pack(found, file, None, unpacked).await.map(Some),
            Lies::Remote(object) => {
                let Some(remote) = &self.remote else { return Ok(None) };
                let work = self.work()?;
                let file = work.0.join("pack");
                if !remote.get_file(object, &file).await.map_err(store_fault)? {
                    return Ok(None);
                }
                self.look_through_pack(found, &file, Some(work), unpacked).await.map(Some)
            }
        }
    }

    async fn look_through_pack(
        &self,
        found: &Found,
        file: &Path,
        work: Option<Work>,
        unpacked: bool,
    ) -> Result<Opened, Misfit> {
        let keys = self.opening_keys(found).await?;
        let work = match work {
            Some(work) => work,
            None => self.work()?,
        };
        let (file, into) = (file.to_owned(), work.0.join("content"));
        let target = into.clone();
        let read = blocking(move || {
            if unpacked {
                make_private_folder(&target).map_err(disk)?;
            }
            Ok(unpack(&file, &keys, unpacked.then_some(target.as_path())))
        })
        .await?;
        match read {
            Ok(_) => Ok(Opened { folder: into, _work: Some(work) }),
            Err(PackFault::Damaged(place)) => Err(Misfit::Damaged(vec![place])),
            Err(PackFault::Locked(under)) => Err(Misfit::Other(self.locked(&found.name, &under))),
            Err(PackFault::Disk(error)) => Err(Misfit::Other(disk(error))),
        }
    }

    async fn opening_keys(&self, found: &Found) -> Result<Vec<CipherKey>, Fault> {
        let is_sealed = found.about.as_ref().is_some_and(|about| about.encrypted);
        match &self.keys {
            Some(keys) if is_sealed => match keys.read().await {
                Ok(keys) => Ok(keys),
                // Then the one that is wanted is not there either, which is told by its id.
                Err(KeyFault::Missing(_)) => Ok(Vec::new()),
                Err(fault) => Err(locked(&fault)),
            },
            _ => Ok(Vec::new()),
        }
    }

    fn locked(&self, name: &str, under: &str) -> Fault {
        let say = match &self.keys {
            Some(keys) => format!("'{name}' is encrypted under the key {under}, which {} does not have", keys.place()),
            None => format!("'{name}' is encrypted under the key {under}, and backup.encrypt names no key"),
        };
        Fault::new(&faults::BACKUP_LOCKED, say)
    }

    fn work(&self) -> Result<Work, Fault> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("{LOOKING}{}-{number}", std::process::id()));
        if folder.exists() {
            // Of a process that had the same number.
            fs::remove_dir_all(&folder).map_err(disk)?;
        }
        make_private_folder(&folder).map_err(disk)?;
        Ok(Work(folder))
    }
}

/// The fault of a backup that is not what was written.
pub(super) fn damaged(found: &Found, places: &[String]) -> Fault {
    Fault::new(&faults::BACKUP_DAMAGED, format!("the backup '{}' is damaged", found.name))
        .with_detail(serde_json::json!({ "faults": places }))
}
