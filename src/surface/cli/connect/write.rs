//! Merging a server into a client's own file: everything else in it stays as it is written, and the file as it was is kept
//! beside it.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::clients::{Form, toml_section};
use super::text;

/// What was written.
pub(super) struct Written {
    /// The file.
    pub(super) file: PathBuf,
    /// The file as it was, where there was one.
    pub(super) backup: Option<PathBuf>,
}

/// Why nothing was written.
pub(super) enum Unwritten {
    /// The file cannot be read or written.
    File(io::Error),
    /// It is in a form that nothing can be added to without losing something: a person must.
    Form(String),
    /// It has a server of this name that is another one.
    Taken(String),
}

/// Merges a server into a file.
pub(super) fn merge(file: &Path, form: &Form, name: &str, entry: &Map<String, Value>) -> Result<Written, Unwritten> {
    let before = match std::fs::read_to_string(file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(Unwritten::File(error)),
    };
    let held = before.as_deref().unwrap_or_default();
    let merged = match form {
        Form::Json { section, .. } => text::merged(held, section, name, entry).map_err(Unwritten::Form)?,
        Form::Toml { section } => merged_toml(held, section, name, entry)?,
    };
    if before.as_deref() == Some(merged.as_str()) {
        return Ok(Written { file: file.to_owned(), backup: None });
    }
    let write = || {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let backup = before.is_some().then(|| keep(file)).transpose()?;
        replace(&end_of_links(file)?, &merged)?;
        Ok(backup)
    };
    let backup = write().map_err(Unwritten::File)?;
    Ok(Written { file: file.to_owned(), backup })
}

/// TOML files hold comments that people care for: the server is put at the end, nothing else is touched.
fn merged_toml(held: &str, section: &str, name: &str, entry: &Map<String, Value>) -> Result<String, Unwritten> {
    let broken = |error: toml::de::Error| Unwritten::Form(format!("is not TOML: {error}"));
    let table: toml::Table = held.parse().map_err(broken)?;
    let addition = toml_section(section, name, entry);
    let present = table.get(section).and_then(|servers| servers.get(name));
    if let Some(present) = present {
        let wanted: toml::Table = addition.parse().map_err(broken)?;
        if wanted.get(section).and_then(|servers| servers.get(name)) == Some(present) {
            return Ok(held.to_owned());
        }
        let say = format!("[{section}.{name}] is there already: remove it, or choose another --name");
        return Err(Unwritten::Taken(say));
    }
    let gap = if held.is_empty() || held.ends_with("\n\n") { "" } else { "\n" };
    let end = if held.is_empty() || held.ends_with('\n') { "" } else { "\n" };
    let merged = format!("{held}{end}{gap}{addition}");
    match merged.parse::<toml::Table>() {
        Ok(_) => Ok(merged),
        Err(_) => Err(Unwritten::Form("has its servers in a form that nothing can be added to".to_owned())),
    }
}

/// Keeps the file as it is, mode and all, under a name that is free.
fn keep(file: &Path) -> io::Result<PathBuf> {
    let held = std::fs::read(file)?;
    let modes = std::fs::metadata(file)?.permissions();
    let mut number = 1_u32;
    loop {
        let ending = if number == 1 { ".bak".to_owned() } else { format!(".bak{number}") };
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        let backup = PathBuf::from(name);
        match make(&backup, &held, Some(modes.clone())) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
            Ok(()) => return Ok(backup),
        }
    }
}

/// A link stays a link: what is written is what it points to in the end, whether or not that is there.
fn end_of_links(file: &Path) -> io::Result<PathBuf> {
    let mut end = file.to_owned();
    for _ in 0..40 {
        match std::fs::read_link(&end) {
            Ok(next) => end = end.parent().unwrap_or_else(|| Path::new(".")).join(next),
            // Not a link, or nothing: both can be written.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => return Ok(end),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("its links lead nowhere"))
}

/// Puts the text in place of the file at once. The file keeps its mode; a new one is its owner's only, as it can hold a key.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let modes = match std::fs::metadata(file) {
        Ok(found) => Some(found.permissions()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let name = file.file_name().ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, "names no file"))?;
    let mut number = 0_u32;
    // Beside the file, so that it can be renamed over it; never one that is there, which may be somebody else's.
    let draft = loop {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{number}.new", std::process::id()));
        let draft = file.with_file_name(hidden);
        match make(&draft, text.as_bytes(), modes.clone()) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
            Ok(()) => break draft,
        }
    };
    std::fs::rename(&draft, file).inspect_err(|_| drop(std::fs::remove_file(&draft)))
}

/// Makes a file that is not there yet, readable by its owner only until it is whole. What cannot be whole is taken away.
fn make(file: &Path, bytes: &[u8], modes: Option<Permissions>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.open(file)?;
    fill(opened, bytes, modes).inspect_err(|_| drop(std::fs::remove_file(file)))
}

fn fill(mut file: File, bytes: &[u8], modes: Option<Permissions>) -> io::Result<()> {
    file.write_all(bytes)?;
    if let Some(modes) = modes {
        file.set_permissions(modes)?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_draft_that_cannot_become_the_file_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        // A folder cannot be replaced by a file.
        let file = place.path().join("folder");
        std::fs::create_dir_all(file.join("full")).unwrap();
        assert!(replace(&file, "secret").is_err());
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_others_left_under_the_name_of_a_draft_is_not_written_into() {
        let place = tempfile::tempdir().unwrap();
        let (file, kept) = (place.path().join("file"), place.path().join("kept"));
        std::fs::write(&kept, "kept").unwrap();
        let draft = place.path().join(format!(".file.{}-0.new", std::process::id()));
        std::os::unix::fs::symlink(&kept, &draft).unwrap();
        replace(&file, "text").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "text");
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "kept");
    }
}
