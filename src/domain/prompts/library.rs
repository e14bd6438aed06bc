//! The prompts and blocks that come as files, in the versions that are in force.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::engine::blocks::{Block, BlockFault, Gathering, joined, texts};
use super::engine::checks::Wanted;
use super::engine::file::PromptFile;
use super::engine::lint::{Level, findings};
use super::engine::template::assembled;
use super::engine::variables::filled;
use crate::port::overlay::{Broken, Layers, Overlaid, TextFile};
use crate::port::tokens::{Encoding, TokenCounter};

/// The folder.
const FOLDER: &str = "prompts";
/// The part of it that holds blocks.
const BLOCKS: &str = "blocks/";

/// The files in force: prompts and blocks by their ids.
#[derive(Debug, Default, PartialEq)]
pub struct Files {
    prompts: BTreeMap<String, Arc<PromptFile>>,
    blocks: BTreeMap<String, Arc<PromptFile>>,
}

impl Files {
    /// The prompt or block of an id. A prompt and a block may have the same one; the prompt is meant then.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<PromptFile>> {
        self.prompts.get(id).or_else(|| self.blocks.get(id))
    }

    /// The block of an id.
    #[must_use]
    pub fn block(&self, id: &str) -> Option<&Arc<PromptFile>> {
        self.blocks.get(id)
    }

    /// Every prompt, then every block, by id.
    pub fn all(&self) -> impl Iterator<Item = &Arc<PromptFile>> {
        self.prompts.values().chain(self.blocks.values())
    }

    /// The blocks of a file as they are among these files.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn blocks_of(&self, file: &PromptFile) -> Result<BTreeMap<String, Block>, Vec<BlockFault>> {
        let own = file.block.then_some(file.id.as_str());
        let mut gathering = Gathering::of(&file.content.template, own);
        while let Some(wanted) = gathering.wanted() {
            if let Some(block) = self.blocks.get(&wanted) {
                gathering.give(&wanted, block_of(block));
            }
        }
        gathering.finish(own)
    }

    /// What does not fit, the checks that do not hold, and the recorded answers that are not what their cases demand; each with the
    /// file's id.
    pub async fn unmet(&self, counter: &dyn TokenCounter) -> Vec<(String, String)> {
        let mut unmet = Vec::new();
        for file in self.all() {
            if let Some((why, _)) = self.unfit(file) {
                unmet.push((file.id.clone(), why));
                continue;
            }
            let Ok(blocks) = self.blocks_of(file) else { continue };
            let variables = joined(&file.content, &blocks);
            let text = |given: &Map<String, Value>| {
                let values = filled(&variables, given, "").map_err(|wrong| {
                    let all: Vec<String> = wrong.iter().map(|one| format!("{} {}", one.pointer, one.message)).collect();
                    all.join("; ")
                })?;
                assembled(&file.content.template, &texts(&blocks), &values).map_err(|wrong| wrong.to_string())
            };
            let mut tell = |what: &str, name: &str, why: String| {
                unmet.push((file.id.clone(), format!("the {what} '{name}': {why}")));
            };
            for check in &file.content.checks {
                match text(&check.variables) {
                    Ok(text) => {
                        if let Some(why) = lacking(Wanted::from(check), text, counter).await {
                            tell("check", &check.name, why);
                        }
                    }
                    Err(why) => tell("check", &check.name, why),
                }
            }
            for case in &file.content.cases {
                if let Err(why) = text(&case.variables) {
                    tell("case", &case.name, why);
                } else if let Some(answer) = case.answer.clone()
                    && let Some(why) = lacking(Wanted::from(case), answer, counter).await
                {
                    tell("recorded answer of the case", &case.name, why);
                }
            }
        }
        unmet
    }

    fn of(layers: &Layers<PromptFile>) -> Self {
        let mut files = Self::default();
        for (_, file, _) in layers.in_force() {
            let of = if file.block { &mut files.blocks } else { &mut files.prompts };
            of.insert(file.id.clone(), file.clone());
        }
        files
    }

    /// What is wrong with a file among these, and the blocks that have a part in it.
    fn unfit(&self, file: &PromptFile) -> Option<(String, Vec<String>)> {
        let blocks = match self.blocks_of(file) {
            Ok(blocks) => blocks,
            Err(faults) => {
                let all: Vec<String> = faults.iter().map(|fault| placed(file, fault)).collect();
                let parts = faults.iter().flat_map(|fault| match fault {
                    BlockFault::Loop(names) => names.clone(),
                    BlockFault::Missing { within, .. } | BlockFault::Refused { within, .. } => {
                        within.iter().cloned().collect()
                    }
                    BlockFault::TooMany => Vec::new(),
                });
                return Some((all.join("; "), parts.collect()));
            }
        };
        let joined = joined(&file.content, &blocks);
        let found = findings(&file.content, Some(&joined));
        let bad: Vec<String> =
            found.iter().filter(|one| one.level == Level::Error).map(|one| file.place(one)).collect();
        (!bad.is_empty()).then(|| (bad.join("; "), blocks.into_keys().collect()))
    }
}

/// In which way a text is not as it must be.
pub async fn lacking(wanted: Wanted<'_>, text: String, counter: &dyn TokenCounter) -> Option<String> {
    let tokens = if wanted.counts() {
        let counted = counter.count(Encoding::O200k, vec![text.clone()]).await;
        counted.first().map_or(0, |counted| counted.tokens)
    } else {
        0
    };
    let problems = wanted.lacking(&text, tokens);
    (!problems.is_empty()).then(|| problems.join(", "))
}

fn placed(file: &PromptFile, fault: &BlockFault) -> String {
    file.place(&super::engine::lint::Finding::of_block(fault))
}

