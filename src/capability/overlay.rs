//! Data that comes with the program and that an operator lays files over: providers of models, and whatever else a domain has of the
//! kind. The files lie in a folder of the data folder and are watched; what they say is the domain's business, and so is that
//! the last good version of a broken one stays in force.

use std::sync::Arc;

/// A file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path, as people know it.
    pub path: String,
    /// Its text, or why it cannot be read.
    pub text: Result<String, String>,
}

/// What files can be laid over.
pub trait Overlay: Send + Sync {
    /// The folder's name, in the data folder.
    fn folder(&self) -> &'static str;

    /// How the names of its files end, without the dot.
    fn ending(&self) -> &'static str;

    /// Lays all the files that there are now over what comes with the program. Answers what is wrong with them, each with its
    /// file and place.
    fn lay(&self, files: &[SourceFile]) -> Vec<String>;
}

/// Everything that files are laid over: a service of the platform.
#[derive(Default)]
pub struct Overlays(pub Vec<Arc<dyn Overlay>>);
