//! Master keys in a file that only its owner may read. One that the program made itself it may also change; the operator's it
//! only reads.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::parse;
use crate::kernel::cipher::CipherKey;
use crate::kernel::tasks;
use crate::port::secrets::{KeyFault, MasterKeys};

/// What the program writes above the keys.
const HEAD: &str = "# The master keys of Convoke's vault: the first seals, the others open what was sealed before.\n\
                    # Keep a copy in a safe place apart from the backups: without it no stored secret can be read again.\n";

/// A file with master keys.
#[derive(Debug, Clone)]
pub struct KeyFile {
    file: PathBuf,
    own: bool,
}

impl KeyFile {
    /// A file of the operator's.
    #[must_use]
    pub fn of_operator(file: PathBuf) -> Self {
        Self { file, own: false }
    }

    /// The file that the program makes for itself.
    #[must_use]
    pub fn own(file: PathBuf) -> Self {
        Self { file, own: true }
    }

    fn keys(&self) -> Result<Vec<CipherKey>, KeyFault> {
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(KeyFault::Missing(format!("there is no file {}", self.file.display())));
            }
            Err(error) => return Err(self.unusable(&error)),
        };
        warn_if_open(&self.file);
        parse(&text, &self.file.display().to_string())
    }

    /// Writes the keys under another name and renames: at every moment the file is the old one or the new one, whole.
    fn write(&self, keys: &[CipherKey]) -> Result<(), KeyFault> {
        let mut text = Zeroizing::new(HEAD.to_owned());
        for key in keys {
            text.push_str(&key.text());
            text.push('\n');
        }
        let draft = self.file.with_extension("key.new");
        let write = || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut opened = options.open(&draft)?;
            opened.write_all(text.as_bytes())?;
            opened.sync_all()?;
            fs::rename(&draft, &self.file)?;
            match self.file.parent().filter(|_| cfg!(unix)) {
                Some(folder) => File::open(folder)?.sync_all(),
                None => Ok(()),
            }
        };
        write().map_err(|error: io::Error| self.unusable(&error))
    }

    fn unusable(&self, error: &io::Error) -> KeyFault {
        KeyFault::Unusable(format!("{} cannot be used: {error}", self.file.display()))
    }

    /// Runs what waits for the disk on a thread that nobody else waits for.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, KeyFault> + Send + 'static,
    ) -> Result<T, KeyFault> {
        let this = self.clone();
        let ended = tasks::blocking(move || work(&this)).await;
        ended.unwrap_or_else(|| Err(KeyFault::Unusable(format!("{} could not be read", self.place()))))
    }
}

#[async_trait]
impl MasterKeys for KeyFile {
    async fn read(&self) -> Result<Vec<CipherKey>, KeyFault> {
        self.blocking(Self::keys).await
    }

    async fn renew(&self) -> Result<bool, KeyFault> {
        if !self.own {
            return Ok(false);
        }
        self.blocking(|this| {
            let former = match this.keys() {
                Ok(keys) => keys,
                Err(KeyFault::Missing(_)) => Vec::new(),
                Err(fault) => return Err(fault),
            };
            let fresh = CipherKey::random().map_err(|fault| KeyFault::Unusable(fault.to_string()))?;
            let keys: Vec<CipherKey> = std::iter::once(fresh).chain(former).collect();
            this.write(&keys).map(|()| true)
        })
        .await
    }

    async fn forget_former(&self) -> Result<bool, KeyFault> {
        if !self.own {
            return Ok(false);
        }
        self.blocking(|this| {
            let keys = this.keys()?;
            this.write(keys.get(..1).unwrap_or_default()).map(|()| true)
        })
        .await
    }

    fn place(&self) -> String {
        format!("the file {}", self.file.display())
    }
}

/// Says so where others than its owner may read the file.
fn warn_if_open(file: &Path) {
    #[cfg(unix)]
    if let Ok(found) = fs::metadata(file) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let mode = format!("{mode:o}");
            tracing::warn!(file = %file.display(), mode, "others than its owner may read the master key: chmod 600");
        }
    }
    #[cfg(not(unix))]
    let _ = file;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(keys: &[CipherKey]) -> Vec<String> {
        keys.iter().map(CipherKey::id).collect()
    }

    #[tokio::test]
    async fn its_own_file_is_made_renewed_and_shortened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let file = KeyFile::own(path.clone());
        assert!(matches!(file.read().await, Err(KeyFault::Missing(_))));
        assert!(file.renew().await.unwrap());
        let first = ids(&file.read().await.unwrap());
        assert!(file.renew().await.unwrap());
        let both = ids(&file.read().await.unwrap());
        assert_eq!((both.len(), &both[1]), (2, &first[0]));
        assert!(file.forget_former().await.unwrap());
        assert_eq!(ids(&file.read().await.unwrap()), [both[0].clone()]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn the_operators_file_is_only_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("theirs");
        fs::write(&path, format!("{}\n{}\n", "a7".repeat(32), "b8".repeat(32))).unwrap();
        let file = KeyFile::of_operator(path.clone());
        assert_eq!(file.read().await.unwrap().len(), 2);
        assert!(!file.renew().await.unwrap() && !file.forget_former().await.unwrap());
        assert_eq!(file.read().await.unwrap().len(), 2);
        fs::write(&path, "nonsense").unwrap();
        let fault = file.read().await.unwrap_err().to_string();
        assert!(fault.contains("theirs") && !fault.contains("nonsense"), "{fault}");
    }
}
