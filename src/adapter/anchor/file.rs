//! An anchor that is a file: one checkpoint a line, as JSON. It is worth most where whoever can write the store cannot write it:
//! on another disk, on a mount that only appends.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::kernel::tasks;
use crate::port::anchors::Anchor;
use crate::port::store::StoreFault;

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    note: String,
}

/// Keeps checkpoints in a file.
pub struct FileAnchor(Arc<Path>);

impl FileAnchor {
    /// The file; it and its folder are made when there is a checkpoint to keep.
    #[must_use]
    pub fn new(file: PathBuf) -> Self {
        Self(file.into())
    }

    async fn run<T, F>(&self, work: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: FnOnce(&Path) -> io::Result<T> + Send + 'static,
    {
        let file = Arc::clone(&self.0);
        let ended = tasks::blocking(move || {
            work(&file).map_err(|error| StoreFault::of_file(&format!("the anchor {}", file.display()), &error))
        });
        ended.await.unwrap_or_else(|| Err(StoreFault::Broken("work on an anchor ended early".to_owned())))
    }
}

#[async_trait]
impl Anchor for FileAnchor {
    fn name(&self) -> String {
        format!("file {}", self.0.display())
    }

    async fn keep(&self, note: &str) -> Result<(), StoreFault> {
        let line = Line { note: note.to_owned() };
        let line = serde_json::to_string(&line).map_err(|error| StoreFault::Broken(error.to_string()))?;
        self.run(move |path| append(path, &line)).await
    }

    async fn kept(&self) -> Result<Option<Vec<String>>, StoreFault> {
        self.run(read).await.map(Some)
    }
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    let is_new = !path.exists();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let (true, Some(folder)) = (is_new, folder) {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // A line that a killed run left unfinished is ended first.
    file.write_all(format!("{}{line}\n", if ends_a_line(path)? { "" } else { "\n" }).as_bytes())?;
    file.sync_all()?;
    if let (true, Some(folder)) = (is_new, folder) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn ends_a_line(path: &Path) -> io::Result<bool> {
    use std::io::{Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// A line that cannot be read is none: what a killed run left, or what somebody else wrote.
fn read(path: &Path) -> io::Result<Vec<String>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    Ok(text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()).map(|line| line.note).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keeps_notes_in_order_and_reads_past_what_a_killed_run_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/checkpoints.jsonl");
        let anchor = FileAnchor::new(path.clone());
        assert_eq!(anchor.kept().await.unwrap(), Some(vec![]));
        anchor.keep("one\n\n— a b\n").await.unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"note\":\"hal").unwrap();
        anchor.keep("two").await.unwrap();
        assert_eq!(anchor.kept().await.unwrap(), Some(vec!["one\n\n— a b\n".to_owned(), "two".to_owned()]));
    }
}
