//! Folders of the data folder whose files lie over the built-in ones: reading them, and watching them, so that an edit is live
//! within a second. They are looked at by their files' times and sizes and not by what the system tells of changes: that is
//! the same on every system, also where a folder is shared over a network or into a container.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::supervise::Supervisor;
use crate::capability::alarms::Alarms;
use crate::capability::platform::Platform;
use crate::kernel::tasks;
use crate::port::overlay::{Broken, Overlaid, TextFile};

/// How often folders are looked at. A file is taken when it looks the same twice, so that none is read half written.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// A larger file is none that people write by hand.
const MOST_BYTES: u64 = 1 << 20;

/// The files of a folder of the data folder, in the order of their names. A folder that is not there has none.
#[must_use]
pub fn read(data: &Path, folder: &str, ending: &str) -> Vec<TextFile> {
    let below = data.join(folder);
    let mut files = Vec::new();
    for (path, found) in names(&below, ending) {
        let text = found.and_then(|()| text_of(&path));
        let relative = path.strip_prefix(&below).unwrap_or(&path);
        let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        files.push(TextFile { path: parts.join("/"), place: path.display().to_string(), text });
    }
    files
}

fn text_of(path: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    if fs::metadata(path).map_err(cannot)?.len() > MOST_BYTES {
        return Err(format!("is larger than {MOST_BYTES} bytes"));
    }
    fs::read_to_string(path).map_err(cannot)
}

/// Every file below a folder, which need not be there, in the order of their names; a folder that cannot be read stands among
/// them with the reason. Links to folders are not followed, so that none leads in a circle, and hidden names are left to
/// editors and version control.
fn names(folder: &Path, ending: &str) -> Vec<(PathBuf, Result<(), String>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => {
                found.push((folder, Err(format!("cannot be read: {error}"))));
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
            } else if path.extension().is_some_and(|one| one == ending) {
                found.push((path, Ok(())));
            }
        }
    }
    found.sort();
    found
}

