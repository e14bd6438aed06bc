//! Merging a server into a client's own file: everything else in it stays, and the file as it was is kept beside it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::super::exit::Failure;
use super::clients::{Form, toml_section};

/// What was written.
pub(super) struct Written {
    /// The file.
    pub(super) file: PathBuf,
    /// The file as it was, where there was one.
    pub(super) backup: Option<PathBuf>,
}

/// Merges a server into a file.
pub(super) fn merge(file: &Path, form: &Form, name: &str, entry: &Map<String, Value>) -> Result<Written, Failure> {
    let cannot = |error: std::io::Error| Failure::usage(format!("{}: {error}", file.display()));
    let before = match std::fs::read_to_string(file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(cannot(error)),
    };
    let held = before.as_deref().unwrap_or_default();
    let merged = match form {
        Form::Json { section, .. } => merged_json(held, section, name, entry),
        Form::Toml { section } => merged_toml(held, section, name, entry),
    };
    let merged = merged.map_err(|why| Failure::usage(format!("{}: {why}", file.display())))?;
    if before.as_deref() == Some(merged.as_str()) {
        return Ok(Written { file: file.to_owned(), backup: None });
    }
    let write = || {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let backup = before.is_some().then(|| keep(file)).transpose()?;
        replace(file, &merged)?;
        Ok(backup)
    };
    let backup = write().map_err(cannot)?;
    Ok(Written { file: file.to_owned(), backup })
}

fn merged_json(held: &str, section: &str, name: &str, entry: &Map<String, Value>) -> Result<String, String> {
    let mut whole: Value = if held.trim().is_empty() {
        Value::Object(Map::new())
    } else {
        let hint = "add what 'convoke connect' prints by hand, or take comments out of the file first";
        serde_json::from_str(held).map_err(|error| format!("is not plain JSON ({error}): {hint}"))?
    };
    let members = whole.as_object_mut().ok_or("is not a JSON object")?;
    let servers = members.entry(section).or_insert_with(|| Value::Object(Map::new()));
    let servers = servers.as_object_mut().ok_or_else(|| format!("'{section}' in it is not a JSON object"))?;
    servers.insert(name.to_owned(), Value::Object(entry.clone()));
    serde_json::to_string_pretty(&whole).map(|text| text + "\n").map_err(|error| error.to_string())
}

/// TOML files hold comments that people care for: the server is put at the end, nothing else is touched.
fn merged_toml(held: &str, section: &str, name: &str, entry: &Map<String, Value>) -> Result<String, String> {
    let table: toml::Table = held.parse().map_err(|error| format!("is not TOML: {error}"))?;
    let addition = toml_section(section, name, entry);
    let present = table.get(section).and_then(|servers| servers.get(name));
    if let Some(present) = present {
        let wanted: toml::Table = addition.parse().map_err(|error: toml::de::Error| error.to_string())?;
        if wanted.get(section).and_then(|servers| servers.get(name)) == Some(present) {
            return Ok(held.to_owned());
        }
        return Err(format!("[{section}.{name}] is there already: remove it, or choose another --name"));
    }
    let gap = if held.is_empty() || held.ends_with("\n\n") { "" } else { "\n" };
    let end = if held.is_empty() || held.ends_with('\n') { "" } else { "\n" };
    let merged = format!("{held}{end}{gap}{addition}");
    match merged.parse::<toml::Table>() {
        Ok(_) => Ok(merged),
        Err(error) => Err(format!("has its servers in a form that cannot be added to ({error}): add it by hand")),
    }
}

/// Keeps the file as it is under a name that is free.
fn keep(file: &Path) -> std::io::Result<PathBuf> {
    let named = |ending: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let mut backup = named(".bak");
    let mut number = 1_u32;
    while backup.exists() {
        number += 1;
        backup = named(&format!(".bak{number}"));
    }
    std::fs::copy(file, &backup)?;
    Ok(backup)
}

/// Puts the text in place of the file at once, readable by its owner only: it can hold a key.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let mut draft = file.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut opened = options.open(&draft)?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()?;
    // A link stays a link: what it points to is replaced.
    let target = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    std::fs::rename(&draft, target)
}
