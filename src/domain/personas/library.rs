//! The personas that come as files, in the versions that are in force.

pub use super::file::PersonaFile;
use super::text::text;
use crate::domain::prompts::engine::checks::Wanted;
use crate::domain::prompts::library::lacking;
use crate::port::overlay::{ById, FromFile, Shelf};
use crate::port::tokens::TokenCounter;

/// The files in force, by id.
pub type Files = ById<PersonaFile>;

/// Keeps the files.
pub type Personas = Shelf<PersonaFile>;

impl FromFile for PersonaFile {
    const FOLDER: &'static str = "personas";
    const ENDING: &'static str = "md";

    fn read(stem: &str, text: &str) -> Result<Self, String> {
        Self::read(stem, text)
    }

    fn id(&self) -> &str {
        &self.id
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
