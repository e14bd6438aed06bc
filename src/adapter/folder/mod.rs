//! Blobs in a folder: `<tenant>/<first two digits>/<digest>`. A blob is written under another name, synced and renamed,
//! so that what stands under its digest is always whole.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::adapter::arriving::{each_piece, hex};
use crate::adapter::blob_files::{
    children, digest_of, fault, kept, make_folder, make_parent, place_of, sync_names, sync_parent, write_synced,
};
use crate::kernel::id::TenantId;
use crate::kernel::seal::sha256_hex;
use crate::kernel::tasks;
use crate::port::blobs::{BlobInfo, Blobs, Held};
use crate::port::store::StoreFault;

/// Where blobs are written before they get their names.
const INCOMING: &str = "incoming";

/// Keeps blobs in a folder.
pub struct FolderBlobs {
    place: Arc<Place>,
}

struct Place {
    folder: PathBuf,
    written: AtomicU64,
    removals: Mutex<Removals>,
}

/// What was removed while a copy is made: it is not there any more, and its file still is.
#[derive(Debug, Default)]
struct Removals {
    holders: usize,
    put_off: HashSet<PathBuf>,
}

/// Puts removals off; the last one to go makes them.
struct Hold(Arc<Place>);

impl Drop for Hold {
    fn drop(&mut self) {
        let mut removals = self.0.removals();
        removals.holders -= 1;
        if removals.holders > 0 {
            return;
        }
        for path in removals.put_off.drain() {
            if let Err(fault) = remove_file(&path) {
                // It takes up room and is named by nothing.
                tracing::warn!(%fault, "a blob that was removed while a copy was made is left");
            }
        }
    }
}

impl FolderBlobs {
    /// Opens a folder, making it when it is not there, and drops what an earlier run did not finish writing. One process
    /// owns the folder at a time.
    pub fn open(folder: PathBuf) -> Result<Self, StoreFault> {
        let incoming = folder.join(INCOMING);
        make_folder(&incoming).map_err(|error| fault(&incoming, &error))?;
        for left in children(&incoming)? {
            fs::remove_file(&left).map_err(|error| fault(&left, &error))?;
        }
        Ok(Self { place: Arc::new(Place { folder, written: AtomicU64::new(0), removals: Mutex::default() }) })
    }

    async fn run<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: FnOnce(&Place) -> Result<T, StoreFault> + Send + 'static,
    {
        let place = Arc::clone(&self.place);
        let ended = tasks::blocking(move || work(&place)).await;
        ended.unwrap_or_else(|| Err(StoreFault::Broken("work on a blob ended early".to_owned())))
    }
}

#[async_trait]
impl Blobs for FolderBlobs {
    async fn put(&self, tenant: TenantId, bytes: Bytes) -> Result<BlobInfo, StoreFault> {
        self.run(move |place| place.put(tenant, &bytes)).await
    }

    async fn put_file(&self, tenant: TenantId, head: &'static [u8], file: &Path) -> Result<BlobInfo, StoreFault> {
        let file = file.to_owned();
        self.run(move |place| place.put_file(tenant, head, &file)).await
    }

