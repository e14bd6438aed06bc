//! The manifest of a backup: what is in it, with the digest of every file, so that damage is found before it is restored.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::keys::Keys;
use crate::kernel::time::Timestamp;

/// The manifest's name in the folder of a backup.
pub(super) const MANIFEST: &str = "manifest.json";
/// The form of the manifest that this program writes.
pub(super) const FORM: u32 = 1;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    /// The form of this manifest.
    pub(crate) form: u32,
    /// When the backup was begun.
    pub(crate) made_at: Timestamp,
    /// The program's version.
    pub(crate) version: String,
    /// The store's name and version.
    pub(crate) backend: String,
    /// The schema's number.
    pub(crate) schema: u32,
    /// Every file, by path.
    pub(crate) files: Vec<ListedFile>,
    /// Keys that the installation had and the backup does not hold; earlier programs did not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) keys: Option<Keys>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListedFile {
    /// Its path in the backup's folder, with `/` between the parts.
    pub(crate) path: String,
    /// Its size.
    pub(crate) size_bytes: u64,
    /// Its SHA-256 in hex.
    pub(crate) sha256: String,
}

impl Manifest {
    /// Reads the manifest of a backup's folder.
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let bytes = fs::read(folder.join(MANIFEST))?;
        serde_json::from_slice(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// The size of all files together.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }

    /// What is wrong with the files of a folder, measured by this manifest; nothing when all is well.
    pub(super) fn faults(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut found = list(folder)?;
        found.retain(|path| path != MANIFEST);
        let mut faults = Vec::new();
        for file in &self.files {
            let Some(place) = found.iter().position(|path| *path == file.path) else {
                faults.push(format!("{} is missing", file.path));
                continue;
            };
            found.swap_remove(place);
            let (size_bytes, sha256) = digest(&folder.join(&file.path))?;
            if size_bytes != file.size_bytes || sha256 != file.sha256 {
                faults.push(format!("{} was altered", file.path));
            }
        }
        found.sort();
        faults.extend(found.into_iter().map(|path| format!("{path} does not belong to it")));
        Ok(faults)
    }
}

/// Whether a path of a manifest leads to a file in the backup's own folder, by the names of folders and the file alone.
pub(super) fn is_plain_path(path: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0', ':']);
    path != MANIFEST && path.split('/').all(plain)
}

/// The files of a folder, each synced to disk, with their digests.
pub(super) fn take_stock(folder: &Path) -> io::Result<Vec<ListedFile>> {
    let mut paths = list(folder)?;
    paths.sort();
    let listed = paths.into_iter().map(|path| {
        let file = folder.join(&path);
        let (size_bytes, sha256) = digest(&file)?;
        File::options().append(true).open(&file)?.sync_all()?;
        Ok(ListedFile { path, size_bytes, sha256 })
    });
    listed.collect()
}

/// The paths of all files below a folder. A link is not followed: it counts as a file that cannot be part of a backup.
fn list(folder: &Path) -> io::Result<Vec<String>> {
    let mut open = vec![String::new()];
    let mut files = Vec::new();
    while let Some(below) = open.pop() {
        for entry in fs::read_dir(folder.join(&below))? {
            let entry = entry?;
            let name = entry.file_name().into_string().map_err(|_| io::Error::other("a file's name is not text"))?;
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            if entry.file_type()?.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    Ok(files)
}

fn digest(file: &Path) -> io::Result<(u64, String)> {
    use std::fmt::Write as _;
    if !fs::symlink_metadata(file)?.is_file() {
        return Err(io::Error::other(format!("{} is no plain file", file.display())));
    }
    let mut reader = File::open(file)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut size_bytes = 0;
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        size_bytes += read as u64;
    }
    let hex = hasher.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok((size_bytes, hex))
}
