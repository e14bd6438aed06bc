//! The cards of the tools: compiled in from `tools/`, and over them those in the folder `tools` of the data folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use crate::capability::tool::Card;
use crate::kernel::fault::Fault;

static TOOLS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tools");

/// The folder in the data folder whose cards lie over the built-in ones.
const FOLDER: &str = "tools";

/// Every card that comes with the program.
pub(crate) fn built_in() -> Result<Vec<Card>, Fault> {
    let folders = TOOLS.dirs().flat_map(Dir::files);
    folders
        .filter(|file| file.path().extension().is_some_and(|ending| ending == "toml"))
        .map(|file| {
            let text = file.contents_utf8().unwrap_or_default();
            toml::from_str(text).map_err(|error| Fault::internal(format!("{}: {error}", file.path().display())))
        })
        .collect()
}

/// The cards of a data folder.
#[derive(Debug, Default)]
pub(crate) struct Laid {
    /// Those that can be used, at most one for a tool.
    pub(crate) cards: Vec<Card>,
    /// The files of those that cannot, and why. The built-in cards of their tools stay in force.
    pub(crate) broken: Vec<(PathBuf, String)>,
}

/// Reads the cards that an operator laid over the built-in ones, for the tools that there are.
pub(crate) fn laid_over(data: &Path, tools: &[&str]) -> Laid {
    let mut laid = Laid::default();
    let mut taken = BTreeSet::new();
    for file in files(&data.join(FOLDER), &mut laid.broken) {
        let card = std::fs::read_to_string(&file)
            .map_err(|error| format!("cannot be read: {error}"))
            .and_then(|text| toml::from_str::<Card>(&text).map_err(|error| error.to_string()));
        match card {
            Ok(card) if !tools.contains(&card.tool.as_str()) => {
                laid.broken.push((file, format!("is the card of '{}', and there is no such tool", card.tool)));
            }
            Ok(card) if !taken.insert(card.tool.clone()) => {
                laid.broken.push((file, format!("is a second card of '{}'", card.tool)));
            }
            Ok(card) => laid.cards.push(card),
            Err(why) => laid.broken.push((file, why)),
        }
    }
    laid
}

/// Every TOML file below a folder, which need not be there, in the order of their names. Links to folders are not followed,
/// so that none leads in a circle, and hidden names are left to editors and version control.
fn files(folder: &Path, broken: &mut Vec<(PathBuf, String)>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                broken.push((folder, format!("cannot be read: {error}")));
                continue;
            }
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if entry.file_type().is_ok_and(|of| of.is_dir()) {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "toml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
