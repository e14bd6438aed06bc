//! Embedders: what makes vectors of texts.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::vectors::Space;

/// What a text is, for embedders that tell the two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Of {
    /// Something that is to be found.
    Passage,
    /// Something that is looked for.
    Question,
}

/// What went wrong when vectors were to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmbedderFault {
    /// It is not set up so that it can be used.
    Unusable(String),
    /// It cannot be reached or is busy: later it may work.
    Unavailable(String),
    /// Anything else: the text is for the log.
    Broken(String),
}

impl fmt::Display for EmbedderFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(why) => write!(formatter, "the embedder cannot be used: {why}"),
            Self::Unavailable(why) => write!(formatter, "the embedder is unavailable: {why}"),
            Self::Broken(why) => write!(formatter, "the embedder failed: {why}"),
        }
    }
}

impl std::error::Error for EmbedderFault {}

/// The embedder that runs here, where the configuration names one.
pub struct OwnEmbedder(pub Option<Arc<dyn Embedder>>);

/// Makes vectors of texts.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// The space that its vectors lie in. Whoever embeds differently names another.
    fn space(&self) -> Space;

    /// The vectors of texts, in their order. What is longer than the model reads is left out.
    async fn embed(&self, texts: &[&str], of: Of) -> Result<Vec<Vec<f32>>, EmbedderFault>;
}