    async fn get(&self, tenant: TenantId, digest: &str) -> Result<Option<Bytes>, StoreFault> {
        let Some(path) = self.place.path(tenant, digest) else { return Ok(None) };
        self.run(move |place| {
            if place.removals().put_off.contains(&path) {
                return Ok(None);
            }
            match fs::read(&path) {
                Ok(bytes) => Ok(Some(Bytes::from(bytes))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(fault(&path, &error)),
            }
        })
        .await
    }

    async fn remove(&self, tenant: TenantId, digest: &str) -> Result<bool, StoreFault> {
        let Some(path) = self.place.path(tenant, digest) else { return Ok(false) };
        self.run(move |place| {
            let mut removals = place.removals();
            if removals.holders > 0 {
                return Ok(path.is_file() && removals.put_off.insert(path));
            }
            drop(removals);
            remove_file(&path)
        })
        .await
    }

    fn hold(&self) -> Held {
        self.place.removals().holders += 1;
        Box::new(Hold(Arc::clone(&self.place)))
    }

    fn place(&self) -> String {
        format!("folder {}", self.place.folder.display())
    }

    async fn check(&self) -> Result<(), StoreFault> {
        self.run(|place| {
            let incoming = place.folder.join(INCOMING);
            let found = fs::metadata(&incoming).map_err(|error| fault(&incoming, &error))?;
            if found.is_dir() && !found.permissions().readonly() {
                return Ok(());
            }
            Err(StoreFault::Unavailable(format!("{} is no folder that can be written to", incoming.display())))
        })
        .await
    }

    async fn copy_to(&self, folder: &Path) -> Result<u64, StoreFault> {
        let target = folder.to_owned();
        self.run(move |place| {
            let mut copied = 0;
            for (tenant, digest, path) in kept(&place.folder)? {
                let bytes = match fs::read(&path) {
                    Ok(bytes) => bytes,
                    // Removed since it was listed.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(fault(&path, &error)),
                };
                let Some(copy) = place_of(&target, tenant, &digest) else { continue };
                make_parent(&copy)?;
                write_synced(&copy, &bytes)?;
                sync_names(&copy)?;
                copied += 1;
            }
            Ok(copied)
        })
        .await
    }

    async fn restore_from(&self, folder: &Path) -> Result<u64, StoreFault> {
        let source = folder.to_owned();
        self.run(move |place| {
            let all = kept(&source)?;
            // Looked through first, so that a damaged copy changes nothing.
            for (_, digest, path) in &all {
                if digest_of(b"", path)?.0 != *digest {
                    return Err(StoreFault::Broken(format!("{} does not hold what its name says", path.display())));
                }
            }
            for (tenant, _, path) in &all {
                place.put_file(*tenant, b"", path)?;
            }
            Ok(u64::try_from(all.len()).unwrap_or(u64::MAX))
        })
        .await
    }
}

impl Place {
    fn removals(&self) -> MutexGuard<'_, Removals> {
        self.removals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, tenant: TenantId, digest: &str) -> Option<PathBuf> {
        place_of(&self.folder, tenant, digest)
    }

    /// Copied piece by piece: its name is known when it is whole.
    fn put_file(&self, tenant: TenantId, head: &[u8], file: &Path) -> Result<BlobInfo, StoreFault> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let incoming = self.folder.join(INCOMING).join(format!("file-{number}"));
        let kept = Self::copied(head, file, &incoming).and_then(|info| {
            let Some(path) = self.path(tenant, &info.digest) else {
                return Err(StoreFault::Broken(format!("'{}' is not a digest", info.digest)));
            };
            self.removals().put_off.remove(&path);
            make_parent(&path)?;
            // What is there under the name is the same.
            fs::rename(&incoming, &path).map_err(|error| fault(&path, &error))?;
            sync_names(&path).map(|()| info)
        });
        if kept.is_err() {
            let _ = fs::remove_file(&incoming);
        }
        kept
    }

    fn copied(head: &[u8], file: &Path, to: &Path) -> Result<BlobInfo, StoreFault> {
        write_synced(to, head)?;
        let mut hasher = Sha256::new();
        hasher.update(head);
        let mut size_bytes = head.len() as u64;
        let mut copy = || {
            let mut copy = fs::OpenOptions::new().append(true).open(to)?;
            each_piece(file, |piece| {
                hasher.update(piece);
                size_bytes += piece.len() as u64;
                copy.write_all(piece)
            })?;
            copy.sync_all()
        };
        copy().map_err(|error| fault(to, &error))?;
        Ok(BlobInfo { digest: hex(hasher), size_bytes })
    }

    fn put(&self, tenant: TenantId, bytes: &[u8]) -> Result<BlobInfo, StoreFault> {
        let digest = sha256_hex(bytes);
        let size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let info = BlobInfo { digest: digest.clone(), size_bytes };
        let Some(path) = self.path(tenant, &digest) else {
            return Err(StoreFault::Broken(format!("'{digest}' is not a digest")));
        };
        self.removals().put_off.remove(&path);
        // Of the right size and under its digest: it was renamed to it when it was whole. Whoever did that may not have made the
        // name durable yet.
        if fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() == size_bytes) {
            return sync_names(&path).map(|()| info);
        }
        make_parent(&path)?;
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let incoming = self.folder.join(INCOMING).join(format!("{digest}-{number}"));
        let written = write_synced(&incoming, bytes)
            .and_then(|()| fs::rename(&incoming, &path).map_err(|error| fault(&path, &error)))
            .and_then(|()| sync_names(&path));
        if written.is_err() {
            // Room for others; the next opening would drop it, too.
            let _ = fs::remove_file(&incoming);
        }
        written.map(|()| info)
    }
}

fn remove_file(path: &Path) -> Result<bool, StoreFault> {
    match fs::remove_file(path) {
        Ok(()) => sync_parent(path).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(fault(path, &error)),
    }
}
