//! The folders that are compiled in. Files of the data folder lie over theirs (`port::overlay`, `runtime::folders`).

use include_dir::{Dir, DirEntry, include_dir};

use crate::port::overlay::TextFile;

pub(super) static TOOLS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tools");
pub(super) static PROMPTS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/prompts");
pub(super) static PROVIDERS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/providers");
pub(super) static PROCESSES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/processes");
pub(super) static PERSONAS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/personas");

/// The files below a built-in folder with this ending, in the order of their paths.
pub(super) fn files(folder: &'static Dir<'static>, ending: &str) -> Vec<TextFile> {
    let mut found = Vec::new();
    let mut open = vec![folder];
    while let Some(folder) = open.pop() {
        for entry in folder.entries() {
            match entry {
                DirEntry::Dir(below) => open.push(below),
                DirEntry::File(file) if file.path().extension().is_some_and(|one| one == ending) => {
                    let path = file.path().to_string_lossy().replace('\\', "/");
                    let text = file.contents_utf8().map(str::to_owned).ok_or_else(|| "is no UTF-8".to_owned());
                    found.push(TextFile { place: format!("{path} (built in)"), path, text });
                }
                DirEntry::File(_) => {}
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}
