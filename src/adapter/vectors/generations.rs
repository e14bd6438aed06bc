//! The generations of an index: the one that is searched, and the next, which is filled beside it and takes its place all at once. Each
//! has a folder of its own below the index's, but for the first, which lies in that itself; `generation.json` names the one in force.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::keeping::{Keeping, fault, make_folder};
use super::log::{self, write_whole};
use crate::port::vectors::{Change, Fullness, Reached, VectorFault};

/// The file that names the generation in force; where it is not there, that is the first.
const IN_FORCE: &str = "generation.json";

/// The file in the folder of the next generation that says how far it has come.
const REACHED: &str = "reached.json";

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InForce {
    generation: u32,
}

/// All generations of an index.
#[derive(Debug)]
pub(super) struct Generations {
    folder: PathBuf,
    piece_bytes: u64,
    current: RwLock<Generation>,
    /// Who writes, one at a time; and the next generation, where it is open.
    writing: Mutex<Option<Next>>,
}

#[derive(Debug, Clone)]
struct Generation {
    number: u32,
    keeping: Arc<Keeping>,
}

#[derive(Debug)]
struct Next {
    keeping: Arc<Keeping>,
    reached: Reached,
}

impl Generations {
    /// Opens the generation in force. What is left of others but the next one goes.
    pub(super) fn open(folder: &Path, piece_bytes: u64) -> Result<Self, VectorFault> {
        make_folder(folder).map_err(|error| fault(&error))?;
        let number = in_force(folder).unwrap_or_else(|why| {
            tracing::warn!(folder = %folder.display(), why, "which generation of the index is in force cannot be read");
            0
        });
        let keeping = Keeping::open(&place(folder, number), piece_bytes)?;
        remove_others(folder, number);
        let current = Generation { number, keeping: Arc::new(keeping) };
        Ok(Self { folder: folder.to_owned(), piece_bytes, current: RwLock::new(current), writing: Mutex::default() })
    }

    /// The one that is searched.
    pub(super) fn current(&self) -> Arc<Keeping> {
        self.in_force().keeping
    }

    /// Takes changes into the one that is searched.
    pub(super) fn take(&self, changes: Vec<Change>, mark: Option<i64>) -> Result<(), VectorFault> {
        let _turn = self.writing();
        self.current().take(changes, mark)
    }

    /// Throws everything away.
    pub(super) fn clear(&self) -> Result<(), VectorFault> {
        let mut next = self.writing();
        *next = None;
        remove_folder(&self.next_place());
        self.current().clear()
    }

    /// How full all of it is; the points are those that can be found.
    pub(super) fn fullness(&self) -> Fullness {
        let mut fullness = self.current().fullness();
        if let Some(next) = &*self.writing() {
            let beside = next.keeping.fullness();
            fullness.memory_bytes += beside.memory_bytes;
            fullness.disk_bytes += beside.disk_bytes;
        }
        fullness
    }

    /// How far the next one has come.
    pub(super) fn reached(&self) -> Result<Option<Reached>, VectorFault> {
        let mut next = self.writing();
        self.take_up(&mut next)?;
        Ok(next.as_ref().map(|next| next.reached))
    }

    /// Takes changes into the next one, which begins anew where nothing was read for it yet.
    pub(super) fn take_next(&self, changes: Vec<Change>, reached: Reached) -> Result<(), VectorFault> {
        let mut next = self.writing();
        let place = self.next_place();
        if reached.after.is_none() {
            *next = None;
            remove_folder(&place);
            let keeping = Arc::new(Keeping::open(&place, self.piece_bytes)?);
            *next = Some(Next { keeping, reached });
        } else {
            self.take_up(&mut next)?;
        }
        let Some(next) = &mut *next else {
            return Err(VectorFault::Unavailable("its next generation was thrown away: begin anew".to_owned()));
        };
        next.keeping.take(changes, Some(reached.from))?;
        // After a crash before this the same is taken in once more.
        let text = serde_json::to_string(&reached).map_err(|error| VectorFault::Broken(error.to_string()))?;
        write_whole(&place, REACHED, &text).map_err(|error| fault(&error))?;
        next.reached = reached;
        Ok(())
    }

    /// Puts the next one in the place of the one that is searched.
    pub(super) fn turn_over(&self) -> Result<(), VectorFault> {
        let mut next = self.writing();
        self.take_up(&mut next)?;
        let Some(Next { keeping, .. }) = next.take() else {
            return Err(VectorFault::Unavailable("it has no next generation".to_owned()));
        };
        let generation = self.in_force().number + 1;
        let text = serde_json::to_string(&InForce { generation });
        let text = text.map_err(|error| VectorFault::Broken(error.to_string()))?;
        // From here on it is in force, also after a crash.
        write_whole(&self.folder, IN_FORCE, &text).map_err(|error| fault(&error))?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Generation { number: generation, keeping };
        // Searches that began earlier hold on to the files that they read.
        remove_others(&self.folder, generation);
        Ok(())
    }

    /// Opens the next one where an earlier process left it; what cannot be gone on with goes.
    fn take_up(&self, next: &mut Option<Next>) -> Result<(), VectorFault> {
        let place = self.next_place();
        if next.is_some() || !place.exists() {
            return Ok(());
        }
        let text = fs::read_to_string(place.join(REACHED)).ok();
        if let Some(reached) = text.and_then(|text| serde_json::from_str::<Reached>(&text).ok()) {
            let keeping = Keeping::open(&place, self.piece_bytes)?;
            if keeping.mark() == Some(reached.from) {
                *next = Some(Next { keeping: Arc::new(keeping), reached });
                return Ok(());
            }
        }
        remove_folder(&place);
        Ok(())
    }

    fn in_force(&self) -> Generation {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn writing(&self) -> MutexGuard<'_, Option<Next>> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_place(&self) -> PathBuf {
        place(&self.folder, self.in_force().number + 1)
    }
}

fn place(folder: &Path, generation: u32) -> PathBuf {
    if generation == 0 { folder.to_owned() } else { folder.join(format!("generation-{generation}")) }
}

fn in_force(folder: &Path) -> Result<u32, String> {
    match fs::read_to_string(folder.join(IN_FORCE)) {
        Ok(text) => {
            serde_json::from_str::<InForce>(&text).map(|named| named.generation).map_err(|error| error.to_string())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error.to_string()),
    }
}

/// Removes all generations but the one in force and the next. What cannot be removed is removed at the next start.
fn remove_others(folder: &Path, in_force: u32) {
    if in_force > 0 {
        log::remove(folder);
    }
    let kept = [place(folder, in_force), place(folder, in_force + 1)];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_one = entry.file_name().to_str().is_some_and(|name| name.starts_with("generation-"));
        if is_one && !kept.contains(&entry.path()) {
            remove_folder(&entry.path());
        }
    }
}

fn remove_folder(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "what is left of an index of vectors could not be removed");
    }
}
