//! Blobs in an object store: `blobs/<tenant>/<first two digits>/<digest>`, whole or not there at all. Several instances may
//! share the place. A blob that is removed is first written once more among what is gone, where copies that are being made still
//! find it, whichever instance makes them; what has been gone for a day goes for good.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::time::Instant;

use crate::adapter::blob_files::{digest_of, is_digest, kept, make_parent, place_of, sync_names};
use crate::kernel::clock::Clock;
use crate::kernel::id::TenantId;
use crate::kernel::seal::sha256_hex;
use crate::port::blobs::{BlobInfo, Blobs, Held};
use crate::port::objects::Objects;
use crate::port::store::StoreFault;

/// Where blobs are.
const KEPT: &str = "blobs";
/// Where those are that were removed.
const GONE: &str = "gone";
/// So long a removed blob stays where copies find it: no copy takes longer to be made.
const STAYS: Duration = Duration::from_hours(24);
/// After so many removals it is looked for those that have been gone for long enough.
const SWEEP_AFTER: usize = 200;
/// Objects on their way at once.
const AT_ONCE: usize = 8;
/// How long a look at the place may take.
const CHECK: Duration = Duration::from_secs(5);
/// So long a look that found all well counts.
const GOOD_FOR: Duration = Duration::from_secs(3);

/// Keeps blobs in an object store.
pub struct ObjectBlobs {
    objects: Arc<dyn Objects>,
    clock: Arc<dyn Clock>,
    holders: Arc<AtomicUsize>,
    removed: AtomicUsize,
    /// Until when a look that found all well counts.
    well: Mutex<Option<Instant>>,
}

