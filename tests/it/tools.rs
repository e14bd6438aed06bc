//! Every tool of the program with its card, as the tests that walk the registry see them; and the catalogue of all
//! capabilities that are planned.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use convoke::capability::registry::Registry;
use convoke::capability::row::Row;
use convoke::capability::tool::{Card, Tool};
use convoke::domain::MODULES;

/// The folder of the project.
pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder of the project with this ending, by path relative to the project, sorted.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![project().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|one| one == ending) {
                found.push(path.strip_prefix(project()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The text of a file of the project.
pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every card by the path of its file.
pub(crate) fn cards() -> BTreeMap<PathBuf, Card> {
    let read = |path: PathBuf| {
        let card = toml::from_str(&text(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, card)
    };
    files("tools", "toml").into_iter().map(read).collect()
}

/// Every built-in tool with its card, by name.
pub(crate) fn built() -> Vec<Arc<Tool>> {
    let mut cards: BTreeMap<String, Card> = cards().into_values().map(|card| (card.tool.clone(), card)).collect();
    let rows = MODULES.iter().flat_map(|module| module.rows.iter().map(|row| (row, module.faults)));
    let mut built = |row: &Row, faults| Tool::built(row, cards.remove(row.spec.name).unwrap_or_default(), faults);
    let tools = rows.map(|(row, faults)| Arc::new(built(row, faults))).collect();
    Registry::new(tools).present().built().to_vec()
}

/// A capability of the catalogue, built or not.
pub(crate) struct Planned {
    pub(crate) name: String,
    pub(crate) domain: String,
    /// `r` reads, `w` writes, `d` destroys or cannot be undone.
    pub(crate) effect: String,
    /// Each as `GET /path/{id}`.
    pub(crate) routes: Vec<String>,
    pub(crate) about: String,
}

/// The catalogue: `tests/fixtures/catalogue.psv`.
pub(crate) fn catalogue() -> Vec<Planned> {
    let rows = text(Path::new("tests/fixtures/catalogue.psv"));
    rows.lines()
        .map(|row| {
            let mut fields = row.splitn(5, " | ").map(str::to_owned);
            let mut next = || fields.next().unwrap_or_else(|| panic!("the row is too short: {row}"));
            Planned {
                name: next(),
                domain: next(),
                effect: next(),
                routes: next().split(" ; ").map(str::to_owned).collect(),
                about: next(),
            }
        })
        .collect()
}
