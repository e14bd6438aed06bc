//! Where each value of the configuration came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// Where a value comes from. A later layer wins over an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "layer", content = "name")]
pub enum Source {
    /// The defaults that are compiled in.
    Default,
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Environment(name) => write!(formatter, "environment {name}"),
            Self::Flag(name) => write!(formatter, "flag {name}"),
        }
    }
}

/// The origin of each value by its key (`server.listen`): "default", the file's path, "environment CONVOKE_…", "flag --…".
/// What is not listed is a default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigOrigins(pub BTreeMap<String, String>);

impl ConfigOrigins {
    /// Where the value of a key came from.
    #[must_use]
    pub fn of(&self, key: &str) -> &str {
        self.0.get(key).map_or("default", String::as_str)
    }
}