/// What tells one state of a folder from another.
fn stamp(data: &Path, of: &dyn Overlaid) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (path, found) in names(&data.join(of.folder()), of.ending()) {
        path.hash(&mut hasher);
        found.is_ok().hash(&mut hasher);
        if let Ok(about) = fs::metadata(&path) {
            (about.len(), about.modified().ok()).hash(&mut hasher);
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt as _;
                (about.ino(), about.ctime(), about.ctime_nsec()).hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}

/// What is made of the folders, for whoever watches and checks them: a service of the platform.
pub struct Folders(pub Vec<Arc<dyn Overlaid>>);

impl Folders {
    /// Tells of files that cannot be used, in the log and as an alarm, and takes the alarm back where there are none.
    fn tell(alarms: &Alarms, platform: &Platform, folder: &str, broken: &[Broken]) {
        let about = format!("files in {folder}");
        if broken.is_empty() {
            alarms.clear(&about);
            return;
        }
        for one in broken {
            tracing::warn!(file = one.place, why = one.why, "a file is left out, what was in force before stays");
        }
        let all: Vec<String> = broken.iter().map(|one| format!("{}: {}", one.place, one.why)).collect();
        let say = format!("what was in force before stays until this is mended: {}", all.join("; "));
        alarms.raise(&about, say, platform.clock.now());
    }
}

/// Takes the files of all folders, and tells of those that cannot be used.
pub fn take(platform: &Platform, data: &Path) {
    // A program that was put together without any has none.
    let (Ok(folders), Ok(alarms)) = (platform.service::<Folders>(), platform.service::<Alarms>()) else { return };
    for one in &folders.0 {
        let broken = one.take(&read(data, one.folder(), one.ending()));
        Folders::tell(&alarms, platform, one.folder(), &broken);
    }
}

/// Watches the folders from now on.
pub fn start(platform: &Arc<Platform>, data: &Path, supervisor: &Supervisor) {
    let (Ok(folders), Ok(alarms)) = (platform.service::<Folders>(), platform.service::<Alarms>()) else { return };
    let (platform, data) = (platform.clone(), data.to_owned());
    supervisor.keep("folders", move |stop| {
        let looks = vec![None; folders.0.len()];
        let (folders, alarms) = (folders.clone(), alarms.clone());
        let (platform, data, seen) = (platform.clone(), data.clone(), looks.clone());
        // What was taken before may be old already: the first two looks take everything anew.
        Watch { folders, alarms, platform, data, seen, taken: looks }.go(stop)
    });
}

struct Watch {
    folders: Arc<Folders>,
    alarms: Arc<Alarms>,
    platform: Arc<Platform>,
    data: PathBuf,
    /// How each folder looked at the last look.
    seen: Vec<Option<u64>>,
    /// How it looked when it was taken.
    taken: Vec<Option<u64>>,
}

impl Watch {
    async fn go(self, stop: CancellationToken) {
        let mut watch = self;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let looked = tasks::blocking(move || {
                watch.look();
                watch
            });
            match looked.await {
                Some(next) => watch = next,
                None => return,
            }
        }
    }

    fn look(&mut self) {
        for (number, one) in self.folders.0.iter().enumerate() {
            let now = Some(stamp(&self.data, &**one));
            let (Some(seen), Some(taken)) = (self.seen.get_mut(number), self.taken.get_mut(number)) else { continue };
            let still = std::mem::replace(seen, now) == now;
            if !still || *taken == now {
                continue;
            }
            *taken = now;
            let broken = one.take(&read(&self.data, one.folder(), one.ending()));
            tracing::debug!(folder = one.folder(), broken = broken.len(), "the files of a folder were taken anew");
            Folders::tell(&self.alarms, &self.platform, one.folder(), &broken);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Overlaid for Notes {
        fn folder(&self) -> &'static str {
            "notes"
        }

        fn ending(&self) -> &'static str {
            "md"
        }

        fn take(&self, laid: &[TextFile]) -> Vec<Broken> {
            let texts = laid.iter().filter_map(|file| Some(format!("{}: {}", file.path, file.text.as_ref().ok()?)));
            *self.0.lock().unwrap() = texts.collect();
            let broken = laid.iter().filter_map(|file| Some((file, file.text.as_ref().err()?)));
            broken.map(|(file, why)| Broken { place: file.place.clone(), why: why.clone() }).collect()
        }
    }

    #[test]
    fn a_folder_is_read_with_what_lies_below_it_and_nothing_else() {
        let data = tempfile::tempdir().unwrap();
        assert!(read(data.path(), "notes", "md").is_empty());
        let notes = data.path().join("notes");
        fs::create_dir_all(notes.join("deep")).unwrap();
        for (name, text) in [("b.md", "two"), ("deep/a.md", "one"), (".hidden.md", ""), ("other.txt", "")] {
            fs::write(notes.join(name), text).unwrap();
        }
        fs::write(notes.join("z.md"), [0xff, 0xfe]).unwrap();
        let broken = Notes::default().take(&read(data.path(), "notes", "md"));
        assert!(broken.len() == 1 && broken[0].place.ends_with("z.md"), "{broken:?}");
        let paths: Vec<String> = read(data.path(), "notes", "md").into_iter().map(|file| file.path).collect();
        assert_eq!(paths, ["b.md", "deep/a.md", "z.md"]);
    }

    #[test]
    fn every_change_of_a_file_changes_the_stamp() {
        let data = tempfile::tempdir().unwrap();
        let (notes, of) = (data.path().join("notes"), Notes::default());
        fs::create_dir_all(&notes).unwrap();
        let mut stamps = vec![stamp(data.path(), &of)];
        fs::write(notes.join("a.md"), "one").unwrap();
        stamps.push(stamp(data.path(), &of));
        fs::write(notes.join("a.md"), "three").unwrap();
        stamps.push(stamp(data.path(), &of));
        fs::rename(notes.join("a.md"), notes.join("b.md")).unwrap();
        stamps.push(stamp(data.path(), &of));
        stamps.sort_unstable();
        stamps.dedup();
        assert_eq!(stamps.len(), 4);
    }
}
