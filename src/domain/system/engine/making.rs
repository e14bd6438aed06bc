//! Making a backup: the store is copied, then the blobs, everything is digested, and packed and sent where that is wanted.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::keys::Keys;
use super::manifest::{FORM, MANIFEST, Manifest, take_stock};
use super::pack::pack;
use super::shelf::{BLOBS, REMOTE, STORE, Shelf, Stage, UNFINISHED, blocking, disk, make_private_folder, sync_folder};
use crate::capability::cx::store_fault;
use crate::capability::platform::Platform;
use crate::domain::system::faults;
use crate::kernel::cipher::CipherKey;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::time::Timestamp;
use crate::port::secrets::{KeyFault, MasterKeys};

/// Within the folder of a pack that is being made: what is packed, and the pack.
const CONTENT: &str = "content";
const PACKED: &str = "pack";

impl Shelf {
    /// Makes a backup. Whoever calls this holds the right to.
    ///
    /// # Errors
    /// When the store, the disk or the object store fails; what was begun is cleared away then.
    pub(crate) async fn make(
        &self,
        platform: &Platform,
        name: &str,
        at: Timestamp,
        tell: impl Fn(Stage) + Send,
    ) -> Result<Manifest, Fault> {
        // Also where whoever waits for it gives up.
        let _making = Making::of(self, name);
        self.make_in(platform, name, at, tell).await
    }

    async fn make_in(
        &self,
        platform: &Platform,
        name: &str,
        at: Timestamp,
        tell: impl Fn(Stage) + Send,
    ) -> Result<Manifest, Fault> {
        let key = match &self.keys {
            Some(keys) => Some(sealing_key(&**keys).await?),
            None => None,
        };
        self.clear_unfinished()?;
        let part = self.part(name);
        let content = if self.packs() { part.join(CONTENT) } else { part.clone() };
        make_private_folder(&content).map_err(disk)?;
        let health = platform.store.health().await.map_err(store_fault)?;
        // Until the blobs are copied too: none that the store's copy names may go meanwhile.
        let held = platform.blobs.hold();
        tell(Stage::Store);
        platform.store.copy_to(&content.join(STORE)).await.map_err(store_fault)?;
        // After the store: a blob is kept before the document that names it, so none that the copy names is missing.
        tell(Stage::Blobs);
        platform.blobs.copy_to(&content.join(BLOBS)).await.map_err(store_fault)?;
        drop(held);
        tell(Stage::Digests);
        let manifest = Manifest {
            form: FORM,
            made_at: at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            backend: health.backend,
            schema: health.schema,
            files: Vec::new(),
            keys: Some(Keys::present(platform).await?),
        };
        let (whole, folder) = (self.folder.join(name), self.folder.clone());
        if !self.packs() {
            return blocking(move || finish(manifest, &content, &whole, &folder).map_err(disk)).await;
        }
        let packed = part.join(PACKED);
        let file = packed.clone();
        let manifest = blocking(move || {
            let manifest = take(manifest, &content).map_err(disk)?;
            pack(&content, &manifest, key.as_ref(), &file).map_err(disk)?;
            Ok(manifest)
        })
        .await?;
        if self.remote.is_some() {
            tell(Stage::Sending);
            self.send(name, &packed).await?;
        } else {
            let put = move || fs::rename(&packed, &whole).and_then(|()| sync_folder(&folder)).map_err(disk);
            blocking(put).await?;
        }
        Ok(manifest)
    }

    async fn send(&self, name: &str, file: &Path) -> Result<(), Fault> {
        let Some(remote) = &self.remote else { return Ok(()) };
        let object = format!("{REMOTE}/{name}");
        remote.put_file(&object, b"", file).await.map_err(store_fault)?;
        let sent = fs::metadata(file).map_err(disk)?.len();
        let there = remote.size(&object).await.map_err(store_fault)?;
        if there != Some(sent) {
            let say = format!("of {sent} bytes of the backup {} have {there:?}", remote.place());
            return Err(
                Fault::new(&codes::UNAVAILABLE, "the object store did not take the backup whole").caused_by(say)
            );
        }
        Ok(())
    }

    fn part(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{UNFINISHED}"))
    }
}

/// While a backup is being made it is listed as running; what is left of it then goes.
struct Making<'a> {
    shelf: &'a Shelf,
    part: PathBuf,
}

impl<'a> Making<'a> {
    fn of(shelf: &'a Shelf, name: &str) -> Self {
        shelf.tell_making(Some(name));
        Self { shelf, part: shelf.part(name) }
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.shelf.tell_making(None);
        // Mostly nothing of it is there: it was renamed.
        let _ = fs::remove_dir_all(&self.part);
    }
}

/// The key that new backups are sealed under; made where the program keeps it itself and has none yet.
async fn sealing_key(keys: &dyn MasterKeys) -> Result<CipherKey, Fault> {
    let mut found = keys.read().await;
    if matches!(found, Err(KeyFault::Missing(_))) && keys.renew().await.map_err(|fault| locked(&fault))? {
        found = keys.read().await;
    }
    found
        .map_err(|fault| locked(&fault))?
        .into_iter()
        .next()
        .ok_or_else(|| Fault::internal("no key where there must be one"))
}

/// The fault where the keys of backups cannot be had.
pub(super) fn locked(fault: &KeyFault) -> Fault {
    Fault::new(&faults::BACKUP_LOCKED, format!("the key of backups cannot be had: {fault}"))
}

/// Digests and syncs everything and writes the manifest.
fn take(mut manifest: Manifest, content: &Path) -> io::Result<Manifest> {
    manifest.files = take_stock(content)?;
    let mut file = File::create(content.join(MANIFEST))?;
    serde_json::to_writer_pretty(&mut file, &manifest)?;
    file.sync_all()?;
    sync_folder(content)?;
    Ok(manifest)
}

/// The same, and gives the backup its name.
fn finish(manifest: Manifest, part: &Path, whole: &Path, folder: &Path) -> io::Result<Manifest> {
    let manifest = take(manifest, part)?;
    fs::rename(part, whole)?;
    sync_folder(folder)?;
    Ok(manifest)
}
