//! What finds texts that mean alike: the index of vectors, and the embedder where it is one of our own.

use std::path::Path;
use std::sync::Arc;

use super::unusable_by;
use crate::adapter::embedder::local::LocalEmbedder;
use crate::adapter::vectors::EmbeddedVectors;
use crate::capability::platform::Services;
use crate::config::Config;
use crate::config::embeddings::Named;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::tasks;
use crate::port::embedder::{Embedder, OwnEmbedder};
use crate::port::vectors::Index;

/// Adds the index in the data folder, and the embedder that the configuration names a folder for.
pub(super) async fn add(services: Services, config: &Config, data: &Path) -> Result<Services, Fault> {
    let folder = data.join("vectors");
    let place = folder.clone();
    let opened = tasks::blocking(move || EmbeddedVectors::open(&place)).await;
    let opened = opened.ok_or_else(|| Fault::internal("the index of vectors could not be opened"))?;
    let index = Index(Arc::new(opened.map_err(|fault| unusable_by(&folder, fault))?));
    Ok(services.with(Arc::new(index)).with(Arc::new(OwnEmbedder(embedder(config, data).await?))))
}

/// The embedder of our own; `None` where another is named, or none.
async fn embedder(config: &Config, data: &Path) -> Result<Option<Arc<dyn Embedder>>, Fault> {
    let Some(Named::Local(folder)) = config.embeddings.named() else { return Ok(None) };
    // A relative path is one of the data folder, wherever the program was started.
    let folder = data.join(folder);
    let opened = tasks::blocking(move || LocalEmbedder::open(&folder)).await;
    let opened = opened.ok_or_else(|| Fault::internal("the embedder could not be opened"))?;
    let wrong = |fault| Fault::new(&codes::BAD_CONFIGURATION, format!("embeddings.folder cannot be used: {fault}"));
    Ok(Some(Arc::new(opened.map_err(wrong)?)))
}
