//! What makes vectors of texts: a model of the router, or one that runs here.

use std::sync::Arc;

use super::embedding::fits;
use crate::capability::platform::Platform;
use crate::domain::models::{Asker, CacheUse, Router, Tags, Wish};
use crate::kernel::codes;
use crate::kernel::fault::Fault;
use crate::port::embedder::{Embedder, EmbedderFault, Of, OwnEmbedder};
use crate::port::models::{EmbedPurpose, EmbedRequest};
use crate::port::vectors::Space;

/// What makes vectors.
pub(super) enum Maker {
    /// A model that runs here.
    Own(Arc<dyn Embedder>),
    /// A model of a provider, as `provider/model`.
    Model(String),
}

impl Maker {
    /// The one that is configured, where one is.
    pub(super) fn of(platform: &Platform) -> Option<Self> {
        if let Ok(own) = platform.service::<OwnEmbedder>()
            && let Some(embedder) = &own.0
        {
            return Some(Self::Own(embedder.clone()));
        }
        platform.config.embeddings.of_provider().map(|model| Self::Model(model.to_owned()))
    }

    /// Its name: vectors of two names are never compared.
    pub(super) fn name(&self) -> Arc<str> {
        match self {
            Self::Own(embedder) => embedder.space().embedder,
            Self::Model(model) => model.as_str().into(),
        }
    }

    /// The vectors of texts, in their order, and the space that they lie in.
    ///
    /// # Errors
    /// As the router; when the model here cannot be used.
    pub(super) async fn vectors(
        &self,
        asker: &Asker,
        texts: Vec<String>,
        of: Of,
    ) -> Result<(Space, Vec<Vec<f32>>), Fault> {
        let count = texts.len();
        let (space, vectors) = match self {
            Self::Own(embedder) => {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                (embedder.space(), embedder.embed(&texts, of).await.map_err(own_fault)?)
            }
            Self::Model(model) => {
                let purpose = match of {
                    Of::Passage => EmbedPurpose::Document,
                    Of::Question => EmbedPurpose::Query,
                };
                let request = Arc::new(EmbedRequest { texts, dimensions: None, purpose: Some(purpose) });
                let wish = Wish { model: Some(model.clone()), cache: CacheUse::Skip, tags: Tags::default() };
                let router = asker.platform.service::<Router>()?;
                let vectors = Box::pin(router.embed(asker, &wish, request)).await?.embedding.vectors;
                let size = vectors.first().map_or(0, Vec::len);
                (Space { embedder: self.name(), size }, vectors)
            }
        };
        if vectors.len() != count || vectors.iter().any(|vector| vector.len() != space.size || !fits(vector)) {
            return Err(Fault::internal(format!("{} made other vectors than it was asked for", space.embedder)));
        }
        Ok((space, vectors))
    }
}

fn own_fault(fault: EmbedderFault) -> Fault {
    match fault {
        EmbedderFault::Unusable(why) => {
            Fault::new(&codes::BAD_CONFIGURATION, format!("the model in embeddings.folder cannot be used: {why}"))
        }
        EmbedderFault::Unavailable(why) => {
            Fault::new(&codes::UNAVAILABLE, "the model that makes vectors is busy").caused_by(why)
        }
        EmbedderFault::Broken(why) => Fault::internal(why),
    }
}
