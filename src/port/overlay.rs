//! Folders of files that come with the program, with those of the data folder laid over them by their names: prompts,
//! personas, processes, providers. Whoever makes something of them keeps the last good version of a file that cannot be used.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

/// A file of such a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Where it lies in the folder, parts divided by `/`.
    pub path: String,
    /// How people find it: a path of the data folder, or that it is built in.
    pub place: String,
    /// Its text, or why it cannot be read.
    pub text: Result<String, String>,
}

impl TextFile {
    /// The file's name without its ending.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.split_once('.').map_or(name, |(stem, _)| stem)
    }
}

/// A file that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Where it lies.
    pub place: String,
    /// What is wrong, with the line where there is one, and how to mend it.
    pub why: String,
}

/// What is made of the files of a folder.
pub trait Overlaid: Send + Sync {
    /// The folder's name.
    fn folder(&self) -> &'static str;

    /// How its files end, without the dot.
    fn ending(&self) -> &'static str;

    /// Takes the files that are laid over the built-in ones now: all of them. Answers those that cannot be used; what was
    /// in force of them stays in force.
    fn take(&self, laid: &[TextFile]) -> Vec<Broken>;
}

/// The files of a folder, each in the version that is in force.
#[derive(Debug)]
pub struct Layers<T> {
    built_in: BTreeMap<String, Arc<T>>,
    laid: BTreeMap<String, Arc<T>>,
}

impl<T> Default for Layers<T> {
    fn default() -> Self {
        Self { built_in: BTreeMap::new(), laid: BTreeMap::new() }
    }
}

impl<T> Layers<T> {
    /// The built-in files. Those that cannot be read are told: a fault of the program.
    pub fn new(files: &[TextFile], read: impl Fn(&TextFile, &str) -> Result<T, String>) -> (Self, Vec<Broken>) {
        let mut layers = Self::default();
        let mut broken = Vec::new();
        for file in files {
            match file.text.as_ref().map_err(String::clone).and_then(|text| read(file, text)) {
                Ok(value) => drop(layers.built_in.insert(file.path.clone(), Arc::new(value))),
                Err(why) => broken.push(Broken { place: file.place.clone(), why }),
            }
        }
        (layers, broken)
    }

    /// Lays files over the built-in ones: what was laid before and is not among them is gone. One that cannot be read leaves
    /// what was in force before.
    pub fn lay(&mut self, files: &[TextFile], read: impl Fn(&TextFile, &str) -> Result<T, String>) -> Vec<Broken> {
        let mut before = std::mem::take(&mut self.laid);
        let mut broken = Vec::new();
        for file in files {
            match file.text.as_ref().map_err(String::clone).and_then(|text| read(file, text)) {
                Ok(value) => drop(self.laid.insert(file.path.clone(), Arc::new(value))),
                Err(why) => {
                    broken.push(Broken { place: file.place.clone(), why });
                    if let Some(last) = before.remove(&file.path) {
                        self.laid.insert(file.path.clone(), last);
                    }
                }
            }
        }
        broken
    }

    /// Takes one file back to what was in force of it before: an earlier laid version, else the built-in one.
    pub fn take_back(&mut self, path: &str, before: Option<Arc<T>>) {
        match before {
            Some(before) => drop(self.laid.insert(path.to_owned(), before)),
            None => drop(self.laid.remove(path)),
        }
    }

    /// The laid version of a file.
    #[must_use]
    pub fn laid(&self, path: &str) -> Option<Arc<T>> {
        self.laid.get(path).cloned()
    }

    /// Every file in force, by its path, and whether it was laid over the built-in ones.
    pub fn in_force(&self) -> impl Iterator<Item = (&str, &Arc<T>, bool)> {
        let built_in = self.built_in.iter().filter(|(path, _)| !self.laid.contains_key(*path));
        let both = built_in.map(|(path, value)| (path.as_str(), value, false));
        both.chain(self.laid.iter().map(|(path, value)| (path.as_str(), value, true)))
    }
}

