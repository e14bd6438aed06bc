//! `restore`: a backup in place of an empty installation. A backup that lies elsewhere is put among the others first.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::arguments::Restore;
use super::exit::Failure;
use super::setting::Setting;
use super::target::{Target, call};
use crate::config::load::Loaded;
use crate::kernel::codes;
use crate::kernel::fault::Fault;

pub(super) async fn run(setting: Setting, asked: Restore) -> Result<(), Failure> {
    let target = Target::of(&setting, &asked.server, "restore")?;
    let name = match &target {
        Target::Local(plan) => brought(&plan.loaded, &asked.backup)?,
        Target::Remote(_) => asked.backup.display().to_string(),
    };
    target.write(call("system_restore", json!({ "name": name, "dryRun": asked.dry_run }), None)).await
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
    if is_elsewhere && !place.exists() {
        copy(backup, &place).map_err(|error| {
            let say = format!("the backup cannot be copied to {}: {error}", place.display());
            Failure::from(Fault::new(&codes::BAD_CONFIGURATION, say))
        })?;
    } else if is_elsewhere {
        return Err(Failure::usage(format!("{} exists: it would be restored in place of yours", place.display())));
    }
    Ok(name)
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if from.is_file() {
        return std::fs::copy(from, to).map(drop);
    }
    std::fs::create_dir_all(to)?;
    let mut folders: Vec<PathBuf> = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(from.join(&folder))? {
            let entry = entry?;
            let below = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                std::fs::create_dir_all(to.join(&below))?;
                folders.push(below);
            } else {
                std::fs::copy(entry.path(), to.join(&below))?;
            }
        }
    }
    Ok(())
}
