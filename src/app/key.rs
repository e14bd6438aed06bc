//! The installation's key: made at the first start, kept beside the data, readable by the owner only. It seals page tokens
//! and request states, which must be good after a restart too.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use super::unusable_by;
use crate::kernel::fault::Fault;

/// Reads the key of a data folder, or makes it.
pub(super) fn installation(data: &Path) -> Result<[u8; 32], Fault> {
    let file = data.join("installation.key");
    match fs::read(&file) {
        Ok(bytes) => bytes.try_into().map_err(|_| {
            unusable_by(
                &file,
                "it is damaged. Move it away: a new one is made, and page tokens given out before are refused",
            )
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(data, &file),
        Err(error) => Err(unusable_by(&file, error)),
    }
}

fn make(data: &Path, file: &Path) -> Result<[u8; 32], Fault> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| Fault::internal(format!("no random bytes: {error}")))?;
    let draft = data.join("installation.key.new");
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut opened = options.open(&draft)?;
        opened.write_all(&key)?;
        opened.sync_all()?;
        fs::rename(&draft, file)?;
        File::open(data)?.sync_all()
    };
    write().map_err(|error: std::io::Error| unusable_by(file, error))?;
    Ok(key)
}
