//! Objects: bytes by name in a place outside, such as a bucket of S3. An object appears whole or not at all.

use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;

use super::store::StoreFault;
use crate::kernel::time::Timestamp;

/// An object as a list tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name within the place.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// When it was written, by the clock of who keeps it.
    pub written_at: Timestamp,
}

/// Why a place cannot be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// It answers and refuses: the bucket or the credentials are wrong.
    Refused(String),
    /// It does not answer, or does not work.
    Unreachable(String),
}

/// A place that keeps objects.
#[async_trait]
pub trait Objects: Send + Sync {
    /// The place, for people; nothing secret is in it.
    fn place(&self) -> String;

    /// Writes an object, in place of one of the same name.
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), StoreFault>;

    /// Writes an object unless there is one of that name; false where there is, which stays as it is.
    async fn put_new(&self, name: &str, bytes: Bytes) -> Result<bool, StoreFault>;

    /// Writes an object with a head and what is in a file behind it, however large: it is sent in parts and never held in memory as a whole.
    async fn put_file(&self, name: &str, head: &'static [u8], file: &Path) -> Result<(), StoreFault>;

    /// The bytes of an object, `None` where there is none.
    async fn get(&self, name: &str) -> Result<Option<Bytes>, StoreFault>;

    /// The first bytes of an object, at most so many; `None` where there is none.
    async fn get_first(&self, name: &str, most: u64) -> Result<Option<Bytes>, StoreFault>;

    /// Writes an object into a new file, and syncs it; false where there is none.
    async fn get_file(&self, name: &str, file: &Path) -> Result<bool, StoreFault>;

    /// The size of an object, `None` where there is none.
    async fn size(&self, name: &str) -> Result<Option<u64>, StoreFault>;

    /// Writes an object once more under another name; false where there is none.
    async fn copy(&self, from: &str, to: &str) -> Result<bool, StoreFault>;

    /// Removes an object; that there is none is no fault.
    async fn remove(&self, name: &str) -> Result<(), StoreFault>;

    /// All objects in a folder, that is, whose names begin with it and `/`; in the order of their names.
    async fn list(&self, folder: &str) -> Result<Vec<Listed>, StoreFault>;

    /// Whether it answers and knows the credentials; writes nothing.
    async fn check(&self) -> Result<(), StoreFault>;

    /// Whether it can be written to: writes a small object of this name and removes it.
    async fn try_out(&self, name: &str) -> Result<(), Trial>;
}
