//! From bytes to a document that is read, and from its record to its text.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use super::faults;
use super::model::{Document, FILE, TEXT};
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::seal::sha256;
use crate::kernel::tasks::{blocking, spawn};
use crate::port::documents::{Documents, Hints, Limits, ParseFault, Parsed, Source};
use crate::port::records::{Document as _, Filter, Scalar, Scope};

/// Blobs that are written and removed at once.
const DOORS: usize = 64;
/// After so long nobody commits a call any more.
const SLOW: Duration = Duration::from_secs(120);
/// At once, and once more: what was cut off may still be written for a while.
const AT_ONCE: &[Duration] = &[Duration::ZERO, SLOW];

/// Doors that are held.
pub(super) type Alone = Vec<OwnedMutexGuard<()>>;

/// Reads documents, and sees to it that a blob is not removed while somebody else begins to use it.
pub struct Reader {
    documents: Arc<dyn Documents>,
    doors: Vec<Arc<Mutex<()>>>,
}

impl Reader {
    /// Reads by these means.
    #[must_use]
    pub fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents, doors: (0..DOORS).map(|_| Arc::default()).collect() }
    }

    /// Reads a document within the time of a call. A second is kept for telling what came of it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&self, cx: &Cx, source: impl Into<Source>, hints: Hints) -> Result<Parsed, Fault> {
        let patience = cx.time_left().saturating_sub(Duration::from_secs(1));
        self.documents.parse(source.into(), hints, Limits { patience, ..Limits::default() }).await.map_err(fault)
    }

    /// Lets nobody else of this program write or remove what belongs to a file or to what was read of it: two files can have one
    /// text. The doors are always taken in the same order, so that nobody waits for somebody who waits for him.
    pub(super) async fn alone(&self, digests: [&str; 2]) -> Alone {
        let mut doors = digests.map(|digest| usize::from(sha256(digest.as_bytes())[0]) % DOORS).to_vec();
        doors.sort_unstable();
        doors.dedup();
        let mut alone = Vec::new();
        for door in doors.into_iter().filter_map(|door| self.doors.get(door)) {
            alone.push(door.clone().lock_owned().await);
        }
        alone
    }
}

/// The fault as the caller learns it.
fn fault(fault: ParseFault) -> Fault {
    match fault {
        ParseFault::TooLarge(why) => Fault::new(&faults::TOO_LARGE, format!("the document is too large: {why}")),
        ParseFault::Unknown(why) => Fault::new(&faults::TYPE_UNKNOWN, format!("the file is not read: {why}")),
        ParseFault::Unreadable(why) => Fault::new(&faults::UNREADABLE, format!("the document cannot be read: {why}")),
        ParseFault::Encrypted => Fault::new(&faults::ENCRYPTED, "the document is encrypted"),
        ParseFault::TimedOut(time) => Fault::new(
            &faults::TIMED_OUT,
            format!("reading the document took longer than {} seconds and was stopped", time.as_secs()),
        ),
        ParseFault::Unavailable(why) => Fault::new(&codes::UNAVAILABLE, "documents cannot be read now").caused_by(why),
    }
}

/// What was read of a document.
///
/// # Errors
/// When the blobs fail or have lost it.
pub(super) async fn text_of(cx: &Cx, document: &Stored<Document>) -> Result<Parsed, Fault> {
    let bytes = blob(cx, document.id, &document.value.text_digest).await?;
    aside(move || serde_json::from_slice(bytes.strip_prefix(TEXT).unwrap_or(&bytes)).map_err(Fault::internal)).await?
}

/// The file of a document.
///
/// # Errors
/// When the blobs fail or have lost it.
pub(super) async fn file_of(cx: &Cx, document: &Stored<Document>) -> Result<Bytes, Fault> {
    let bytes = blob(cx, document.id, document.value.file.as_deref().unwrap_or(&document.value.digest)).await?;
    Ok(if bytes.starts_with(FILE) { bytes.slice(FILE.len()..) } else { bytes })
}

/// Does what takes long with a large text where nobody else waits for it.
///
/// # Errors
/// When it broke down.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    blocking(work).await.ok_or_else(|| Fault::internal("work with a document's text broke down"))
}

