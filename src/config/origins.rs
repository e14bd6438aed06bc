//! Where each value of the configuration came from.

use std::collections::BTreeMap;

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
