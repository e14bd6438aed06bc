//! The cards of the tools: compiled in from `tools/`, and over them those in the folder `tools` of the data folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::built_in;
use crate::capability::tool::Card;
use crate::kernel::fault::Fault;
use crate::runtime::folders;

/// The folder in the data folder whose cards lie over the built-in ones.
const FOLDER: &str = "tools";

/// Every card that comes with the program.
pub(crate) fn built_in() -> Result<Vec<Card>, Fault> {
    let read = |file: crate::port::overlay::TextFile| {
        let text = file.text.unwrap_or_default();
        toml::from_str(&text).map_err(|error| Fault::internal(format!("{}: {error}", file.path)))
    };
    built_in::files(&built_in::TOOLS, "toml").into_iter().map(read).collect()
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
    for file in folders::read(data, FOLDER, "toml") {
        let place = PathBuf::from(file.place);
        let card = file.text.and_then(|text| toml::from_str::<Card>(&text).map_err(|error| error.to_string()));
        match card {
            Ok(card) if !tools.contains(&card.tool.as_str()) => {
                laid.broken.push((place, format!("is the card of '{}', and there is no such tool", card.tool)));
            }
            Ok(card) if !taken.insert(card.tool.clone()) => {
                laid.broken.push((place, format!("is a second card of '{}'", card.tool)));
            }
            Ok(card) => laid.cards.push(card),
            Err(why) => laid.broken.push((place, why)),
        }
    }
    laid
}
