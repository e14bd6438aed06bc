//! Vectors of texts made here: a BERT read from the folder of a sentence transformer, run on the processor without anything else. What
//! was chosen and why: docs/decisions/0020.

mod bert;
mod folder;
mod matrix;
mod tensors;
mod tokens;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::Semaphore;

use self::bert::Bert;
use self::folder::Folder;
use self::tokens::Tokens;
use crate::kernel::tasks;
use crate::port::embedder::{Embedder, EmbedderFault, Of};
use crate::port::vectors::Space;

/// So many texts are worked on without looking up.
const BATCH: usize = 32;

/// A model in a folder. It is read when it is first needed.
#[derive(Debug)]
pub struct LocalEmbedder {
    folder: Folder,
    name: Arc<str>,
    model: Arc<Mutex<Option<Arc<Model>>>>,
    /// One at a time: the memory is bounded, and the other cores are for the others.
    turn: Semaphore,
}

#[derive(Debug)]
struct Model {
    tokens: Tokens,
    bert: Bert,
}

impl LocalEmbedder {
    /// Looks at the folder of a model. Its name and a digest name the space.
    ///
    /// # Errors
    /// `Unusable` where the folder holds no model that can be run.
    pub fn open(folder: &Path) -> Result<Self, EmbedderFault> {
        let folder = Folder::look(folder).map_err(EmbedderFault::Unusable)?;
        let name = folder.path.file_name().and_then(|name| name.to_str()).unwrap_or("model");
        let name = format!("local/{name}@{}", folder.digest).into();
        Ok(Self { folder, name, model: Arc::default(), turn: Semaphore::new(1) })
    }
}

#[async_trait]
impl Embedder for LocalEmbedder {
    fn space(&self) -> Space {
        Space { embedder: self.name.clone(), size: self.folder.size() }
    }

    async fn embed(&self, texts: &[&str], of: Of) -> Result<Vec<Vec<f32>>, EmbedderFault> {
        let before = match of {
            Of::Question => &self.folder.prompts.0,
            Of::Passage => &self.folder.prompts.1,
        };
        let mut found = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            let Ok(_turn) = self.turn.acquire().await else {
                return Err(EmbedderFault::Broken("nobody has a turn any more".to_owned()));
            };
            let longest = self.folder.longest;
            let texts: Vec<String> = batch.iter().map(|text| format!("{before}{}", bounded(text, longest))).collect();
            let (model, folder) = (self.model.clone(), self.folder.clone());
            let ended = tasks::blocking(move || {
                let model = ready(&model, &folder)?;
                let tokens: Vec<Vec<u32>> = texts.iter().map(|text| model.tokens.of(text, longest)).collect();
                Ok(model.bert.vectors(&tokens))
            });
            let ended = ended.await.ok_or_else(|| EmbedderFault::Broken("the model ended early".to_owned()))?;
            found.extend(ended.map_err(EmbedderFault::Unusable)?);
        }
        Ok(found)
    }
}

/// The part of a text that is looked at: a great one is not copied whole.
fn bounded(text: &str, longest: usize) -> &str {
    tokens::beginning(text, longest)
}

/// The model, read where it was not.
fn ready(model: &Mutex<Option<Arc<Model>>>, folder: &Folder) -> Result<Arc<Model>, String> {
    let mut held = model.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(model) = &*held {
        return Ok(model.clone());
    }
    let (tokens, bert) = folder.read()?;
    let model = Arc::new(Model { tokens, bert });
    *held = Some(model.clone());
    Ok(model)
}
