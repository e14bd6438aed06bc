//! Where the master key of the vault comes from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the master key of the vault comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    /// `file:PATH`, `env:VARIABLE` or `command:PROGRAM ARGUMENTS`; empty for `master.key` in the data folder.
    pub master: String,
}

/// A place that master keys come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// The file that the program makes for itself.
    Own,
    /// A file of the operator's.
    File(&'a str),
    /// A variable of the environment.
    Variable(&'a str),
    /// A program and its arguments.
    Command(&'a str),
}

impl Vault {
    /// The place that is named; `None` when it cannot be read.
    #[must_use]
    pub fn place(&self) -> Option<Place<'_>> {
        if self.master.is_empty() { Some(Place::Own) } else { place_of(&self.master) }
    }
}

/// The place that a text names; `None` when it cannot be read.
#[must_use]
pub fn place_of(text: &str) -> Option<Place<'_>> {
    let (scheme, rest) = text.split_once(':')?;
    let rest = rest.trim();
    match scheme {
        _ if rest.is_empty() => None,
        "file" => Some(Place::File(rest)),
        "env" => Some(Place::Variable(rest)),
        "command" => Some(Place::Command(rest)),
        _ => None,
    }
}
