//! `check`: everything that an operator writes, read as a start would read it: configuration, cards of tools, prompts,
//! personas, providers.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::output;
use super::setting::Setting;
use crate::app::cards;
use crate::capability::tool::Card;
use crate::domain::MODULES;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// Folders that lie over the built-in ones of the same name.
const FOLDERS: [&str; 4] = ["tools", "prompts", "personas", "providers"];

pub(super) fn run(setting: &Setting) -> Result<(), Failure> {
    let mut faults: Vec<String> = Vec::new();
    let mut read = 0_usize;
    let data = match setting.load() {
        Ok(loaded) => {
            read += 1 + loaded.files.len();
            Some(loaded.data)
        }
        Err(fault) => {
            faults.extend(fault.say().lines().map(str::to_owned));
            None
        }
    };
    let known: Vec<&str> = MODULES.iter().flat_map(|module| module.rows.iter()).map(|row| row.spec.name).collect();
    let built_in = cards::built_in()?;
    read += built_in.len();
    for name in &known {
        if !built_in.iter().any(|card| card.tool == *name) {
            faults.push(format!("the tool {name} has no card"));
        }
    }
    for base in data.iter().map(PathBuf::as_path).chain([setting.inputs().working.as_path()]) {
        for folder in FOLDERS {
            for file in files(&base.join(folder)) {
                read += 1;
                faults.extend(fault_of(folder, &file, &known).map(|say| format!("{}: {say}", file.display())));
            }
        }
    }
    output::json(&json!({ "read": read, "faults": faults }));
    if faults.is_empty() {
        return Ok(());
    }
    let fault = Fault::new(&codes::BAD_CONFIGURATION, faults.join("\n")).with_detail(json!({ "faults": faults }));
    Err(Failure { exit: Exit::Configuration, ..fault.into() })
}

/// What is wrong with a file.
fn fault_of(folder: &str, file: &Path, known: &[&str]) -> Option<String> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return Some(format!("cannot be read: {error}")),
    };
    let ending = file.extension().map(|ending| ending.to_string_lossy().into_owned()).unwrap_or_default();
    match (folder, ending.as_str()) {
        ("tools", "toml") => match toml::from_str::<Card>(&text) {
            Ok(card) if known.contains(&card.tool.as_str()) => None,
            Ok(card) => Some(format!("is the card of '{}', and there is no such tool", card.tool)),
            Err(error) => Some(error.to_string()),
        },
        (_, "toml") => text.parse::<toml::Table>().err().map(|error| error.to_string()),
        (_, "json") => serde_json::from_str::<Value>(&text).err().map(|error| error.to_string()),
        _ => None,
    }
}

/// Every file below a folder, which need not be there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
