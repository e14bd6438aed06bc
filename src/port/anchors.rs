//! Anchors: places outside the store that keep checkpoints of the audit log, so that a store that was rewritten or put back is
//! told from the one that there was.

use async_trait::async_trait;

use super::store::StoreFault;

/// Keeps checkpoints.
#[async_trait]
pub trait Anchor: Send + Sync {
    /// What it is, for people: its kind and its place.
    fn name(&self) -> String;

    /// Keeps a checkpoint: a signed note. It is kept when this returns.
    async fn keep(&self, note: &str) -> Result<(), StoreFault>;

    /// All checkpoints that it keeps, oldest first; `None` where it takes checkpoints and gives none back.
    async fn kept(&self) -> Result<Option<Vec<String>>, StoreFault>;
}