async fn blob(cx: &Cx, document: Uuid, digest: &str) -> Result<Bytes, Fault> {
    let found = cx.platform().blobs.get(cx.tenant(), digest).await.map_err(store_fault)?;
    found.ok_or_else(|| Fault::internal(format!("the blob {digest} of the document {document} is gone")))
}

/// A document that is being kept, behind its doors. Where the call ends before it is written, in whatever way, its blobs go again.
pub(super) struct Keeping {
    platform: Arc<Platform>,
    tenant: TenantId,
    reader: Arc<Reader>,
    document: Document,
    alone: Alone,
    /// When the blobs go, counted from the end.
    go_after: &'static [Duration],
}

impl Keeping {
    /// Before the first blob is written.
    pub(super) fn begin(cx: &Cx, reader: Arc<Reader>, document: Document, alone: Alone) -> Self {
        Self { platform: cx.platform().clone(), tenant: cx.tenant(), reader, document, alone, go_after: AT_ONCE }
    }

    /// Everything is written but the record, under this id. Holds the doors until it is in the store, or is not going to be: who deletes
    /// another one of the same content waits so long. A call commits after it has answered, so that this goes on beside it.
    pub(super) fn until_written(self, cx: &Cx, id: Uuid) {
        cx.platform().running().spawn(async move {
            let mut keeping = self;
            // A store that is slow may still write it.
            keeping.go_after = &[SLOW];
            if comes_to(&keeping.platform, keeping.tenant, id, true).await {
                keeping.go_after = &[];
            }
            drop(keeping);
        });
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        drop(std::mem::take(&mut self.alone));
        let go_after = self.go_after;
        if go_after.is_empty() {
            return;
        }
        let (platform, tenant, reader, document) =
            (self.platform.clone(), self.tenant, self.reader.clone(), self.document.clone());
        // The program does not wait for this when it ends.
        spawn(async move {
            for wait in go_after {
                tokio::time::sleep(*wait).await;
                remove_unnamed(&platform, tenant, &reader, &document).await;
            }
        });
    }
}

/// Removes the blobs of a document once it is gone from the store, unless another one has the same. Where the call that deletes it
/// does not succeed, nothing is removed; a program that ends in between leaves a file too many, and never one too few.
pub(super) fn remove_once_gone(cx: &Cx, reader: Arc<Reader>, stored: &Stored<Document>) {
    let (platform, tenant, id) = (cx.platform().clone(), cx.tenant(), stored.id);
    let document = stored.value.clone();
    cx.platform().running().spawn(async move {
        if comes_to(&platform, tenant, id, false).await {
            remove_unnamed(&platform, tenant, &reader, &document).await;
        }
    });
}

/// Removes the blobs of a document that no document names. Of one whose file is not kept below `FILE` all stay: others may have the same.
pub(super) async fn remove_unnamed(platform: &Platform, tenant: TenantId, reader: &Reader, document: &Document) {
    let Document { digest, text_digest, file: Some(file), .. } = document else { return };
    let _alone = reader.alone([digest, text_digest]).await;
    // The same file is the same blob, and no blob of a file is one of a text: see `FILE`.
    for (field, named, blob) in [("digest", digest, file), ("textDigest", text_digest, text_digest)] {
        let filter = Filter::is(field, Scalar::Text(named.clone()));
        let removed = match platform.store.count(Scope::Tenant(tenant), Document::KIND, filter).await {
            Ok(0) => platform.blobs.remove(tenant, blob).await.map(|_| ()),
            Ok(_) => Ok(()),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = removed {
            tracing::warn!(%blob, %fault, "the file of a deleted document stays");
        }
    }
}

/// Whether a document comes to be in the store, or to be gone from it, within some seconds.
async fn comes_to(platform: &Platform, tenant: TenantId, id: Uuid, be: bool) -> bool {
    for wait in [2, 5, 10, 20, 50, 100, 200, 400, 800, 1600, 3200] {
        tokio::time::sleep(Duration::from_millis(wait)).await;
        let there = platform.store.get(Scope::Tenant(tenant), Document::KIND, id).await;
        if there.is_ok_and(|there| there.is_some() == be) {
            return true;
        }
    }
    false
}