/// A file as a block.
#[must_use]
pub fn block_of(file: &PromptFile) -> Block {
    Block {
        version: file.version.to_string(),
        digest: file.digest.clone(),
        template: file.content.template.clone(),
        variables: file.content.variables.clone(),
    }
}

/// Keeps the files.
pub struct Library {
    layers: Mutex<Layers<PromptFile>>,
    present: ArcSwap<Files>,
    changes: watch::Sender<u64>,
}

impl Library {
    /// The built-in files. Those that cannot be read are told: a fault of the program. Whether they fit is judged by `unmet`, in the
    /// program's tests and by `convoke check`, and not at every start.
    #[must_use]
    pub fn new(built_in: &[TextFile]) -> (Self, Vec<Broken>) {
        let (layers, broken) = Layers::new(built_in, |file, text| {
            PromptFile::parsed(file.stem(), file.path.starts_with(BLOCKS), text)
        });
        let present = ArcSwap::from_pointee(Files::of(&layers));
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

impl Overlaid for Library {
    fn folder(&self) -> &'static str {
        FOLDER
    }

    fn ending(&self) -> &'static str {
        "md"
    }

    fn take(&self, laid: &[TextFile]) -> Vec<Broken> {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let before: BTreeMap<&str, Option<Arc<PromptFile>>> =
            laid.iter().map(|file| (file.path.as_str(), layers.laid(&file.path))).collect();
        let mut broken = layers.lay(laid, read);
        // A file by itself may be well, and not fit the others: it goes back to what it was, until all that is left fits.
        let mut open: Vec<&TextFile> =
            laid.iter().filter(|file| !broken.iter().any(|one| one.place == file.place)).collect();
        loop {
            let files = Files::of(&layers);
            let Some((back, why)) = unfit(&files, &open, &layers) else {
                // Nobody is told of what is as it was.
                if *self.present.load_full() != files {
                    self.present.store(Arc::new(files));
                    self.changes.send_modify(|count| *count += 1);
                }
                break;
            };
            broken.push(Broken { place: back.place.clone(), why });
            layers.take_back(&back.path, before.get(back.path.as_str()).cloned().flatten());
            open.retain(|file| file.path != back.path);
        }
        broken
    }
}

/// The first of the files laid now that does not fit the others: one that is wrong itself, else one that has a part in what is
/// wrong with another.
fn unfit<'a>(files: &Files, open: &[&'a TextFile], layers: &Layers<PromptFile>) -> Option<(&'a TextFile, String)> {
    if open.is_empty() {
        return None;
    }
    let of = |file: &PromptFile| {
        let same = |one: &&&TextFile| layers.laid(&one.path).is_some_and(|laid| std::ptr::eq(Arc::as_ptr(&laid), file));
        open.iter().find(same).copied()
    };
    for file in files.all() {
        let Some((why, parts)) = files.unfit(file) else { continue };
        if let Some(laid) = of(file) {
            return Some((laid, why));
        }
        let of_parts = parts.iter().filter_map(|part| files.block(part)).find_map(|part| of(part));
        if let Some(laid) = of_parts {
            return Some((laid, format!("with it '{}' cannot be used: {why}", file.id)));
        }
    }
    None
}

fn read(file: &TextFile, text: &str) -> Result<PromptFile, String> {
    PromptFile::read(file.stem(), file.path.starts_with(BLOCKS), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, body: &str) -> TextFile {
        let text = format!("+++\ntitle = \"T\"\ndescription = \"D\"\nversion = \"1.0.0\"\n+++\n{body}");
        TextFile { path: path.to_owned(), place: path.to_owned(), text: Ok(text) }
    }

    fn library() -> Library {
        let built_in = [file("a.md", "A {% include 'x' %}"), file("blocks/x.md", "X"), file("blocks/y.md", "Y")];
        let (library, broken) = Library::new(&built_in);
        assert_eq!(broken, []);
        library
    }

    fn template(library: &Library, id: &str) -> String {
        library.present().get(id).map(|file| file.content.template.clone()).unwrap_or_default()
    }

    #[test]
    fn a_broken_edit_leaves_the_last_good_version() {
        let library = library();
        let mut heard = library.changes();
        assert!(library.take(&[file("a.md", "B"), file("new.md", "N")]).is_empty());
        assert!(heard.has_changed().unwrap());
        heard.mark_unchanged();
        assert_eq!((template(&library, "a"), template(&library, "new")), ("B".to_owned(), "N".to_owned()));
        let broken = library.take(&[file("a.md", "{% if %}"), file("new.md", "{{ nobody }}")]);
        assert!(broken[0].why.starts_with("line 6: ") && broken[1].why.contains("P002"), "{broken:?}");
        assert_eq!((template(&library, "a"), template(&library, "new")), ("B".to_owned(), "N".to_owned()));
        assert!(library.take(&[]).is_empty());
        assert_eq!(
            (template(&library, "a"), template(&library, "new")),
            ("A {% include 'x' %}".to_owned(), String::new())
        );
    }

    #[test]
    fn files_that_do_not_fit_each_other_are_told_and_go_back() {
        let library = library();
        let looped =
            [file("blocks/x.md", "{% include 'y' %}"), file("blocks/y.md", "{% include 'x' %}"), file("b.md", "B")];
        let broken = library.take(&looped);
        assert_eq!(broken.len(), 1, "{broken:?}");
        assert!(broken[0].why.contains("x -> y -> x") || broken[0].why.contains("y -> x -> y"), "{broken:?}");
        assert_eq!(template(&library, "b"), "B");
        let missing = library.take(&[file("b.md", "one\n{% include 'nowhere' %}")]);
        assert!(missing[0].why.starts_with("line 7: there is no block 'nowhere'"), "{missing:?}");
        assert_eq!(template(&library, "b"), "B");
    }
}
