//! Where the owner listens: a socket in the data folder that only the same account can open. A path that is too long for a
//! socket is replaced by a short one in a folder of the account, named by the data folder's digest.

use std::io;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::kernel::seal::sha256_hex;

/// The socket's name.
const FILE: &str = "owner.sock";
/// What the system takes as a socket's path, less some room: 104 bytes on macOS, 108 on Linux.
const LONGEST: usize = 100;

/// Where the socket of a data folder is.
#[derive(Debug, Clone)]
pub struct SocketPlace {
    path: PathBuf,
    /// The folder that was made only for the socket.
    folder: Option<PathBuf>,
}

impl SocketPlace {
    /// The place for a data folder. Every process of the account finds the same one.
    #[must_use]
    pub fn of(data: &Path) -> Self {
        let data = data.canonicalize().unwrap_or_else(|_| data.to_owned());
        let path = data.join(FILE);
        if path.as_os_str().len() <= LONGEST {
            return Self { path, folder: None };
        }
        let digest = sha256_hex(data.as_os_str().as_encoded_bytes());
        let folder = Path::new("/tmp").join(format!("convoke-{}", &digest[..32]));
        Self { path: folder.join(FILE), folder: Some(folder) }
    }

    /// The socket's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Listens. Only the owner of the data folder may: a socket left by an earlier owner is taken away.
    ///
    /// # Errors
    /// When the folder belongs to another account or the socket cannot be made.
    pub fn listen(&self) -> io::Result<UnixListener> {
        use std::os::unix::fs::PermissionsExt as _;
        if let Some(folder) = &self.folder {
            make_own(folder)?;
        }
        self.remove()?;
        let listener = UnixListener::bind(&self.path)?;
        std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    }

    /// Takes the socket away, so that nobody new comes.
    ///
    /// # Errors
    /// When it is there and cannot be removed.
    pub fn remove(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Connects to the owner.
    ///
    /// # Errors
    /// When nobody listens, or somebody of another account does.
    pub async fn connect(&self) -> io::Result<UnixStream> {
        let stream = UnixStream::connect(&self.path).await?;
        same_account(&stream)?;
        Ok(stream)
    }
}

/// Refuses a connection whose other side is of another account.
///
/// # Errors
/// `PermissionDenied` for another account.
pub fn same_account(stream: &UnixStream) -> io::Result<()> {
    // The account of this process as the system sees it on a socket: that of both ends of a pair made here.
    let (own, _) = UnixStream::pair()?;
    if own.peer_cred()?.uid() == stream.peer_cred()?.uid() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "the other side is of another account"))
}

/// Makes a folder that only this account can enter, or accepts the one that is there if it is such.
fn make_own(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let found = std::fs::symlink_metadata(folder)?;
    let (own, _) = UnixStream::pair()?;
    if found.is_dir() && found.uid() == own.peer_cred()?.uid() && found.mode() & 0o777 == 0o700 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} is not a folder that only this account can enter", folder.display()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_gets_a_short_socket() {
        let short = SocketPlace::of(Path::new("/var/lib/convoke"));
        assert_eq!(short.path(), Path::new("/var/lib/convoke/owner.sock"));
        let data = Path::new("/var/lib").join("long".repeat(40));
        let long = SocketPlace::of(&data);
        assert!(long.path().as_os_str().len() <= LONGEST);
        assert_eq!(long.path(), SocketPlace::of(&data).path());
        assert_ne!(long.path(), SocketPlace::of(&data.join("other")).path());
    }

    #[tokio::test]
    async fn only_the_account_can_open_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let place = SocketPlace::of(folder.path());
        assert!(place.connect().await.is_err());
        let _first = place.listen().unwrap();
        let _second = place.listen().unwrap();
        assert_eq!(std::fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(place.connect().await.is_ok());
        place.remove().unwrap();
        place.remove().unwrap();
        assert!(place.connect().await.is_err());
    }
}
