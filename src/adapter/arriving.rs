//! Files that arrive, in a folder: written as they come, and removed when nobody uses them any more. What an earlier run left goes when the
//! folder is opened.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::adapter::blob_files::{children, fault, make_folder};
use crate::kernel::tasks::blocking;
use crate::port::arriving::{Arrival, Arrived, Arriving};
use crate::port::store::StoreFault;

/// Files that are there at once: each may be large.
const AT_ONCE: usize = 16;
/// So much is written at once.
const PORTION: usize = 256 << 10;

/// Takes files in.
pub struct FolderArriving {
    folder: PathBuf,
    count: AtomicU64,
    room: Arc<Semaphore>,
}

impl FolderArriving {
    /// Opens a folder, making it when it is not there, and drops what an earlier run left. One process owns the folder at a time.
    pub fn open(folder: PathBuf) -> Result<Self, StoreFault> {
        make_folder(&folder).map_err(|error| fault(&folder, &error))?;
        for left in children(&folder)? {
            fs::remove_file(&left).map_err(|error| fault(&left, &error))?;
        }
        Ok(Self { folder, count: AtomicU64::new(0), room: Arc::new(Semaphore::new(AT_ONCE)) })
    }
}

/// A file that goes when this does.
struct Place {
    path: PathBuf,
    _room: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            // The next start drops it.
            tracing::warn!(path = %self.path.display(), %error, "a file that arrived is left");
        }
    }
}

#[async_trait]
impl Arriving for FolderArriving {
    async fn begin(&self, media_type: Option<String>) -> Result<Box<dyn Arrival>, StoreFault> {
        let full = |_| StoreFault::Unavailable(format!("{AT_ONCE} files arrive already"));
        let room = self.room.clone().try_acquire_owned().map_err(full)?;
        let path = self.folder.join(self.count.fetch_add(1, Ordering::Relaxed).to_string());
        let made = path.clone();
        let open = move || {
            let mut options = fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            options.open(&made).map_err(|error| fault(&made, &error))
        };
        let file = blocking(open).await.unwrap_or_else(|| Err(ended_early()))?;
        let writing = Writing { file, hasher: Sha256::new(), size_bytes: 0 };
        let place = Place { path, _room: room };
        Ok(Box::new(Coming { writing: Some(writing), waiting: BytesMut::new(), place, media_type }))
    }
}

/// What is written of a file.
struct Writing {
    file: File,
    hasher: Sha256,
    size_bytes: u64,
}

struct Coming {
    /// Absent once writing failed.
    writing: Option<Writing>,
    waiting: BytesMut,
    place: Place,
    media_type: Option<String>,
}

impl Coming {
    async fn write(&mut self) -> Result<(), StoreFault> {
        let Some(mut writing) = self.writing.take() else { return Err(ended_early()) };
        let bytes = self.waiting.split().freeze();
        let path = self.place.path.clone();
        let write = move || {
            writing.file.write_all(&bytes).map_err(|error| fault(&path, &error))?;
            writing.hasher.update(&bytes);
            writing.size_bytes += bytes.len() as u64;
            Ok(writing)
        };
        self.writing = Some(blocking(write).await.unwrap_or_else(|| Err(ended_early()))?);
        Ok(())
    }
}

#[async_trait]
impl Arrival for Coming {
    async fn take(&mut self, bytes: Bytes) -> Result<(), StoreFault> {
        self.waiting.extend_from_slice(&bytes);
        if self.waiting.len() >= PORTION { self.write().await } else { Ok(()) }
    }

    async fn end(mut self: Box<Self>) -> Result<Arc<dyn Arrived>, StoreFault> {
        self.write().await?;
        let Self { writing, place, media_type, .. } = *self;
        let Some(Writing { hasher, size_bytes, .. }) = writing else { return Err(ended_early()) };
        Ok(Arc::new(Whole { place, digest: hex(hasher), size_bytes, media_type }))
    }
}

struct Whole {
    place: Place,
    digest: String,
    size_bytes: u64,
    media_type: Option<String>,
}

#[async_trait]
impl Arrived for Whole {
    fn path(&self) -> &Path {
        &self.place.path
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn media_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    async fn digest_below(&self, head: &'static [u8]) -> Result<String, StoreFault> {
        let path = self.place.path.clone();
        let reading = move || {
            let mut hasher = Sha256::new();
            hasher.update(head);
            each_piece(&path, |piece| {
                hasher.update(piece);
                Ok(())
            })
            .map_err(|error| fault(&path, &error))?;
            Ok(hex(hasher))
        };
        blocking(reading).await.unwrap_or_else(|| Err(ended_early()))
    }
}

/// Reads a file piece by piece.
pub(super) fn each_piece(path: &Path, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; 64 << 10];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => each(piece.get(..read).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A digest in lower-case hex.
pub(super) fn hex(hasher: Sha256) -> String {
    hasher.finalize().iter().fold(String::new(), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
        text
    })
}

fn ended_early() -> StoreFault {
    StoreFault::Broken("work on a file that arrives ended early".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::seal::sha256_hex;

    fn files(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[tokio::test]
    async fn a_file_is_there_as_long_as_somebody_uses_it() {
        let folder = tempfile::tempdir().unwrap();
        let arriving = FolderArriving::open(folder.path().to_owned()).unwrap();
        let mut arrival = arriving.begin(Some("text/plain".to_owned())).await.unwrap();
        let piece = Bytes::from(vec![b'a'; 100_000]);
        for _ in 0..5 {
            arrival.take(piece.clone()).await.unwrap();
        }
        let whole = vec![b'a'; 500_000];
        let arrived = arrival.end().await.unwrap();
        assert_eq!((arrived.size_bytes(), arrived.digest()), (500_000, sha256_hex(&whole).as_str()));
        assert_eq!(fs::read(arrived.path()).unwrap(), whole);
        assert_eq!(arrived.digest_below(b"head").await.unwrap(), sha256_hex(&[b"head", whole.as_slice()].concat()));
        let again = arrived.clone();
        drop(arrived);
        assert_eq!(files(folder.path()), 1);
        drop(again);
        assert_eq!(files(folder.path()), 0);
    }

    #[tokio::test]
    async fn what_breaks_off_or_an_earlier_run_left_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("7"), "left").unwrap();
        let arriving = FolderArriving::open(folder.path().to_owned()).unwrap();
        assert_eq!(files(folder.path()), 0);
        let mut arrival = arriving.begin(None).await.unwrap();
        arrival.take(Bytes::from(vec![1; PORTION])).await.unwrap();
        assert_eq!(files(folder.path()), 1);
        drop(arrival);
        assert_eq!(files(folder.path()), 0);
    }

    #[tokio::test]
    async fn so_many_arrive_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let arriving = FolderArriving::open(folder.path().to_owned()).unwrap();
        let mut all = Vec::new();
        for _ in 0..AT_ONCE {
            all.push(arriving.begin(None).await.unwrap());
        }
        assert!(matches!(arriving.begin(None).await, Err(StoreFault::Unavailable(_))));
        all.pop();
        assert!(arriving.begin(None).await.is_ok());
    }
}
