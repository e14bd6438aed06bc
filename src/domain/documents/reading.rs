//! From bytes to a document that is read, and from its record to its text.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use super::faults;
use super::model::Document;
use crate::capability::cx::{Cx, store_fault};
use crate::capability::owned::Stored;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::seal::sha256;
use crate::port::documents::{Documents, Hints, Limits, ParseFault, Parsed};

/// Blobs that are written and removed at once.
const DOORS: usize = 64;

/// Reads documents, and sees to it that a blob is not removed while somebody else begins to use it.
pub struct Reader {
    documents: Arc<dyn Documents>,
    doors: Vec<Mutex<()>>,
}

impl Reader {
    /// Reads by these means.
    #[must_use]
    pub fn new(documents: Arc<dyn Documents>) -> Self {
        Self { documents, doors: (0..DOORS).map(|_| Mutex::new(())).collect() }
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
    pub(super) async fn alone(&self, digest: &str) -> Option<MutexGuard<'_, ()>> {
        let door = usize::from(sha256(digest.as_bytes())[0]) % DOORS;
        Some(self.doors.get(door)?.lock().await)
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
