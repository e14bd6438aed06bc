//! Keys of the installation: made at the first start, readable by the owner only. One, beside the data, seals page tokens and
//! request states, which must be good after a restart too; one, in the folder of keys, signs checkpoints of the audit log.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use zeroize::Zeroizing;

use super::unusable_by;
use crate::kernel::fault::Fault;

/// The file of the installation's key.
const INSTALLATION: &str = "installation.key";

/// Reads the key of a data folder, or makes it.
pub(super) fn installation(data: &Path) -> Result<[u8; 32], Fault> {
    let file = data.join(INSTALLATION);
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

/// Puts a key in place of the data folder's own: that of an installation which moved here.
pub(super) fn keep(data: &Path, key: &[u8; 32]) -> Result<(), Fault> {
    write_private(data, INSTALLATION, key).map_err(|error| unusable_by(&data.join(INSTALLATION), error))
}

/// The file of the key that signs checkpoints of the audit log.
pub(super) const SIGNING: &str = "checkpoints.key";
/// The file with its public half, for those who verify.
const PUBLIC: &str = "checkpoints.pub";

/// Reads the key that signs checkpoints, or makes it: PKCS #8.
pub(super) fn signing(folder: &Path) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let file = folder.join(SIGNING);
    match fs::read(&file) {
        Ok(bytes) => Ok(Zeroizing::new(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
            let made = made.map_err(|_| Fault::internal("no random bytes for a key"))?;
            write_private(folder, SIGNING, made.as_ref()).map_err(|error| unusable_by(&file, error))?;
            Ok(Zeroizing::new(made.as_ref().to_vec()))
        }
        Err(error) => Err(unusable_by(&file, error)),
    }
}

/// Writes the public half beside it, where it does not say so already.
pub(super) fn tell_public(folder: &Path, text: &str) -> Result<(), Fault> {
    let (file, text) = (folder.join(PUBLIC), format!("{text}\n"));
    if fs::read_to_string(&file).is_ok_and(|told| told == text) {
        return Ok(());
    }
    fs::write(&file, text).map_err(|error| unusable_by(&file, error))
}

fn make(data: &Path, file: &Path) -> Result<[u8; 32], Fault> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| Fault::internal(format!("no random bytes: {error}")))?;
    write_private(data, INSTALLATION, &key).map_err(|error| unusable_by(file, error))?;
    Ok(key)
}

/// Writes a file that only the owner reads. It appears under its name when it is whole and on disk.
fn write_private(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let draft = folder.join(format!("{name}.new"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut opened = options.open(&draft)?;
    opened.write_all(bytes)?;
    opened.sync_all()?;
    fs::rename(&draft, folder.join(name))?;
    File::open(folder)?.sync_all()
}
