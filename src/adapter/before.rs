//! The copies that a store makes by itself before its schema changes: what they are called, and how many are kept.

use std::path::{Path, PathBuf};

use crate::kernel::time::Timestamp;
use crate::port::store::StoreFault;

/// How many are kept.
const KEPT: usize = 3;

/// How their names begin.
const BEGINNING: &str = "before-";

/// A name for the next one in a folder, which is made where it is not there.
pub(in crate::adapter) fn next(folder: &Path, schema: u32, now: Timestamp) -> Result<PathBuf, StoreFault> {
    std::fs::create_dir_all(folder).map_err(|error| StoreFault::of_file("the folder for copies", &error))?;
    let moment = now.to_string().replace([':', '.'], "");
    let mut number = 1;
    loop {
        let name = folder.join(format!("{BEGINNING}{schema:04}-{moment}-{number}.db"));
        if !name.exists() {
            return Ok(name);
        }
        number += 1;
    }
}

/// Names sort by schema and time: the oldest go.
pub(in crate::adapter) fn drop_old(newest: &Path) -> Result<(), StoreFault> {
    let fault = |error| StoreFault::of_file("the folder for copies", &error);
    let Some(folder) = newest.parent() else { return Ok(()) };
    let mut copies = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(BEGINNING) && path.extension().is_some_and(|extension| extension == "db") {
            copies.push(path);
        }
    }
    copies.sort();
    let superfluous = copies.len().saturating_sub(KEPT);
    copies.iter().take(superfluous).try_for_each(|old| std::fs::remove_file(old).map_err(fault))
}
