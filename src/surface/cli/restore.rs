//! `restore`: a backup in place of an empty installation. A backup that lies elsewhere is put among the others first.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde_json::json;

use super::arguments::Restore;
use super::backup::restored;
use super::exit::Failure;
use super::output;
use super::setting::Setting;
use super::target::{Target, call};
use crate::config::load::Loaded;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// What says which files a backup has.
const MANIFEST: &str = "manifest.json";

pub(super) async fn run(setting: Setting, asked: Restore) -> Result<(), Failure> {
    let target = Target::of(&setting, &asked.server, "restore")?;
    let name = match &target {
        Target::Local(plan) => brought(&plan.loaded, &asked.backup)?,
        Target::Remote(_) => asked.backup.display().to_string(),
    };
    let asking = target.write(call("system_restore", json!({ "name": name, "dryRun": asked.dry_run }), None)).await;
    let Err(failure) = asking else { return Ok(()) };
    if failure.problem.code != "restore_running" {
        return Err(failure);
    }
    match restored(&target).await? {
        Some(ended) if ended["state"] == "failed" => {
            let why = ended["fault"].as_str().unwrap_or("the server's log says why");
            Err(Fault::new(&codes::CONFLICT, format!("the backup was not restored: {why}")).into())
        }
        Some(ended) => {
            output::json(&ended);
            Ok(())
        }
        None => {
            output::json(&json!({ "name": name, "state": "done" }));
            Ok(())
        }
    }
}

/// The name of the backup in the folder of backups.
fn brought(loaded: &Loaded, backup: &Path) -> Result<String, Failure> {
    let name = backup.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if name.is_empty() {
        return Err(Failure::usage(format!("'{}' names no backup", backup.display())));
    }
    let shelf = match loaded.config.backup.folder.as_str() {
        "" => loaded.data.join("backups"),
        folder => loaded.data.join(folder),
    };
    let place = shelf.join(&name);
    let is_elsewhere = backup.exists() && backup.canonicalize().ok() != place.canonicalize().ok();
    if !is_elsewhere {
        return Ok(name);
    }
    let cannot = |error: std::io::Error| {
        let say = format!("the backup cannot be copied to {}: {error}", place.display());
        Failure::from(Fault::new(&codes::BAD_CONFIGURATION, say))
    };
    if !place.exists() {
        bring(backup, &shelf, &name).map_err(cannot)?;
    } else if !is_same(backup, &place).map_err(cannot)? {
        return Err(Failure::usage(format!("{} exists: it would be restored in place of yours", place.display())));
    }
    Ok(name)
}

/// Whether two backups are one: by their manifests, which every file is held against before it is restored, or where there is
/// none, being a single file, by their content.
fn is_same(one: &Path, other: &Path) -> std::io::Result<bool> {
    if one.is_dir() && other.is_dir() {
        return is_same(&one.join(MANIFEST), &other.join(MANIFEST));
    }
    let (mut one, mut other) = (BufReader::new(File::open(one)?), BufReader::new(File::open(other)?));
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let common = left.len().min(right.len());
        if left[..common] != right[..common] || (common == 0 && left.len() != right.len()) {
            return Ok(false);
        }
        if common == 0 {
            return Ok(true);
        }
        one.consume(common);
        other.consume(common);
    }
}

/// Copies a backup under a name that says that it is not whole, and gives it its own when it is.
fn bring(backup: &Path, shelf: &Path, name: &str) -> std::io::Result<()> {
    make_private_folder(shelf)?;
    let part = shelf.join(format!("{name}.part"));
    if part.is_dir() {
        fs::remove_dir_all(&part)?;
    }
    copy(backup, &part)?;
    fs::rename(&part, shelf.join(name))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_file() {
        return fs::copy(from, to).map(drop);
    }
    make_private_folder(to)?;
    let mut folders: Vec<PathBuf> = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(from.join(&folder))? {
            let entry = entry?;
            let below = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                make_private_folder(&to.join(&below))?;
                folders.push(below);
            } else {
                fs::copy(entry.path(), to.join(&below))?;
            }
        }
    }
    Ok(())
}

/// A backup holds everything: only its owner may look into it.
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_that_was_brought_before_is_known_again_and_another_is_not() {
        let place = tempfile::TempDir::new().unwrap();
        let (from, shelf) = (place.path().join("one"), place.path().join("shelf"));
        fs::create_dir_all(from.join("blobs/a")).unwrap();
        fs::write(from.join("blobs/a/b"), "blob").unwrap();
        fs::write(from.join(MANIFEST), "{}").unwrap();
        bring(&from, &shelf, "one").unwrap();
        assert_eq!(fs::read_to_string(shelf.join("one/blobs/a/b")).unwrap(), "blob");
        assert!(!shelf.join("one.part").exists());
        assert!(is_same(&from, &shelf.join("one")).unwrap());
        for other in ["", "{", "{}}", "[]"] {
            fs::write(from.join(MANIFEST), other).unwrap();
            assert!(!is_same(&from, &shelf.join("one")).unwrap(), "{other}");
        }
    }
}
