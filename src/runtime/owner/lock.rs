//! Who owns a data folder: whoever holds the operating system's lock on `owner.lock`. The lock goes with the process, however
//! it ends; what the file says is only for people and messages. Whoever holds the lock on `owner.next` owns next: as long as
//! it waits, nobody else becomes the owner.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::kernel::codes;
use crate::kernel::fault::Fault;

/// The file's name in the data folder.
const FILE: &str = "owner.lock";
/// The file whose lock says who owns next.
const TURN: &str = "owner.next";

/// What the owner says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The program's version.
    pub version: String,
    /// The command that it runs: `serve`, `stdio` or another.
    pub command: String,
}

impl Holder {
    /// This process, running a command.
    #[must_use]
    pub fn this(command: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { pid: std::process::id(), version, command: command.to_owned() }
    }
}

/// The ownership of a data folder, for as long as it is kept.
#[derive(Debug)]
pub struct OwnerLock {
    file: File,
    holder: Holder,
}

impl OwnerLock {
    /// Takes the ownership; `None` while another process has it or is to have it next.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn try_take(data: &Path, holder: &Holder) -> Result<Option<Self>, Fault> {
        let turn = open(data, TURN).map_err(|error| unusable(data, error))?;
        // Shared: those who only try do not keep each other out. The file's end gives it back.
        if !is_taken(data, turn.try_lock_shared())? {
            return Ok(None);
        }
        Self::take(data, holder)
    }

    fn take(data: &Path, holder: &Holder) -> Result<Option<Self>, Fault> {
        let mut file = open(data, FILE).map_err(|error| unusable(data, error))?;
        if !is_taken(data, file.try_lock())? {
            return Ok(None);
        }
        let text = serde_json::to_vec(holder).map_err(Fault::internal)?;
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&text)
        };
        // On a full disk the folder is still owned; only the message for others is poorer.
        if let Err(error) = write(&mut file) {
            tracing::warn!(%error, "the owner's name could not be written");
        }
        Ok(Some(Self { file, holder: holder.clone() }))
    }

    /// What the owner says of itself.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }
}

/// The turn to be the next owner, for as long as it is kept.
#[derive(Debug)]
pub struct Turn(File);

impl Turn {
    /// Takes the turn; `None` while another process has it.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn try_take(data: &Path) -> Result<Option<Self>, Fault> {
        let file = open(data, TURN).map_err(|error| unusable(data, error))?;
        Ok(is_taken(data, file.try_lock())?.then_some(Self(file)))
    }

    /// Takes the ownership; `None` while the present owner has it.
    ///
    /// # Errors
    /// When the folder cannot be used.
    pub fn own(&self, data: &Path, holder: &Holder) -> Result<Option<OwnerLock>, Fault> {
        OwnerLock::take(data, holder)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

fn is_taken(data: &Path, tried: Result<(), TryLockError>) -> Result<bool, Fault> {
    match tried {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(unusable(data, error)),
    }
}

impl Drop for OwnerLock {
    fn drop(&mut self) {
        // Closing the file would do; said aloud so that nothing that inherited the file keeps the lock.
        let _ = self.file.unlock();
    }
}

/// What the present or last owner said of itself, where it can be read.
#[must_use]
pub fn holder(data: &Path) -> Option<Holder> {
    let mut text = String::new();
    File::open(data.join(FILE)).ok()?.take(4096).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// The fault of a data folder that another process owns and that cannot be gone through.
#[must_use]
pub fn owned(data: &Path, why: &str) -> Fault {
    let folder = data.display();
    let by = match holder(data) {
        Some(Holder { pid, version, command }) => {
            format!("the process {pid} ('convoke {command}' of version {version}) owns the data folder {folder}")
        }
        None => format!("another process owns the data folder {folder}"),
    };
    Fault::new(&codes::OWNED, if why.is_empty() { by } else { format!("{by}: {why}") })
}

fn open(data: &Path, name: &str) -> std::io::Result<File> {
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(data)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(data.join(name))
}

fn unusable(data: &Path, error: std::io::Error) -> Fault {
    Fault::new(&codes::BAD_CONFIGURATION, format!("the data folder {} cannot be used: {error}", data.display()))
        .caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owns_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = OwnerLock::try_take(&data, &Holder::this("serve")).unwrap();
        assert!(first.is_some());
        assert!(OwnerLock::try_take(&data, &Holder::this("stdio")).unwrap().is_none());
        assert_eq!(holder(&data), Some(Holder::this("serve")));
        drop(first);
        assert!(OwnerLock::try_take(&data, &Holder::this("stdio")).unwrap().is_some());
        assert_eq!(holder(&data).unwrap().command, "stdio");
    }

    #[test]
    fn nobody_goes_before_whose_turn_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let server = Holder::this("serve");
        let first = OwnerLock::try_take(data, &Holder::this("stdio")).unwrap().unwrap();
        let turn = Turn::try_take(data).unwrap().unwrap();
        assert!(Turn::try_take(data).unwrap().is_none());
        assert!(turn.own(data, &server).unwrap().is_none());
        drop(first);
        assert!(OwnerLock::try_take(data, &Holder::this("stdio")).unwrap().is_none());
        let lock = turn.own(data, &server).unwrap().unwrap();
        assert_eq!(lock.holder(), &server);
        drop((turn, lock));
        assert!(OwnerLock::try_take(data, &Holder::this("stdio")).unwrap().is_some());
    }
}
