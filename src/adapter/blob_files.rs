//! Blobs as files of a folder: `<tenant>/<first two digits>/<digest>`. So they lie in the folder of blobs, and so in every copy
//! of them, wherever they are kept.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::arriving::{each_piece, hex};
use crate::kernel::id::TenantId;
use crate::port::store::StoreFault;

/// Whether a text is the digest of a blob; what is none might be a path.
pub(super) fn is_digest(digest: &str) -> bool {
    digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Where a blob lies in a folder; `None` for what is not the digest of a blob, and might be a path.
pub(super) fn place_of(folder: &Path, tenant: TenantId, digest: &str) -> Option<PathBuf> {
    is_digest(digest).then(|| folder.join(tenant.to_string()).join(&digest[..2]).join(digest))
}

/// All blobs in a folder, in the order of their paths. What does not look like one is not ours and is left alone.
pub(super) fn kept(folder: &Path) -> Result<Vec<(TenantId, String, PathBuf)>, StoreFault> {
    let mut found = Vec::new();
    for tenant_folder in children(folder)? {
        let Ok(tenant) = name_of(&tenant_folder).parse::<TenantId>() else { continue };
        for part in children(&tenant_folder)? {
            for path in children(&part)? {
                let digest = name_of(&path).to_owned();
                if place_of(folder, tenant, &digest).as_ref() == Some(&path) && path.is_file() {
                    found.push((tenant, digest, path));
                }
            }
        }
    }
    found.sort_by(|one, other| one.2.cmp(&other.2));
    Ok(found)
}

pub(super) fn children(folder: &Path) -> Result<Vec<PathBuf>, StoreFault> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let listed = fs::read_dir(folder).map_err(|error| fault(folder, &error))?;
    listed.map(|entry| entry.map(|entry| entry.path()).map_err(|error| fault(folder, &error))).collect()
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// The digest and the size of a head and the content of a file behind it, which is read piece by piece.
pub(super) fn digest_of(head: &[u8], path: &Path) -> Result<(String, u64), StoreFault> {
    let (mut hasher, mut size_bytes) = (Sha256::new(), head.len() as u64);
    hasher.update(head);
    let read = each_piece(path, |piece| {
        hasher.update(piece);
        size_bytes += piece.len() as u64;
        Ok(())
    });
    read.map_err(|error| fault(path, &error))?;
    Ok((hex(hasher), size_bytes))
}

pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), StoreFault> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(|error| fault(path, &error))
}

/// Makes the folder of a file.
pub(super) fn make_parent(path: &Path) -> Result<(), StoreFault> {
    let Some(parent) = path.parent() else { return Ok(()) };
    make_folder(parent).map_err(|error| fault(parent, &error))
}

/// Makes the name of a blob durable: in its folder, and that of each folder up to that of all blobs. Whoever finds one of them
/// there cannot know whether the one who made it has synced it yet.
pub(super) fn sync_names(path: &Path) -> Result<(), StoreFault> {
    path.ancestors().take(3).try_for_each(sync_parent)
}

pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Makes a name in a folder durable.
pub(super) fn sync_parent(path: &Path) -> Result<(), StoreFault> {
    let Some(parent) = path.parent() else { return Ok(()) };
    fs::File::open(parent).and_then(|folder| folder.sync_all()).map_err(|error| fault(parent, &error))
}

pub(super) fn fault(path: &Path, error: &io::Error) -> StoreFault {
    StoreFault::of_file(&path.display().to_string(), error)
}
