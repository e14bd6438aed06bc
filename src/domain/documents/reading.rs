//! From bytes to a document that is read, and from its record to its text.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use super::faults;
use super::model::Document;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::Stored;
use crate::capability::platform::Platform;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::id::TenantId;
use crate::kernel::seal::sha256;
use crate::port::documents::{Documents, Hints, Limits, ParseFault, Parsed};
use crate::port::records::{Document as _, Filter, Scalar, Scope};

/// Blobs that are written and removed at once.
const DOORS: usize = 64;

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

    /// Reads a document within the time of a call.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(&self, cx: &Cx, bytes: Bytes, hints: Hints) -> Result<Parsed, Fault> {
        let limits = Limits::default();
        let time = limits.time.min(cx.time_left().saturating_sub(Duration::from_secs(1)));
        self.documents.parse(bytes, hints, Limits { time, ..limits }).await.map_err(fault)
    }

    /// Lets nobody else of this program write or remove what belongs to a content.
    pub(super) async fn alone(&self, digest: &str) -> Option<OwnedMutexGuard<()>> {
        let door = usize::from(sha256(digest.as_bytes())[0]) % DOORS;
        Some(self.doors.get(door)?.clone().lock_owned().await)
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
    serde_json::from_slice(&bytes).map_err(Fault::internal)
}

/// A blob of a document.
///
/// # Errors
/// When the blobs fail or have lost it.
pub(super) async fn blob(cx: &Cx, document: Uuid, digest: &str) -> Result<Bytes, Fault> {
    let found = cx.platform().blobs.get(cx.tenant(), digest).await.map_err(store_fault)?;
    found.ok_or_else(|| Fault::internal(format!("the blob {digest} of the document {document} is gone")))
}

/// Holds the door to a content until the document is in the store, or is not going to be: who deletes another one of the same content
/// waits so long. A call commits after it has answered, so that this goes on beside it.
pub(super) fn hold_until_written(cx: &Cx, id: Uuid, alone: Option<OwnedMutexGuard<()>>) {
    let (platform, tenant) = (cx.platform().clone(), cx.tenant());
    cx.platform().running().spawn(async move {
        comes_to(&platform, tenant, id, true).await;
        drop(alone);
    });
}

/// Removes the blobs of a document once it is gone from the store, unless another one has the same. Where the call that deletes it
/// does not succeed, nothing is removed; a program that ends in between leaves a file too many, and never one too few.
pub(super) fn remove_once_gone(cx: &Cx, reader: Arc<Reader>, stored: &Stored<Document>) {
    let (platform, tenant, id) = (cx.platform().clone(), cx.tenant(), stored.id);
    let Document { digest, text_digest, .. } = stored.value.clone();
    cx.platform().running().spawn(async move {
        if !comes_to(&platform, tenant, id, false).await {
            return;
        }
        let _alone = reader.alone(&digest).await;
        for (field, digest) in [("digest", &digest), ("textDigest", &text_digest)] {
            let filter = Filter::is(field, Scalar::Text(digest.clone()));
            let removed = match platform.store.count(Scope::Tenant(tenant), Document::KIND, filter).await {
                Ok(0) => platform.blobs.remove(tenant, digest).await.map(|_| ()),
                Ok(_) => Ok(()),
                Err(fault) => Err(fault),
            };
            if let Err(fault) = removed {
                tracing::warn!(%digest, %fault, "the file of a deleted document stays");
            }
        }
    });
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
