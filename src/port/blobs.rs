//! Blobs: large bytes by name, kept beside the records.

use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;

use super::store::StoreFault;
use crate::kernel::id::TenantId;

/// A blob's size and digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its name: the SHA-256 of its content in hex.
    pub digest: String,
    /// Its size.
    pub size_bytes: u64,
}

/// As long as this lives, no blob leaves the place where it lies.
pub type Held = Box<dyn std::any::Any + Send + Sync>;

/// Keeps blobs by the digest of their content, apart for each tenant.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Keeps the bytes; on disk when it returns. Bytes kept before are kept once.
    async fn put(&self, tenant: TenantId, bytes: Bytes) -> Result<BlobInfo, StoreFault>;

    /// Keeps a head and the content of a file behind it as one blob, as `put` does. However large the file is, little of it is in memory at a time.
    async fn put_file(&self, tenant: TenantId, head: &'static [u8], file: &Path) -> Result<BlobInfo, StoreFault>;

    /// The bytes of a digest, `None` when the tenant has none.
    async fn get(&self, tenant: TenantId, digest: &str) -> Result<Option<Bytes>, StoreFault>;

    /// Removes one; true when it was there.
    async fn remove(&self, tenant: TenantId, digest: &str) -> Result<bool, StoreFault>;

    /// Puts off removing until what it answers is dropped: a blob that is removed meanwhile is gone for whoever reads, and
    /// still in a copy. Held from before the records are copied, so that no copy of them names a blob that its copy lacks.
    fn hold(&self) -> Held;

    /// Where they are, for people; nothing secret is in it.
    fn place(&self) -> String;

    /// Whether they can be read and written; a fault where the place is gone.
    async fn check(&self) -> Result<(), StoreFault>;

    /// Copies all of them into a folder.
    async fn copy_to(&self, folder: &Path) -> Result<u64, StoreFault>;

    /// Takes in all blobs of a folder that `copy_to` filled, checking each digest.
    async fn restore_from(&self, folder: &Path) -> Result<u64, StoreFault>;
}