/// While it lives, copies take in what is gone.
struct Hold(Arc<AtomicUsize>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A blob among the objects of a folder.
struct Found {
    tenant: TenantId,
    digest: String,
    name: String,
}

impl ObjectBlobs {
    /// Blobs in a place.
    #[must_use]
    pub fn new(objects: Arc<dyn Objects>, clock: Arc<dyn Clock>) -> Self {
        Self { objects, clock, holders: Arc::default(), removed: AtomicUsize::new(0), well: Mutex::default() }
    }

    fn well_until(&self) -> Option<Instant> {
        *self.well.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All blobs in a folder. What does not look like one is not ours and is left alone.
    async fn list(&self, folder: &str) -> Result<Vec<Found>, StoreFault> {
        let listed = self.objects.list(folder).await?;
        let found = listed.into_iter().filter_map(|object| {
            let mut parts = object.name.strip_prefix(folder)?.strip_prefix('/')?.split('/');
            let (tenant, digest) = (parts.next()?.parse::<TenantId>().ok()?, parts.nth(1)?.to_owned());
            let fits = name_of(folder, tenant, &digest).as_ref() == Some(&object.name);
            fits.then_some(Found { tenant, digest, name: object.name })
        });
        Ok(found.collect())
    }

    /// Removes for good what has been gone for long enough.
    async fn sweep(&self) -> Result<(), StoreFault> {
        let now = self.clock.now();
        for object in self.objects.list(GONE).await? {
            if now.since(object.written_at) > STAYS {
                self.objects.remove(&object.name).await?;
            }
        }
        Ok(())
    }

    async fn sweep_if_it_can(&self) {
        if let Err(fault) = self.sweep().await {
            // It takes up room and is named by nothing.
            tracing::warn!(%fault, "blobs that were removed long ago are left");
        }
    }
}

#[async_trait]
impl Blobs for ObjectBlobs {
    async fn put(&self, tenant: TenantId, bytes: Bytes) -> Result<BlobInfo, StoreFault> {
        let digest = sha256_hex(&bytes);
        let size_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let Some(name) = name_of(KEPT, tenant, &digest) else {
            return Err(StoreFault::Broken(format!("'{digest}' is not a digest")));
        };
        // Of the right size and under its digest: it appeared when it was whole.
        if self.objects.size(&name).await? != Some(size_bytes) {
            self.objects.put(&name, bytes).await?;
        }
        Ok(BlobInfo { digest, size_bytes })
    }

    async fn put_file(&self, tenant: TenantId, head: &'static [u8], file: &Path) -> Result<BlobInfo, StoreFault> {
        let path = file.to_owned();
        // Read for its name first, and once more to be sent: neither takes more memory for a larger file.
        let (digest, size_bytes) = blocking(move || digest_of(head, &path)).await?;
        self.keep_file(tenant, BlobInfo { digest, size_bytes }, head, file).await
    }

    async fn get(&self, tenant: TenantId, digest: &str) -> Result<Option<Bytes>, StoreFault> {
        let Some(name) = name_of(KEPT, tenant, digest) else { return Ok(None) };
        let Some(bytes) = self.objects.get(&name).await? else { return Ok(None) };
        // Others may write there, too.
        if sha256_hex(&bytes) != digest {
            return Err(damaged(&name));
        }
        Ok(Some(bytes))
    }

    async fn remove(&self, tenant: TenantId, digest: &str) -> Result<bool, StoreFault> {
        let (Some(name), Some(gone)) = (name_of(KEPT, tenant, digest), name_of(GONE, tenant, digest)) else {
            return Ok(false);
        };
        if !self.objects.copy(&name, &gone).await? {
            return Ok(false);
        }
        self.objects.remove(&name).await?;
        if self.removed.fetch_add(1, Ordering::Relaxed) % SWEEP_AFTER == SWEEP_AFTER - 1 {
            self.sweep_if_it_can().await;
        }
        Ok(true)
    }

    fn hold(&self) -> Held {
        self.holders.fetch_add(1, Ordering::AcqRel);
        Box::new(Hold(self.holders.clone()))
    }

    fn place(&self) -> String {
        self.objects.place()
    }

    async fn check(&self) -> Result<(), StoreFault> {
        // Whoever watches the program asks often, and each look outside costs something.
        if self.well_until().is_some_and(|until| Instant::now() < until) {
            return Ok(());
        }
        let silent = || StoreFault::Unavailable(format!("{} does not answer", self.objects.place()));
        let checked = tokio::time::timeout(CHECK, self.objects.check()).await.unwrap_or_else(|_| Err(silent()));
        *self.well.lock().unwrap_or_else(PoisonError::into_inner) = checked.is_ok().then(|| Instant::now() + GOOD_FOR);
        checked
    }

    async fn copy_to(&self, folder: &Path) -> Result<u64, StoreFault> {
        let mut all = self.list(KEPT).await?;
        if self.holders.load(Ordering::Acquire) > 0 {
            // Listed afterwards: what is removed in between is in one list or in both.
            let there: HashSet<(TenantId, String)> = all.iter().map(|one| (one.tenant, one.digest.clone())).collect();
            let gone = self.list(GONE).await?;
            all.extend(gone.into_iter().filter(|one| !there.contains(&(one.tenant, one.digest.clone()))));
        }
        let copied = futures::stream::iter(all)
            .map(|found| self.copy_one(found, folder))
            .buffer_unordered(AT_ONCE)
            .try_fold(0, async |sum, one| Ok(sum + one))
            .await?;
        self.sweep_if_it_can().await;
        Ok(copied)
    }

    async fn restore_from(&self, folder: &Path) -> Result<u64, StoreFault> {
        let source = folder.to_owned();
        // Looked through first, so that a damaged copy changes nothing.
        let all = blocking(move || {
            let mut checked = Vec::new();
            for (tenant, digest, path) in kept(&source)? {
                let (found, size_bytes) = digest_of(b"", &path)?;
                if found != digest {
                    return Err(StoreFault::Broken(format!("{} does not hold what its name says", path.display())));
                }
                checked.push((tenant, BlobInfo { digest, size_bytes }, path));
            }
            Ok(checked)
        })
        .await?;
        futures::stream::iter(all)
            .map(|(tenant, info, path)| async move { self.keep_file(tenant, info, b"", &path).await.map(|_| 1) })
            .buffer_unordered(AT_ONCE)
            .try_fold(0, async |sum, one| Ok(sum + one))
            .await
    }
}

impl ObjectBlobs {
    /// Writes one blob into the folder of a copy. Answers how many that makes.
    async fn copy_one(&self, found: Found, folder: &Path) -> Result<u64, StoreFault> {
        let Some(file) = place_of(folder, found.tenant, &found.digest) else { return Ok(0) };
        let path = file.clone();
        blocking(move || make_parent(&path)).await?;
        let mut is_there = self.objects.get_file(&found.name, &file).await?;
        if !is_there {
            // Removed since it was listed: while a copy is held it lies among what is gone.
            let gone = name_of(GONE, found.tenant, &found.digest).filter(|_| self.holders.load(Ordering::Acquire) > 0);
            is_there = match gone {
                Some(gone) => self.objects.get_file(&gone, &file).await?,
                None => false,
            };
        }
        if !is_there {
            return Ok(0);
        }
        let path = file.clone();
        let (digest, _) = blocking(move || digest_of(b"", &path)).await?;
        if digest != found.digest {
            return Err(damaged(&found.name));
        }
        blocking(move || sync_names(&file)).await?;
        Ok(1)
    }

    /// Sends a file under its digest, where it is not there yet.
    async fn keep_file(
        &self,
        tenant: TenantId,
        info: BlobInfo,
        head: &'static [u8],
        file: &Path,
    ) -> Result<BlobInfo, StoreFault> {
        let Some(name) = name_of(KEPT, tenant, &info.digest) else {
            return Err(StoreFault::Broken(format!("'{}' is not a digest", info.digest)));
        };
        if self.objects.size(&name).await? != Some(info.size_bytes) {
            self.objects.put_file(&name, head, file).await?;
        }
        Ok(info)
    }
}

/// The name of a blob; `None` for what is not the digest of one, and might be a path.
fn name_of(folder: &str, tenant: TenantId, digest: &str) -> Option<String> {
    is_digest(digest).then(|| format!("{folder}/{tenant}/{}/{digest}", &digest[..2]))
}

fn damaged(name: &str) -> StoreFault {
    StoreFault::Broken(format!("the object {name} does not hold what its name says"))
}

/// Runs what waits for the disk on a thread that nobody else waits for.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreFault> + Send + 'static,
) -> Result<T, StoreFault> {
    let work: Box<dyn FnOnce() -> Result<T, StoreFault> + Send> = Box::new(work);
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| StoreFault::Broken(format!("work on a blob ended early: {error}")))?
}
