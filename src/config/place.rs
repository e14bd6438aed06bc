//! Where data lies: the data folder that was named, or the platform's own place for user data.

use std::path::{Path, PathBuf};

/// The value of an environment variable; an empty one counts as not set.
pub(super) fn variable<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    environment.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// The platform's own place for user data, `None` where the environment names no home.
#[must_use]
pub fn user_data(environment: &[(String, String)]) -> Option<PathBuf> {
    let named = |name: &str| variable(environment, name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(target_os = "macos") {
        return named("HOME").map(|home| home.join("Library/Application Support/convoke"));
    }
    if cfg!(windows) {
        return named("LOCALAPPDATA").map(|local| local.join("convoke"));
    }
    named("XDG_DATA_HOME")
        .or_else(|| named("HOME").map(|home| home.join(".local/share")))
        .map(|data| data.join("convoke"))
}

/// The path made absolute against a folder; `~/` means the home folder.
pub(super) fn absolute(path: &str, working: &Path, environment: &[(String, String)]) -> PathBuf {
    match (path.strip_prefix("~/"), variable(environment, "HOME")) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        (Some(_) | None, _) => working.join(path),
    }
}
