//! Files that arrive: taken in piece by piece, never held in memory as a whole, and gone when nobody uses them any more.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::store::StoreFault;

/// The service that takes files in.
pub struct ArrivingFiles(pub Arc<dyn Arriving>);

/// Takes files in.
#[async_trait]
pub trait Arriving: Send + Sync {
    /// Begins to take one in; of what media type whoever sends it says it is. Refused while many others arrive.
    async fn begin(&self, media_type: Option<String>) -> Result<Box<dyn Arrival>, StoreFault>;
}

/// A file that is arriving. Dropped before its end it leaves nothing.
#[async_trait]
pub trait Arrival: Send {
    /// Takes the next piece.
    async fn take(&mut self, bytes: Bytes) -> Result<(), StoreFault>;

    /// It has come in whole.
    async fn end(self: Box<Self>) -> Result<Arc<dyn Arrived>, StoreFault>;
}

/// A file that has arrived. It is there as long as this lives.
#[async_trait]
pub trait Arrived: Send + Sync {
    /// Where it lies.
    fn path(&self) -> &Path;

    /// Its size.
    fn size_bytes(&self) -> u64;

    /// The SHA-256 of its content, in hex.
    fn digest(&self) -> &str;

    /// Of what media type whoever sent it said it is.
    fn media_type(&self) -> Option<&str>;

    /// The SHA-256 of a head and the content behind it, in hex.
    async fn digest_below(&self, head: &'static [u8]) -> Result<String, StoreFault>;
}
