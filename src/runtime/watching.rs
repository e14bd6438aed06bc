//! Watches the folders that an operator lays files in: an edit is in force within a second. Folders are looked at again and again,
//! which every file system can do and no mount, container or editor defeats; a look at some files that did not change is cheap.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use super::supervise::Supervisor;
use crate::capability::overlay::{Overlay, Overlays, SourceFile};
use crate::kernel::tasks;

/// How often a folder is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// The longest file.
const LONGEST: u64 = 4 * 1024 * 1024;

/// When a file was written last and how long it is: a file that is another has another of these.
type Stamps = Vec<(PathBuf, Option<SystemTime>, u64)>;

/// Lays what is in the folders now. Waits for the disk.
pub fn lay_all(overlays: &Overlays, data: &Path) {
    for overlay in &overlays.0 {
        lay(&**overlay, data);
    }
}

/// Starts watching as background work.
pub fn start(overlays: &Arc<Overlays>, data: &Path, supervisor: &Supervisor) {
    if overlays.0.is_empty() {
        return;
    }
    let (overlays, data) = (overlays.clone(), data.to_owned());
    supervisor.keep("watch", move |stop| watch(overlays.clone(), data.clone(), stop));
}

async fn watch(overlays: Arc<Overlays>, data: PathBuf, stop: CancellationToken) {
    // What changed between the start and now is laid, too: the first look finds nothing that it knows.
    let mut known: Vec<Option<Stamps>> = vec![None; overlays.0.len()];
    loop {
        let (all, folder) = (overlays.clone(), data.clone());
        let looked = tasks::blocking(move || {
            for (overlay, known) in all.0.iter().zip(&mut known) {
                let now = stamps(&**overlay, &folder);
                if known.as_ref() == Some(&now) {
                    continue;
                }
                // An empty folder that was never seen otherwise needs no telling.
                if known.is_some() || !now.is_empty() {
                    lay(&**overlay, &folder);
                }
                *known = Some(now);
            }
            known
        });
        // The work on the disk ends by itself, so that nothing is lost by stopping here.
        known = tokio::select! {
            () = stop.cancelled() => return,
            looked = looked => looked.unwrap_or_else(|| vec![None; overlays.0.len()]),
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

fn lay(overlay: &dyn Overlay, data: &Path) {
    for why in overlay.lay(&read(overlay.ending(), &data.join(overlay.folder()))) {
        tracing::warn!(%why, "a file is left out, its last good version stays in force");
    }
}

fn stamps(overlay: &dyn Overlay, data: &Path) -> Stamps {
    let found = files(overlay.ending(), &data.join(overlay.folder())).into_iter();
    let stamp = |(path, _): (PathBuf, Option<String>)| {
        let told = std::fs::metadata(&path).ok();
        let changed = told.as_ref().and_then(|told| told.modified().ok());
        (path, changed, told.map_or(0, |told| told.len()))
    };
    found.map(stamp).collect()
}

/// Every file of an ending below a folder, with its text.
#[must_use]
pub fn read(ending: &str, folder: &Path) -> Vec<SourceFile> {
    let read = |(path, fault): (PathBuf, Option<String>)| SourceFile {
        text: fault.map_or_else(|| text(&path), Err),
        path: path.display().to_string(),
    };
    files(ending, folder).into_iter().map(read).collect()
}

fn text(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if length > LONGEST {
        return Err(format!("is longer than {LONGEST} bytes"));
    }
    std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))
}

/// Every file of an ending below a folder, which need not be there, in the order of their names, and folders that cannot be
/// looked into with why. Links to folders are not followed, so that none leads in a circle, and hidden names are left to editors
/// and version control.
fn files(ending: &str, folder: &Path) -> Vec<(PathBuf, Option<String>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                found.push((folder, Some(format!("cannot be read: {error}"))));
                continue;
            }
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if entry.file_type().is_ok_and(|of| of.is_dir()) {
                open.push(path);
            } else if path.extension().is_some_and(|of| of == ending) {
                found.push((path, None));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Heard(tokio::sync::watch::Sender<Vec<SourceFile>>);

    impl Overlay for Heard {
        fn folder(&self) -> &'static str {
            "things"
        }

        fn ending(&self) -> &'static str {
            "toml"
        }

        fn lay(&self, files: &[SourceFile]) -> Vec<String> {
            self.0.send_replace(files.to_vec());
            Vec::new()
        }
    }

    #[tokio::test]
    async fn a_file_that_comes_changes_or_goes_is_told() {
        let data = tempfile::tempdir().unwrap();
        let (told, mut heard) = tokio::sync::watch::channel(Vec::new());
        let supervisor = Supervisor::new();
        start(&Arc::new(Overlays(vec![Arc::new(Heard(told))])), data.path(), &supervisor);
        let folder = data.path().join("things/deeper");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(data.path().join("things/.hidden.toml"), "no").unwrap();
        std::fs::write(data.path().join("things/other.txt"), "no").unwrap();
        let mut texts = async |expected: &[&str]| {
            let fits = |files: &Vec<SourceFile>| {
                files.iter().map(|file| file.text.as_deref().unwrap_or("?")).collect::<Vec<_>>() == expected
            };
            let waiting = heard.wait_for(fits);
            tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("it is told").unwrap().clone()
        };
        std::fs::write(folder.join("a.toml"), "one").unwrap();
        let files = texts(&["one"]).await;
        assert_eq!(files[0].path, folder.join("a.toml").display().to_string());
        std::fs::write(folder.join("a.toml"), "another").unwrap();
        texts(&["another"]).await;
        std::fs::write(folder.join("b.toml"), [0xff]).unwrap();
        texts(&["another", "?"]).await;
        std::fs::remove_dir_all(&folder).unwrap();
        texts(&[]).await;
        assert!(supervisor.stop(Duration::from_secs(10)).await);
    }
}
