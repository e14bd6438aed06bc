//! Keys of data subjects in one file: random keys, made and synced some hundred at a time, so that giving one out costs no
//! sync; destroyed by being overwritten where they lie. Several processes may share the file: it grows under a lock.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::kernel::tasks;
use crate::port::store::StoreFault;
use crate::port::subject_keys::{Kept, KeyBytes, KeyName, SubjectKeys};

/// How the file begins; the pool's id follows.
const MAGIC: &[u8; 16] = b"convoke keys 1\n\n";
/// The bytes of a key, and of the head of the file.
const KEY: u64 = 32;
/// Keys that are made at a time. Those that a run does not give out are lost.
const STOCK: usize = 256;

/// Keeps keys in a file.
pub struct KeyFile {
    file: Arc<Path>,
    stock: Mutex<Vec<(KeyName, KeyBytes)>>,
    filling: tokio::sync::Mutex<()>,
}

impl KeyFile {
    /// Keys in this file. It is made when the first key is needed; its folder must be there.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self { file: file.into(), stock: Mutex::default(), filling: tokio::sync::Mutex::default() }
    }

    fn next_of_stock(&self) -> Option<(KeyName, KeyBytes)> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn run<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: FnOnce(&Path) -> io::Result<T> + Send + 'static,
    {
        let file = Arc::clone(&self.file);
        let ended = tasks::blocking(move || {
            work(&file).map_err(|error| StoreFault::of_file(&format!("the keys {}", file.display()), &error))
        });
        ended.await.unwrap_or_else(|| Err(StoreFault::Broken("work on keys ended early".to_owned())))
    }
}

#[async_trait]
impl SubjectKeys for KeyFile {
    async fn take(&self) -> Result<(KeyName, KeyBytes), StoreFault> {
        loop {
            if let Some(key) = self.next_of_stock() {
                return Ok(key);
            }
            let _filling = self.filling.lock().await;
            // Whoever waited finds what the one before has made.
            if let Some(key) = self.next_of_stock() {
                return Ok(key);
            }
            let made = self.run(make).await?;
            self.stock.lock().unwrap_or_else(PoisonError::into_inner).extend(made);
        }
    }

    async fn pool(&self) -> Result<Option<Uuid>, StoreFault> {
        self.run(|file| match File::open(file) {
            Ok(mut file) => pool(&mut file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn read(&self, name: KeyName) -> Result<Kept, StoreFault> {
        self.run(move |file| read(file, name)).await
    }

    async fn destroy(&self, name: KeyName) -> Result<bool, StoreFault> {
        self.run(move |file| destroy(file, name)).await
    }
}

/// Makes keys at the end of the file, and the file when there is none.
fn make(path: &Path) -> io::Result<Vec<(KeyName, KeyBytes)>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.lock()?;
    let is_new = file.metadata()?.len() < KEY;
    if is_new {
        let mut head = [0; 32];
        head[..16].copy_from_slice(MAGIC);
        random(&mut head[16..])?;
        file.write_all(&head)?;
    }
    let pool = pool(&mut file)?;
    // What a run that was killed left of a key is filled up.
    let first = file.metadata()?.len().div_ceil(KEY).max(1);
    let mut bytes = Zeroizing::new([0_u8; STOCK * 32]);
    random(&mut bytes[..])?;
    file.seek(SeekFrom::Start(first * KEY))?;
    file.write_all(&bytes[..])?;
    file.sync_all()?;
    if is_new && let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        File::open(folder)?.sync_all()?;
    }
    let keys = bytes.chunks_exact(32).zip(first..).map(|(chunk, place)| {
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(chunk);
        (KeyName { pool, place }, key)
    });
    Ok(keys.collect())
}

fn read(path: &Path, name: KeyName) -> io::Result<Kept> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Kept::Elsewhere),
        Err(error) => return Err(error),
    };
    Ok(match at(&mut file, name)? {
        None => Kept::Elsewhere,
        Some(key) if key.iter().all(|byte| *byte == 0) => Kept::Destroyed,
        Some(key) => Kept::Key(key),
    })
}

fn destroy(path: &Path, name: KeyName) -> io::Result<bool> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let Some(key) = at(&mut file, name)? else { return Ok(false) };
    if key.iter().all(|byte| *byte == 0) {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(name.place * KEY))?;
    file.write_all(&[0; 32])?;
    file.sync_all()?;
    Ok(true)
}

/// The bytes at a place, `None` where it is not of this file.
fn at(file: &mut File, name: KeyName) -> io::Result<Option<KeyBytes>> {
    let is_here = name.place > 0 && name.place < file.metadata()?.len() / KEY;
    if !is_here || pool(file)? != name.pool {
        return Ok(None);
    }
    let mut key = Zeroizing::new([0; 32]);
    file.seek(SeekFrom::Start(name.place * KEY))?;
    file.read_exact(&mut key[..])?;
    Ok(Some(key))
}

fn pool(file: &mut File) -> io::Result<Uuid> {
    let mut head = [0; 32];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut head)?;
    let (magic, id) = head.split_at(16);
    let id = Uuid::from_slice(id).ok().filter(|_| magic == MAGIC);
    id.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is not a file of keys"))
}

fn random(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| io::Error::other(format!("no random bytes: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_each_key_once_and_forgets_what_is_destroyed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyFile::new(folder.path().join("subjects.keys"));
        let mut names = std::collections::HashSet::new();
        for _ in 0..STOCK + 10 {
            assert!(names.insert(keys.take().await.unwrap().0));
        }
        let (name, bytes) = keys.take().await.unwrap();
        // Another run on the same file has keys of its own and reads those of the first.
        let again = KeyFile::new(folder.path().join("subjects.keys"));
        assert!(!names.contains(&again.take().await.unwrap().0));
        assert_eq!(again.read(name).await.unwrap(), Kept::Key(bytes));
        assert!(again.destroy(name).await.unwrap());
        assert!(!again.destroy(name).await.unwrap());
        assert_eq!(keys.read(name).await.unwrap(), Kept::Destroyed);
        let elsewhere = KeyName { pool: Uuid::from_u128(7), ..name };
        assert_eq!(keys.read(elsewhere).await.unwrap(), Kept::Elsewhere);
        assert!(!keys.destroy(elsewhere).await.unwrap());
        assert_eq!(keys.read(KeyName { place: 0, ..name }).await.unwrap(), Kept::Elsewhere, "the head is no key");
        assert_eq!(keys.read(KeyName { place: 1 << 40, ..name }).await.unwrap(), Kept::Elsewhere);
    }

    #[tokio::test]
    async fn what_a_killed_run_left_harms_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("subjects.keys");
        let (name, bytes) = KeyFile::new(path.clone()).take().await.unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&[9; 5]).unwrap();
        drop(file);
        let keys = KeyFile::new(path);
        let (next, fresh) = keys.take().await.unwrap();
        assert_eq!(keys.read(next).await.unwrap(), Kept::Key(fresh));
        assert_eq!(keys.read(name).await.unwrap(), Kept::Key(bytes));
    }
}
