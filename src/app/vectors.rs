//! What finds texts that mean alike: the index of vectors, and the embedder where it is one of our own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::objects::Reach;
use super::unusable_by;
use crate::adapter::embedder::local::LocalEmbedder;
use crate::adapter::qdrant::{QdrantVectors, Settings};
use crate::adapter::vectors::{ClosedVectors, EmbeddedVectors};
use crate::capability::platform::Services;
use crate::config::Config;
use crate::config::embeddings::Named;
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::kernel::tasks;
use crate::port::embedder::{Embedder, OwnEmbedder};
use crate::port::vectors::{Index, Vectors};

/// The name of the other index.
const QDRANT: &str = "qdrant";

/// Adds the index in the data folder, and the embedder that the configuration names a folder for.
pub(super) async fn add(services: Services, reach: Reach<'_>) -> Result<Services, Fault> {
    let Reach { config, data, .. } = reach;
    let index = match config.vectors.backend.as_str() {
        QDRANT => qdrant(reach).await?,
        _ => index(config, data.join("vectors")).await?,
    };
    Ok(services.with(Arc::new(Index(index))).with(Arc::new(OwnEmbedder(embedder(config, data).await?))))
}

/// The index. Without an embedder nobody looks into it, and reading it would cost every start its time and memory.
async fn index(config: &Config, folder: PathBuf) -> Result<Arc<dyn Vectors>, Fault> {
    if config.embeddings.named() == Some(Named::Nothing) {
        return Ok(Arc::new(ClosedVectors::new(folder)));
    }
    let place = folder.clone();
    let opened = tasks::blocking(move || EmbeddedVectors::open(&place)).await;
    let opened = opened.ok_or_else(|| Fault::internal("the index of vectors could not be opened"))?;
    Ok(Arc::new(opened.map_err(|fault| unusable_by(&folder, fault))?))
}

/// The index in Qdrant, which must answer at the start: a wrong address or key shows then, not at the first search.
async fn qdrant(reach: Reach<'_>) -> Result<Arc<dyn Vectors>, Fault> {
    let vectors = &reach.config.vectors;
    let wrong = |key: &str, why: &str| Fault::new(&codes::BAD_CONFIGURATION, format!("{key} cannot be used: {why}"));
    let api_key = reach.credential("vectors.api_key_from", vectors.key_in()).await?;
    let settings = Settings {
        url: vectors.url.clone(),
        api_key,
        prefix: vectors.prefix.clone(),
        read_timeout: Duration::from_secs(vectors.search_seconds),
        write_timeout: Duration::from_secs(vectors.write_seconds),
    };
    let opened = QdrantVectors::open(settings).await;
    Ok(Arc::new(opened.map_err(|fault| wrong("vectors.backend = 'qdrant'", &fault.to_string()))?))
}

/// The embedder of our own; `None` where another is named, or none.
async fn embedder(config: &Config, data: &Path) -> Result<Option<Arc<dyn Embedder>>, Fault> {
    let Some(Named::Local(folder)) = config.embeddings.named() else { return Ok(None) };
    // The configuration has made it absolute. One that was handed in otherwise lies in the data folder.
    let folder = data.join(folder);
    let opened = tasks::blocking(move || LocalEmbedder::open(&folder)).await;
    let opened = opened.ok_or_else(|| Fault::internal("the embedder could not be opened"))?;
    let wrong = |fault| Fault::new(&codes::BAD_CONFIGURATION, format!("embeddings.folder cannot be used: {fault}"));
    Ok(Some(Arc::new(opened.map_err(wrong)?)))
}
