//! The personas that come as files, in the versions that are in force.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

pub use super::file::PersonaFile;
use super::text::text;
use crate::domain::prompts::engine::checks::Wanted;
use crate::domain::prompts::library::lacking;
use crate::port::overlay::{Broken, Layers, Overlaid, TextFile};
use crate::port::tokens::TokenCounter;

/// The files in force, by id.
pub type Files = BTreeMap<String, Arc<PersonaFile>>;

/// Keeps the files.
pub struct Personas {
    layers: Mutex<Layers<PersonaFile>>,
    present: ArcSwap<Files>,
    changes: watch::Sender<u64>,
}

impl Personas {
    /// The built-in files. Those that cannot be used are told: a fault of the program.
    #[must_use]
    pub fn new(built_in: &[TextFile]) -> (Self, Vec<Broken>) {
        let (layers, broken) = Layers::new(built_in, read);
        let present = ArcSwap::from_pointee(files(&layers));
        (Self { layers: Mutex::new(layers), present, changes: watch::Sender::new(0) }, broken)
    }

    /// The files in force now.
    #[must_use]
    pub fn present(&self) -> Arc<Files> {
        self.present.load_full()
    }

    /// Grows whenever the files are others.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

impl Overlaid for Personas {
    fn folder(&self) -> &'static str {
        "personas"
    }

    fn ending(&self) -> &'static str {
        "md"
    }

    fn take(&self, laid: &[TextFile]) -> Vec<Broken> {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let broken = layers.lay(laid, read);
        let now = files(&layers);
        // Nobody is told of what is as it was.
        if *self.present.load_full() != now {
            self.present.store(Arc::new(now));
            self.changes.send_modify(|count| *count += 1);
        }
        broken
    }
}

/// The checks that do not hold, each with the file's id.
pub async fn unmet(files: &Files, counter: &dyn TokenCounter) -> Vec<(String, String)> {
    let mut unmet = Vec::new();
    for file in files.values() {
        // What cannot be assembled was told when it was taken.
        let Ok(told) = text(&file.profile) else { continue };
        for check in &file.profile.checks {
            if let Some(why) = lacking(Wanted::from(check), told.clone(), counter).await {
                unmet.push((file.id.clone(), format!("the check '{}': {why}", check.name)));
            }
        }
    }
    unmet
}

fn files(layers: &Layers<PersonaFile>) -> Files {
    layers.in_force().map(|(_, file, _)| (file.id.clone(), file.clone())).collect()
}

fn read(file: &TextFile, text: &str) -> Result<PersonaFile, String> {
    PersonaFile::read(file.stem(), text)
}