/// What one file of a folder says.
pub trait FromFile: PartialEq + Send + Sync + Sized {
    /// The folder's name.
    const FOLDER: &'static str;
    /// How its files end, without the dot.
    const ENDING: &'static str;

    /// Reads a file of this name without its ending.
    ///
    /// # Errors
    /// What is wrong with it.
    fn read(stem: &str, text: &str) -> Result<Self, String>;

    /// What it is known by.
    fn id(&self) -> &str;
}

/// What the files of a folder say, by id.
pub type ById<T> = BTreeMap<String, Arc<T>>;

/// Keeps what the files of a folder say, in the versions that are in force.
pub struct Shelf<T> {
    layers: Mutex<Layers<T>>,
    present: ArcSwap<ById<T>>,
    changes: watch::Sender<u64>,
}

impl<T: FromFile> Shelf<T> {
    /// The built-in files. Those that cannot be used are told: a fault of the program.
    #[must_use]
    pub fn new(built_in: &[TextFile]) -> (Self, Vec<Broken>) {
        let (layers, broken) = Layers::new(built_in, |file, text| T::read(file.stem(), text));
        let present = ArcSwap::from_pointee(by_id(&layers));
        (Self { layers: Mutex::new(layers), present, changes: watch::Sender::new(0) }, broken)
    }

    /// The files in force now.
    #[must_use]
    pub fn present(&self) -> Arc<ById<T>> {
        self.present.load_full()
    }

    /// Grows whenever the files are others.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

impl<T: FromFile> Overlaid for Shelf<T> {
    fn folder(&self) -> &'static str {
        T::FOLDER
    }

    fn ending(&self) -> &'static str {
        T::ENDING
    }

    fn take(&self, laid: &[TextFile]) -> Vec<Broken> {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let broken = layers.lay(laid, |file, text| T::read(file.stem(), text));
        let now = by_id(&layers);
        // Nobody is told of what is as it was.
        if *self.present.load_full() != now {
            self.present.store(Arc::new(now));
            self.changes.send_modify(|count| *count += 1);
        }
        broken
    }
}

fn by_id<T: FromFile>(layers: &Layers<T>) -> ById<T> {
    layers.in_force().map(|(_, file, _)| (file.id().to_owned(), file.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), place: path.to_owned(), text: Ok(text.to_owned()) }
    }

    fn number(_: &TextFile, text: &str) -> Result<i32, String> {
        text.parse().map_err(|_| format!("'{text}' is no number"))
    }

    fn values(layers: &Layers<i32>) -> Vec<(&str, i32, bool)> {
        let mut all: Vec<_> = layers.in_force().map(|(path, value, laid)| (path, **value, laid)).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn what_is_laid_over_holds_until_it_goes_and_what_is_broken_leaves_the_last_good_one() {
        let (mut layers, broken) = Layers::new(&[file("a", "1"), file("b", "2"), file("c", "x")], number);
        assert_eq!((broken.len(), broken[0].place.as_str()), (1, "c"));
        assert!(layers.lay(&[file("b", "20"), file("d", "4")], number).is_empty());
        assert_eq!(values(&layers), [("a", 1, false), ("b", 20, true), ("d", 4, true)]);
        let broken = layers.lay(&[file("a", "one"), file("b", "twenty"), file("d", "5")], number);
        assert_eq!(broken.iter().map(|one| one.place.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(values(&layers), [("a", 1, false), ("b", 20, true), ("d", 5, true)]);
        assert!(layers.lay(&[], number).is_empty());
        assert_eq!(values(&layers), [("a", 1, false), ("b", 2, false)]);
    }

    #[test]
    fn a_stem_is_the_name_without_its_ending() {
        assert_eq!(file("blocks/plain-words.md", "").stem(), "plain-words");
    }
}
